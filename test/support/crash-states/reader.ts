import { ENTRY_SIZE, entryPhysicalOffset, entrySize } from '@cometmq/broker/store/queue/queue-entry';
import type { StoreQueue } from '@cometmq/broker/store/queue/store-queue';
import type { StoreWorld } from '../store-world.ts';
import type { Expectation, ModelQueue, Outcome } from './model.ts';

/** Messages of a queue whose keys are looked for in any case. */
const NEWEST = 3;
const scratch = Buffer.alloc(64 * 1024);

/**
 * Reads all that a store holds after a start and compares it with what was appended.
 * Keys of all messages are looked for when `isThorough`, else those of the newest.
 * @throws Error for a message that nobody sent or in a wrong place, a hole, a message that its key does not find, or
 *   one too many that a key finds.
 */
export function readOutcome(world: StoreWorld, expectation: Expectation, isThorough = true): Outcome {
  const { store } = world;
  if (store.damaged.length > 0) throw new Error(`damage reported: ${JSON.stringify(store.damaged)}`);
  const queues = new Map<string, readonly [number, number]>();
  for (const queue of store.queues.all()) {
    const { min, max, assigned } = queue;
    if (max === 0) continue;
    const name = `${queue.topic}/${queue.queueId}`;
    if (assigned !== max) throw new Error(`${name} ends at ${max}, and the next offset is ${assigned}`);
    const model = expectation.queues.get(name)?.queue;
    if (model === undefined) throw new Error(`phantom: nobody sent anything to ${name}`);
    readQueue(world, queue, model, isThorough ? min : max - NEWEST);
    for (let lost = max; lost < model.messages.length; lost++) {
      const key = model.messages[lost]?.key ?? '';
      const [hit] = store.index.find(queue.topic, key, 0, Infinity);
      if (hit !== undefined)
        throw new Error(`key ${key} of a message that is gone leads to ${hit.physicalOffset}`);
    }
    queues.set(name, [min, max]);
  }
  return { logStart: store.logStart, queues };
}

/** A record that was just appended. */
export function recordAt({ store }: StoreWorld, physicalOffset: number): Buffer {
  const size = Buffer.alloc(4);
  if (!store.reader.copySync(physicalOffset, size.length, size, 0)) throw new Error('not in memory');
  const record = Buffer.alloc(size.readInt32BE(0));
  if (!store.reader.copySync(physicalOffset, record.length, record, 0)) throw new Error('not in memory');
  return record;
}

function readQueue({ store }: StoreWorld, queue: StoreQueue, model: ModelQueue, keysFrom: number): void {
  const name = model.name;
  for (let offset = queue.min; offset < queue.max;) {
    const view = queue.view(offset, queue.max - offset);
    if (view.count === 0) throw new Error(`entry ${offset} of ${name} can't be read`);
    for (let index = 0; index < view.count; index++, offset++) {
      const at = view.at + index * ENTRY_SIZE;
      const physicalOffset = entryPhysicalOffset(view.bytes, at);
      const size = entrySize(view.bytes, at);
      if (size < 0) throw new Error(`a hole at ${offset} of ${name}`);
      const message = model.messages[offset];
      if (message?.physicalOffset !== physicalOffset || message.record.length !== size)
        throw new Error(`phantom: ${size} bytes at ${physicalOffset} as message ${offset} of ${name}`);
      if (!store.reader.copySync(physicalOffset, size, scratch, 0))
        throw new Error(`message ${offset} of ${name} can't be read`);
      if (message.record.compare(scratch, 0, size) !== 0)
        throw new Error(`phantom: other bytes as message ${offset} of ${name}`);
      if (offset < keysFrom) continue;
      const hits = [...store.index.find(queue.topic, message.key, 0, Infinity)];
      if (hits.length !== 1 || hits[0]?.physicalOffset !== physicalOffset)
        throw new Error(
          `key ${message.key} finds ${hits.length} messages instead of message ${offset} of ${name}`,
        );
    }
  }
}
