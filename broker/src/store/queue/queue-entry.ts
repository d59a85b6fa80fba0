import { getInt32, getInt64, mixWord, putInt32, putInt64 } from '../bytes.ts';

/**
 * An entry of a consume queue, 32 bytes: log position, record size, tags code, store time, check word. RocketMQ's entry
 * has 20; the store time answers "first message at or after T" without reading the log, and the check word tells a
 * damaged or misplaced entry from a good one.
 */
export const ENTRY_SIZE = 32;

/** Size of an entry whose message was in a damaged part of the log. Readers step over it. */
export const HOLE_SIZE = -1;

export function writeEntry(
  bytes: Uint8Array,
  at: number,
  queueOffset: number,
  physicalOffset: number,
  size: number,
  tagsCode: number,
  storeTimestamp: number,
): void {
  putInt64(bytes, at, physicalOffset);
  putInt32(bytes, at + 8, size);
  putInt64(bytes, at + 12, tagsCode);
  putInt64(bytes, at + 20, storeTimestamp);
  putInt32(bytes, at + 28, checkWord(bytes, at, queueOffset));
}

/** True when the entry is what was written for this place of its queue. */
export function isEntryIntact(bytes: Uint8Array, at: number, queueOffset: number): boolean {
  return getInt32(bytes, at + 28) === checkWord(bytes, at, queueOffset) && getInt32(bytes, at + 8) !== 0;
}

export function entryPhysicalOffset(bytes: Uint8Array, at: number): number {
  return getInt64(bytes, at);
}

export function entrySize(bytes: Uint8Array, at: number): number {
  return getInt32(bytes, at + 8);
}

export function entryTagsCode(bytes: Uint8Array, at: number): number {
  return getInt64(bytes, at + 12);
}

export function entryStoreTimestamp(bytes: Uint8Array, at: number): number {
  return getInt64(bytes, at + 20);
}

function checkWord(bytes: Uint8Array, at: number, queueOffset: number): number {
  let word = mixWord(queueOffset >>> 0, Math.floor(queueOffset / 2 ** 32));
  for (let index = 0; index < 28; index += 4) word = mixWord(word, getInt32(bytes, at + index));
  return word | 0;
}
