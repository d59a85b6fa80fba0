import { FRAME_HEADER_SIZE } from './log/log-frame.ts';
import type { MessageStore } from './message-store.ts';
import { StoredRecord } from './stored-record.ts';

/** Store time of the oldest message that the log still has, ms, or undefined when it has none. */
export async function firstStoreTimestamp(store: MessageStore): Promise<number | undefined> {
  const record = await store.readRecord(store.logStart + FRAME_HEADER_SIZE);
  return record === undefined ? undefined : new StoredRecord(record).storeTimestamp;
}
