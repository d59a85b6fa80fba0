import { crc32 } from 'node:zlib';
import { getInt32, getInt64, getUint32, mixWord, putInt32, putInt64 } from '../bytes.ts';

/**
 * A stretch of the key index: a hash table whose entries are chained from the newest to the oldest of a slot. Entries
 * are only appended, so the file of a growing segment is a prefix of what memory holds. Layout in docs/storage.md.
 */
export const INDEX_ENTRY_SIZE = 24;
/** Entries of one segment (12 MiB). */
export const INDEX_ENTRIES_MAX = 524_288;
export const INDEX_SLOTS = 262_144;

const GROWTH_ENTRIES_MIN = 4_096;

export interface IndexHit {
  readonly physicalOffset: number;
  readonly storeSeconds: number;
}

/** Slot of a key's hash. */
export function indexSlot(hash: number): number {
  return (Math.imul(hash, 0x9e3779b1) >>> 0) % INDEX_SLOTS;
}

export function indexEntryHash(bytes: Buffer, at: number): number {
  return getInt32(bytes, at);
}

export function indexEntryOffset(bytes: Buffer, at: number): number {
  return getInt64(bytes, at + 4);
}

export function indexEntrySeconds(bytes: Buffer, at: number): number {
  return getUint32(bytes, at + 12);
}

/** Number of the slot's entry before this one, counted from 1; 0 ends the chain. */
export function indexEntryPrevious(bytes: Buffer, at: number): number {
  return getInt32(bytes, at + 16);
}

export function isIndexEntryIntact(bytes: Buffer, at: number, number: number): boolean {
  return getInt32(bytes, at + 20) === checkWord(bytes, at, number);
}

/** The segment that takes new entries, in memory. */
export class ActiveIndexSegment {
  /** Newest entry number of each slot, counted from 1. */
  slots = new Int32Array(INDEX_SLOTS);
  entries = Buffer.allocUnsafeSlow(GROWTH_ENTRIES_MIN * INDEX_ENTRY_SIZE);
  count = 0;

  get isFull(): boolean {
    return this.count >= INDEX_ENTRIES_MAX;
  }

  add(hash: number, physicalOffset: number, storeSeconds: number): void {
    const at = this.count * INDEX_ENTRY_SIZE;
    if (at + INDEX_ENTRY_SIZE > this.entries.length) this.#grow();
    const slot = indexSlot(hash);
    const { entries } = this;
    this.count++;
    putInt32(entries, at, hash);
    putInt64(entries, at + 4, physicalOffset);
    putInt32(entries, at + 12, storeSeconds);
    putInt32(entries, at + 16, this.slots[slot] ?? 0);
    putInt32(entries, at + 20, checkWord(entries, at, this.count));
    this.slots[slot] = this.count;
  }

  /** Number of the first entry at or behind a log position, counted from 0. */
  countBefore(logOffset: number): number {
    let count = this.count;
    while (count > 0 && indexEntryOffset(this.entries, (count - 1) * INDEX_ENTRY_SIZE) >= logOffset) count--;
    return count;
  }

  /** Takes entries that a file held, up to the first damaged one or the first at or behind `logOffset`. */
  restore(bytes: Buffer, logOffset: number): void {
    for (let at = 0; at + INDEX_ENTRY_SIZE <= bytes.length; at += INDEX_ENTRY_SIZE) {
      const isGood = isIndexEntryIntact(bytes, at, this.count + 1) && indexEntryOffset(bytes, at) < logOffset;
      if (!isGood) return;
      this.add(indexEntryHash(bytes, at), indexEntryOffset(bytes, at), indexEntrySeconds(bytes, at));
    }
  }

  /** The slot table as a file: checksum, then the slots. */
  encodeSlots(): Buffer {
    const bytes = Buffer.alloc(4 + INDEX_SLOTS * 4);
    this.slots.forEach((entry, slot) => {
      putInt32(bytes, 4 + slot * 4, entry);
    });
    putInt32(bytes, 0, crc32(bytes.subarray(4)));
    return bytes;
  }

  #grow(): void {
    const larger = Buffer.allocUnsafeSlow(this.entries.length * 2);
    this.entries.copy(larger);
    this.entries = larger;
  }
}

export function areSlotsIntact(bytes: Buffer): boolean {
  return bytes.length === 4 + INDEX_SLOTS * 4 && getUint32(bytes, 0) === crc32(bytes.subarray(4));
}

function checkWord(bytes: Buffer, at: number, number: number): number {
  let word = mixWord(0, number);
  for (let index = 0; index < 20; index += 4) word = mixWord(word, getInt32(bytes, at + index));
  return word | 0;
}
