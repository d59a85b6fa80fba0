import { entryPhysicalOffset } from '@cometmq/broker/store/queue/queue-entry';
import { FRAME_ALIGNMENT, frameSize } from '@cometmq/broker/store/log/log-frame';
import type { StoreOptions } from '@cometmq/broker/store/store-options';
import { SeededRandom } from './seeded-random.ts';
import type { SimulatedDisk } from './simulated-disk.ts';
import { STORE_DIRECTORY, StoreWorld } from './store-world.ts';

export const DAMAGE_OPTIONS = {
  segmentSizeBytes: 4096,
  tailChunkBytes: 8192,
  tailChunks: 1,
  queueFileEntries: 8,
  indexSegmentEntries: 20,
} satisfies Partial<StoreOptions>;
export const LOG_DIRECTORY = `${STORE_DIRECTORY}/commitlog/`;

/** How the broker of an image ended: in order, or by a power cut a moment after its last acknowledged message. */
export type Stop = 'clean' | 'crash';

export interface StoredRecord {
  /** `topic/queueId/queueOffset`. */
  readonly name: string;
  readonly key: string;
  readonly record: string;
  /** The frame that holds it, by file and bytes. */
  readonly file: string;
  readonly start: number;
  readonly end: number;
}

/** A small store that nobody uses, and what it holds. */
export interface DamageImage {
  readonly stop: Stop;
  readonly disk: SimulatedDisk;
  readonly files: ReadonlyMap<string, Buffer>;
  readonly stored: ReadonlyMap<string, StoredRecord>;
  /** Next queue offset by `topic/queueId`. */
  readonly ends: ReadonlyMap<string, number>;
  readonly logEnd: number;
  /** Files of queues after a start and a stop without damage. */
  readonly derived: ReadonlyMap<string, Buffer>;
}

/** `seed` changes the bodies, and nothing of the sizes: images of two seeds have their frames at the same places. */
export async function damageImage(stop: Stop, seed = 7): Promise<DamageImage> {
  const disk = await build(stop, seed);
  const files = disk.files();
  const world = new StoreWorld(DAMAGE_OPTIONS, disk.clone());
  await world.open();
  const { stored } = await readAll(world, files);
  const logEnd = world.store.logEnd;
  const ends = new Map<string, number>();
  for (const { topic, queueId, max } of world.store.queues.all()) ends.set(`${topic}/${queueId}`, max);
  await world.close();
  return { stop, disk, files, stored, ends, logEnd, derived: derivedFiles(world.disk) };
}

export function derivedFiles(disk: SimulatedDisk): Map<string, Buffer> {
  return new Map([...disk.files()].filter(([path]) => path.includes('/consumequeue/')));
}

async function build(stop: Stop, seed: number): Promise<SimulatedDisk> {
  const world = new StoreWorld(DAMAGE_OPTIONS);
  await world.open();
  await world.clock.advance(50);
  const [sizes, bodies] = [new SeededRandom(7), new SeededRandom(seed)];
  let number = 0;
  const frame = async (topics: readonly string[]): Promise<void> => {
    for (const topic of topics) {
      const text = `${number} ${bodies.below(1_000_000)}`;
      const body = text.padEnd(20 + sizes.below(60), 'x');
      const properties = { KEYS: `k${number}`, TAGS: 'AB'[number % 2] ?? 'A', name: `value ${number}` };
      world.append({ topic, queueId: number % 2, body, properties });
      number++;
    }
    await world.clock.settle();
  };
  await frame(['gone', 'orders', 'gone']);
  await world.clock.advance(1_500);
  await world.store.dropTopic('gone');
  for (let round = 0; round < 7; round++) {
    await frame(['orders', 'bills', 'orders', 'orders']);
    // The rest of the log is behind the last checkpoint; each second of it makes one.
    if (round < 4 || stop === 'clean') await world.clock.advance(1_500);
    else await world.clock.advance(10);
  }
  if (stop === 'clean') await world.close();
  // What was not durable goes.
  return world.disk.crash({ seed: 1, keep: 0 });
}

/** All that can be read. A damaged entry is made anew and can be read then. */
export async function readAll(
  world: StoreWorld,
  files: ReadonlyMap<string, Buffer>,
): Promise<{ stored: Map<string, StoredRecord> }> {
  const stored = new Map<string, StoredRecord>();
  for (const queue of world.store.queues.all()) {
    for (let offset = queue.min; offset < queue.max; offset++) {
      for (let turn = 0; turn < 20 && queue.view(offset, 1).count === 0; turn++) await world.clock.settle();
      const view = queue.view(offset, 1);
      const message = tryMessage(world, queue.topic, queue.queueId, offset);
      if (message === undefined) continue;
      const record = await world.store.readRecord(entryPhysicalOffset(view.bytes, view.at));
      const name = `${queue.topic}/${queue.queueId}/${offset}`;
      const key = message.properties.get('KEYS') ?? '';
      const place = frameOf(files, message.physicalOffset);
      stored.set(name, { name, key, record: record?.toString('latin1') ?? '', ...place });
    }
  }
  return { stored };
}

function tryMessage(world: StoreWorld, topic: string, queueId: number, offset: number) {
  try {
    return world.message(world.store.queues.get(topic, queueId), offset);
  } catch (error) {
    if (error instanceof Error && error.message.endsWith("can't be read")) return undefined;
    throw error;
  }
}

/** The frame of the undamaged store around a log position. */
export function frameOf(
  files: ReadonlyMap<string, Buffer>,
  physicalOffset: number,
): { file: string; start: number; end: number } {
  const { segmentSizeBytes } = DAMAGE_OPTIONS;
  const base = Math.floor(physicalOffset / segmentSizeBytes) * segmentSizeBytes;
  const file = `${LOG_DIRECTORY}${String(base).padStart(20, '0')}`;
  const bytes = files.get(file) ?? Buffer.alloc(segmentSizeBytes);
  let start = Math.floor((physicalOffset - base) / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
  while (start > 0 && !isFrameStart(bytes, start)) start -= FRAME_ALIGNMENT;
  return { file, start, end: start + frameSize(bytes.readUInt32BE(start + 16)) };
}

export function isFrameStart(bytes: Buffer, at: number): boolean {
  return bytes.toString('latin1', at, at + 4) === 'CMQ1';
}
