import { MqError } from '@cometmq/common/error/mq-error';
import type { MessageStore } from './message-store.ts';
import { ENTRY_SIZE, entryPhysicalOffset, entrySize } from './queue/queue-entry.ts';
import type { StoreQueue } from './queue/store-queue.ts';
import { StoredRecord } from './stored-record.ts';

/** A message of a queue; without a record where damage or retention left none. */
export interface WalkedMessage {
  readonly queueOffset: number;
  readonly record: StoredRecord | undefined;
}

/** Entries looked at before the first of their records is read. */
const BATCH = 256;
/** A damaged entry is made anew from the log this often before the walk gives up. */
const REPAIRS_MAX = 3;

/**
 * What consumers could read of a queue, from an offset on to the end that the queue has when the walk gets there. For
 * features that keep their state as messages of a queue. Entries that can't be read are waited for: they are being
 * repaired.
 * @throws MqError `DATA_DAMAGED` when an entry can't be read nor repaired.
 */
export async function* walkQueue(
  store: MessageStore,
  queue: StoreQueue,
  from: number,
): AsyncGenerator<WalkedMessage> {
  let repairs = 0;
  for (let offset = Math.max(from, queue.min); offset < queue.max; offset = Math.max(offset, queue.min)) {
    const places = recordPlaces(queue, offset);
    if (places.length === 0) {
      if (repairs++ === REPAIRS_MAX) throw unreadable(queue, offset);
      await repaired(queue);
      continue;
    }
    repairs = 0;
    for (const place of places) {
      const bytes = place === undefined ? undefined : await store.readRecord(place);
      yield { queueOffset: offset++, record: bytes === undefined ? undefined : new StoredRecord(bytes) };
    }
  }
}

/** Log positions of the next messages, undefined for holes; copied, because entries in memory move. */
function recordPlaces(queue: StoreQueue, from: number): (number | undefined)[] {
  const { bytes, at, count } = queue.view(from, BATCH);
  return Array.from({ length: count }, (_, index) => {
    const entryAt = at + index * ENTRY_SIZE;
    return entrySize(bytes, entryAt) < 0 ? undefined : entryPhysicalOffset(bytes, entryAt);
  });
}

function repaired(queue: StoreQueue): Promise<void> {
  return new Promise((resolve) => {
    const woken = (): void => {
      queue.offArrival(woken);
      resolve();
    };
    queue.onArrival(woken);
  });
}

function unreadable(queue: StoreQueue, offset: number): MqError {
  return new MqError(
    'DATA_DAMAGED',
    `entry ${offset} of queue ${queue.queueId} of ${queue.topic} can't be read`,
    {
      hint: 'stop the broker and look at the store with `comet store verify`',
    },
  );
}
