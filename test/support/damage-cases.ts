import type { DamageImage } from './damage-image.ts';
import { LOG_DIRECTORY, isFrameStart } from './damage-image.ts';
import { SeededRandom } from './seeded-random.ts';
import type { SimulatedDisk } from './simulated-disk.ts';

const SECTOR = 512;
const PAGE = 4096;
const HEADER = 48;

/** One damage of one file. */
export interface Damage {
  /** Names the case, so that it can be run alone. */
  readonly name: string;
  readonly file: string;
  /** The bytes that differ. */
  readonly start: number;
  readonly end: number;
  /** The file lost its end, or all of it. */
  readonly isCut: boolean;
  readonly apply: (disk: SimulatedDisk) => void;
}

/** Every bit of every byte instead of one, which takes minutes. */
const IS_EXHAUSTIVE = process.env['COMET_TEST_EXHAUSTIVE'] !== undefined;

/** A bit of every byte, another one from byte to byte; once every bit of the headers of frames. */
export function* flips(image: DamageImage, file: string): Generator<Damage> {
  const content = image.files.get(file) ?? Buffer.alloc(0);
  for (let position = 0; position < content.length; position++) {
    const isAll = IS_EXHAUSTIVE || (image.stop === 'clean' && isHeader(file, content, position));
    for (let bit = 0; bit < 8; bit++) {
      if (!isAll && bit !== (position * 5 + Math.floor(position / 8)) % 8) continue;
      const changed = Buffer.from([(content[position] ?? 0) ^ (1 << bit)]);
      yield replaced(content, file, position, changed, `bit ${bit} of byte ${position}`);
    }
  }
}

function isHeader(file: string, content: Buffer, position: number): boolean {
  if (!file.startsWith(LOG_DIRECTORY) || position % SECTOR >= HEADER) return false;
  return isFrameStart(content, position - (position % SECTOR));
}

/** Sectors and pages that were zeroed, filled with garbage, or written to each other's place; every cut at a sector. */
export function* blocks(image: DamageImage, file: string): Generator<Damage> {
  const content = image.files.get(file) ?? Buffer.alloc(0);
  for (const size of [SECTOR, PAGE]) yield* overwritten(file, content, size);
  for (let at = 0; at < content.length; at += SECTOR) {
    for (let other = at + SECTOR; other < content.length; other += SECTOR) {
      const swapped = Buffer.from(content.subarray(at));
      const [left, right] = [content.subarray(at, at + SECTOR), content.subarray(other, other + SECTOR)];
      swapped.set(right.subarray(0, left.length), 0);
      swapped.set(left.subarray(0, content.length - other), other - at);
      yield replaced(content, file, at, swapped, `sectors ${at} and ${other} swapped`);
    }
  }
}

function* overwritten(file: string, content: Buffer, size: number): Generator<Damage> {
  const random = new SeededRandom(content.length + size);
  for (let at = 0; at < content.length; at += size) {
    const length = Math.min(size, content.length - at);
    yield replaced(content, file, at, Buffer.alloc(length), `${size} bytes zeroed at ${at}`);
    yield replaced(content, file, at, Buffer.alloc(length, 0xff), `${size} bytes set at ${at}`);
    yield replaced(content, file, at, random.bytes(length), `${size} bytes of garbage at ${at}`);
    for (let from = 0; from + length <= content.length; from += SECTOR) {
      if (from === at) continue;
      const bytes = Buffer.from(content.subarray(from, from + length));
      yield replaced(content, file, at, bytes, `${size} bytes of ${from} at ${at}`);
    }
  }
}

/** `step` 1 for small files: cut at every byte. */
export function* cuts(image: DamageImage, file: string, step: number): Generator<Damage> {
  const { length } = image.files.get(file) ?? Buffer.alloc(0);
  for (let size = 0; size < length; size += step) {
    const apply = (disk: SimulatedDisk): void => {
      disk.cut(file, size);
    };
    yield { name: `${shortName(file)} cut to ${size}`, file, start: size, end: length, isCut: true, apply };
  }
  const lose = (disk: SimulatedDisk): void => {
    disk.lose(file);
  };
  yield { name: `${shortName(file)} lost`, file, start: 0, end: length, isCut: true, apply: lose };
}

/** A damage with the range of bytes that it really changes. */
export function replaced(content: Buffer, file: string, at: number, bytes: Buffer, what: string): Damage {
  let [start, end] = [0, bytes.length];
  while (start < end && bytes[start] === content[at + start]) start++;
  while (end > start && bytes[end - 1] === content[at + end - 1]) end--;
  const apply = (disk: SimulatedDisk): void => {
    if (start < end) disk.damage(file, at + start, bytes.subarray(start, end));
  };
  return { name: `${shortName(file)} ${what}`, file, start: at + start, end: at + end, isCut: false, apply };
}

function shortName(file: string): string {
  return file.split('/').slice(3).join('/');
}
