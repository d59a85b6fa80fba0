import { crc32 } from 'node:zlib';
import { getInt32, getInt64, getUint32, mixWord, putInt32, putInt64 } from '../bytes.ts';

/**
 * A stretch of the key index: a hash table whose entries are chained from the newest to the oldest of a slot. Entries
 * are only appended, so the file of a growing segment is a prefix of what memory holds. Layout in docs/storage.md.
 */
export const INDEX_ENTRY_SIZE = 24;
/** Entries of one segment (12 MiB). A segment has half as many slots. */
export const INDEX_ENTRIES_MAX = 524_288;

const GROWTH_ENTRIES_MIN = 4_096;

export interface IndexHit {
  readonly physicalOffset: number;
  readonly storeSeconds: number;
}

/** What an entry says, without its place in the chain of its slot. */
export interface IndexedEntry {
  readonly hash: number;
  readonly physicalOffset: number;
  readonly storeSeconds: number;
}

/** Slot of a key's hash in a segment of that many entries. */
export function indexSlot(hash: number, entriesMax: number): number {
  return (Math.imul(hash, 0x9e3779b1) >>> 0) % (entriesMax / 2);
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
  readonly #entriesMax: number;
  /** Newest entry number of each slot, counted from 1. */
  readonly slots: Int32Array;
  entries: Buffer;
  count = 0;

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
    this.slots = new Int32Array(entriesMax / 2);
    this.entries = Buffer.allocUnsafeSlow(Math.min(GROWTH_ENTRIES_MIN, entriesMax) * INDEX_ENTRY_SIZE);
  }

  get isFull(): boolean {
    return this.count >= this.#entriesMax;
  }

  /** Number of the newest entry that a hash may have. */
  newest(hash: number): number {
    return this.slots[indexSlot(hash, this.#entriesMax)] ?? 0;
  }

  add(hash: number, physicalOffset: number, storeSeconds: number): void {
    const at = this.count * INDEX_ENTRY_SIZE;
    if (at + INDEX_ENTRY_SIZE > this.entries.length) this.#grow();
    const slot = indexSlot(hash, this.#entriesMax);
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
    const bytes = Buffer.alloc(4 + this.slots.length * 4);
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

export function areSlotsIntact(bytes: Buffer, entriesMax = INDEX_ENTRIES_MAX): boolean {
  return bytes.length === 4 + (entriesMax / 2) * 4 && getUint32(bytes, 0) === crc32(bytes.subarray(4));
}

function checkWord(bytes: Buffer, at: number, number: number): number {
  let word = mixWord(0, number);
  for (let index = 0; index < 20; index += 4) word = mixWord(word, getInt32(bytes, at + index));
  return word | 0;
}
