import { MqError } from '@cometmq/common/error/mq-error';
import { verifyStore } from '@cometmq/broker/store/tools/verify-store';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../support/seeded-random.ts';
import type { SimulatedDisk } from '../support/simulated-disk.ts';
import { STORE_DIRECTORY, StoreWorld } from '../support/store-world.ts';

// Damages a small store of a stopped broker in one place, opens it, and compares all that can be read with what was
// stored: it is equal, or it lacks only what was in the damaged frame and the damage is reported by file and byte.

const SECTOR = 512;
const OPTIONS = { segmentSizeBytes: 4096, tailChunkBytes: 8192, tailChunks: 1 };
const LOG = `${STORE_DIRECTORY}/commitlog/`;

interface Stored {
  readonly name: string;
  readonly key: string;
  readonly record: string;
  readonly storeTimestamp: number;
  /** The frame that holds it, by file and bytes. */
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

interface Damage {
  readonly file: string;
  /** The bytes that differ. */
  readonly start: number;
  readonly end: number;
  readonly what: string;
  readonly apply: (disk: SimulatedDisk) => void;
}

type Outcome = 'harmless' | 'reported' | 'refused';

const image = await build();
const files = image.files();
const stored = await read(await open(image));

async function open(disk: SimulatedDisk): Promise<StoreWorld> {
  const world = new StoreWorld(OPTIONS, disk.clone());
  await world.open();
  return world;
}

async function build(): Promise<SimulatedDisk> {
  const world = new StoreWorld(OPTIONS);
  await world.open();
  await world.clock.advance(50);
  const random = new SeededRandom(7);
  let number = 0;
  const frame = async (topics: readonly string[]): Promise<void> => {
    for (const topic of topics) {
      const body = `${number} ${random.below(1_000_000)}`.padEnd(10 + random.below(60), 'x');
      const properties = { KEYS: `k${number}`, TAGS: 'AB'[number % 2] ?? 'A', name: `value ${number}` };
      world.append({ topic, queueId: number % 2, body, properties });
      number++;
    }
    await world.clock.settle();
    await world.clock.advance(1_500);
  };
  await frame(['gone', 'orders', 'gone']);
  await world.store.dropTopic('gone');
  for (let round = 0; round < 6; round++) await frame(['orders', 'bills', 'orders', 'orders']);
  await world.close();
  // What was not durable goes, so that all is as on a machine that was switched off.
  return world.disk.crash({ seed: 1, keep: 0 });
}

/** All that can be read, by queue and queue offset. */
async function read(world: StoreWorld): Promise<Map<string, Stored>> {
  const found = new Map<string, Stored>();
  for (const queue of world.store.queues.all()) {
    for (let offset = queue.min; offset < queue.max; offset++) {
      // A damaged entry is made anew and can be read then.
      for (let turn = 0; turn < 20 && queue.view(offset, 1).count === 0; turn++) await world.clock.settle();
      const message = tryMessage(world, queue.topic, queue.queueId, offset);
      if (message === undefined) continue;
      const { physicalOffset, storeTimestamp } = message;
      const record = await world.store.readRecord(physicalOffset);
      const name = `${queue.topic}/${queue.queueId}/${offset}`;
      const key = message.properties.get('KEYS') ?? '';
      found.set(name, {
        name,
        key,
        record: record?.toString('latin1') ?? '',
        storeTimestamp,
        ...frameOf(physicalOffset),
      });
    }
  }
  return found;
}

function tryMessage(world: StoreWorld, topic: string, queueId: number, offset: number) {
  const queue = world.store.queues.get(topic, queueId);
  try {
    return world.message(queue, offset);
  } catch (error) {
    if (error instanceof Error && error.message.endsWith("can't be read")) return undefined;
    throw error;
  }
}

/** The frame of the undamaged store around a log position. */
function frameOf(physicalOffset: number): { file: string; start: number; end: number } {
  const { segmentSizeBytes } = OPTIONS;
  const base = Math.floor(physicalOffset / segmentSizeBytes) * segmentSizeBytes;
  const file = `${LOG}${String(base).padStart(20, '0')}`;
  const bytes = contentOf(file);
  let start = Math.floor((physicalOffset - base) / SECTOR) * SECTOR;
  while (bytes.toString('latin1', start, start + 4) !== 'CMQ1') start -= SECTOR;
  return { file, start, end: start + Math.ceil((48 + bytes.readUInt32BE(start + 16)) / SECTOR) * SECTOR };
}

function contentOf(file: string): Buffer {
  return files.get(file) ?? Buffer.alloc(0);
}

async function judge(damage: Damage): Promise<Outcome> {
  const disk = image.clone();
  damage.apply(disk);
  const damaged = disk.files();
  const world = new StoreWorld(OPTIONS, disk);
  try {
    await world.open();
  } catch (error) {
    if (!(error instanceof MqError) || error.kind !== 'DATA_DAMAGED') throw error;
    expectKept(damaged, disk, () => true);
    return 'refused';
  }
  const found = await read(world);
  const missing = compare(found, damage);
  // Keys of records that are what they were are found as they were; only damage to the index can change that.
  if (!damage.file.startsWith(LOG) || damage.start % 16 === 0) await compareKeys(world, missing);
  expectKept(damaged, disk, (path) => path.startsWith(LOG) && !path.includes('spare'));
  if (missing.size === 0) return 'harmless';
  if (!(await isReported(disk, damage)))
    throw new Error(`${missing.size} messages are lost and nobody says so`);
  return 'reported';
}

/** Names of the messages that can't be read. All others are as they were, and there is nothing else. */
function compare(found: ReadonlyMap<string, Stored>, damage: Damage): Set<string> {
  const missing = new Set<string>();
  for (const [name, expected] of stored) {
    const record = found.get(name)?.record;
    if (record === expected.record) continue;
    if (record !== undefined && record !== '') throw new Error(`${name} is another message`);
    const isHit = expected.file === damage.file && damage.start < expected.end && damage.end > expected.start;
    if (!isHit) throw new Error(`${name} is lost, and was not in the damaged place`);
    missing.add(name);
  }
  for (const name of found.keys()) if (!stored.has(name)) throw new Error(`${name} was never stored`);
  return missing;
}

async function compareKeys(world: StoreWorld, missing: ReadonlySet<string>): Promise<void> {
  for (const { name, key, record } of stored.values()) {
    const records = new Set<string>();
    for (const { physicalOffset } of world.store.index.find(name.split('/')[0] ?? '', key, 0, Infinity)) {
      const bytes = await world.store.readRecord(physicalOffset);
      if (bytes !== undefined) records.add(bytes.toString('latin1'));
    }
    const expected = missing.has(name) ? [] : [record];
    if ([...records].join() !== expected.join()) throw new Error(`key ${key} finds ${records.size} messages`);
  }
}

/** Nothing was deleted or overwritten on the strength of something unreadable. */
function expectKept(
  before: ReadonlyMap<string, Buffer>,
  disk: SimulatedDisk,
  matters: (path: string) => boolean,
): void {
  const now = disk.files();
  for (const [path, bytes] of before) {
    if (matters(path) && now.get(path)?.equals(bytes) !== true) throw new Error(`${path} was changed`);
  }
}

async function isReported(disk: SimulatedDisk, { file, start, end }: Damage): Promise<boolean> {
  for await (const finding of verifyStore(disk, STORE_DIRECTORY)) {
    if (finding.file === file && finding.offset < end && finding.offset + finding.length > start) return true;
  }
  return false;
}

async function judgeAll(damages: Iterable<Damage>): Promise<Record<Outcome, number>> {
  const counts = { harmless: 0, reported: 0, refused: 0 };
  const faults: string[] = [];
  for (const damage of damages) {
    try {
      counts[await judge(damage)]++;
    } catch (error) {
      const { file, start, what } = damage;
      faults.push(`${what} ${file.slice(STORE_DIRECTORY.length + 1)}:${start}: ${String(error)}`);
    }
  }
  expect(faults.slice(0, 20), `${faults.length} faults`).toEqual([]);
  return counts;
}

function replaced(file: string, start: number, bytes: Buffer, what: string): Damage {
  return {
    file,
    start,
    end: start + bytes.length,
    what,
    apply: (disk) => {
      disk.damage(file, start, bytes);
    },
  };
}

/** Every byte takes minutes on a busy machine; COMET_TEST_EXHAUSTIVE=1 does it. */
const STRIDE = process.env['COMET_TEST_EXHAUSTIVE'] === undefined ? 3 : 1;

/** Every bit of the headers of frames, one bit of other bytes: of all but for the log, where a third does. */
function* flips(file: string): Generator<Damage> {
  const random = new SeededRandom(file.length);
  const content = contentOf(file);
  for (let position = 0; position < content.length; position++) {
    if (file.startsWith(LOG) && position % STRIDE !== 0 && !isHeader(file, position)) continue;
    const byte = content[position] ?? 0;
    const bits = isHeader(file, position) ? [0, 1, 2, 3, 4, 5, 6, 7] : [random.below(8)];
    for (const bit of bits) yield replaced(file, position, Buffer.from([byte ^ (1 << bit)]), `bit ${bit}`);
  }
}

function isHeader(file: string, position: number): boolean {
  if (!file.startsWith(LOG) || position % SECTOR >= 48) return false;
  const start = position - (position % SECTOR);
  return contentOf(file).toString('latin1', start, start + 4) === 'CMQ1';
}

function* sectors(file: string): Generator<Damage> {
  const content = contentOf(file);
  for (let at = 0; at < content.length; at += SECTOR) {
    const size = Math.min(SECTOR, content.length - at);
    yield replaced(file, at, Buffer.alloc(size), 'zeroed sector');
    for (let from = 0; from + size <= content.length; from += SECTOR) {
      if (from === at) continue;
      yield replaced(file, at, Buffer.from(content.subarray(from, from + size)), `sector ${from} again`);
    }
  }
}

function* cuts(file: string, step: number): Generator<Damage> {
  const { length } = contentOf(file);
  for (let size = 0; size < length; size += step) {
    const apply = (disk: SimulatedDisk): void => {
      disk.cut(file, size);
    };
    yield { file, start: size, end: length, what: 'cut', apply };
  }
}

/** What damage in each kind of file may lead to at worst. */
describe.each<[name: string, pattern: RegExp, outcomes: readonly Outcome[]]>([
  ['log segments', /commitlog\/\d{20}$/, ['harmless', 'reported', 'refused']],
  ['queue files', /consumequeue\//, ['harmless']],
  ['key index', /index\/\d{20}\.entries$/, ['harmless']],
  ['checkpoint', /checkpoint$/, ['harmless']],
  ['dropped topics', /dropped-topics\.json$/, ['harmless', 'refused']],
])('%s', (_name, pattern, outcomes) => {
  const paths = [...files.keys()].filter((path) => pattern.test(path));

  test('a flipped bit in any byte', { timeout: 60_000 }, async () => {
    const counts = await judgeAll(paths.flatMap((file) => [...flips(file)]));
    expect(counts.harmless + counts.reported + counts.refused).toBeGreaterThan(20);
    expectOnly(counts, outcomes);
  });

  test('any sector zeroed or written to another place, any cut', { timeout: 60_000 }, async () => {
    const step = pattern.source.includes('commitlog') ? 64 : STRIDE;
    expectOnly(await judgeAll(paths.flatMap((file) => [...sectors(file), ...cuts(file, step)])), outcomes);
  });
});

function expectOnly(counts: Record<Outcome, number>, outcomes: readonly Outcome[]): void {
  const met = (['harmless', 'reported', 'refused'] as const).filter((outcome) => counts[outcome] > 0);
  expect(met.filter((outcome) => !outcomes.includes(outcome))).toEqual([]);
  if (process.env['COMET_TEST_COUNTS'] !== undefined) console.log(counts);
}
