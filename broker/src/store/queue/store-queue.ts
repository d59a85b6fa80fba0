import { javaStringHash } from '@cometmq/common/message/tags-code';
import type { NewestEntry, QueueFiles } from './queue-files.ts';
import {
  ENTRY_SIZE,
  HOLE_SIZE,
  entryPhysicalOffset,
  entryStoreTimestamp,
  isEntryIntact,
  writeEntry,
} from './queue-entry.ts';

/** Entries in memory that are on disk as well are kept up to this many, for consumers near the tail. */
const WARM_ENTRIES = 512;
/** First size of the memory tail; it doubles as needed. */
const TAIL_ENTRIES_MIN = 64;

/** Some entries, either in the memory tail or read from files. Valid in the same turn only. */
export interface EntryView {
  readonly bytes: Buffer;
  readonly at: number;
  readonly count: number;
}

const NO_ENTRIES: EntryView = { bytes: Buffer.alloc(0), at: 0, count: 0 };

/**
 * One queue: the order of its messages. Entries are appended to a memory tail in the same step as the message to the
 * log, become readable when the message is durable, and reach the queue's files at the next checkpoint.
 */
export class StoreQueue {
  readonly topic: string;
  readonly queueId: number;
  /** Hash of `topic#`, which the keys of its messages continue in the index. */
  readonly topicHash: number;
  readonly #files: QueueFiles;
  /** Queue offset of the next message. */
  #assigned: number;
  /** Entries below may be read: their messages are as durable as was promised. */
  #visible: number;
  /** Oldest offset whose message is still in the log. */
  #min: number;
  #tail: Buffer | undefined;
  #tailBase: number;
  /** Called when more became readable. */
  readonly #arrivalListeners = new Set<() => void>();
  readonly #onDamage: (queue: StoreQueue, offset: number) => void;
  /** The topic was deleted; nothing may be appended any more. */
  #isRemoved = false;
  /** Identity of the group that this queue's last message belongs to, and where that group remembers this queue. */
  marks: object | undefined;
  marksIndex = 0;

  constructor(
    topic: string,
    queueId: number,
    files: QueueFiles,
    onDamage: (queue: StoreQueue, offset: number) => void,
  ) {
    this.#onDamage = onDamage;
    this.topic = topic;
    this.queueId = queueId;
    this.topicHash = javaStringHash(`${topic}#`);
    this.#files = files;
    this.#assigned = files.end;
    this.#visible = files.end;
    this.#min = files.start;
    this.#tailBase = files.end;
  }

  get assigned(): number {
    return this.#assigned;
  }

  /** Offset behind the newest readable message. */
  get max(): number {
    return this.#visible;
  }

  get min(): number {
    return this.#min;
  }

  append(physicalOffset: number, size: number, tagsCode: number, storeTimestamp: number): void {
    const tail = this.#room();
    const at = (this.#assigned - this.#tailBase) * ENTRY_SIZE;
    writeEntry(tail, at, this.#assigned, physicalOffset, size, tagsCode, storeTimestamp);
    this.#assigned++;
  }

  /** For recovery: messages up to `end` were in a damaged part of the log. Returns how many. */
  fillWithHoles(end: number, physicalOffset: number, storeTimestamp: number): number {
    const from = this.#assigned;
    while (this.#assigned < end) this.append(physicalOffset, HOLE_SIZE, 0, storeTimestamp);
    this.publish(this.#assigned);
    return this.#assigned - from;
  }

  /** For recovery: the first entry of a queue whose older entries are gone decides where it begins. */
  beginAt(queueOffset: number): void {
    this.#assigned = this.#visible = this.#min = this.#tailBase = queueOffset;
    this.#tail = undefined;
  }

  /** Makes entries below `offset` readable. */
  publish(offset: number): void {
    if (offset <= this.#visible) return;
    this.#visible = offset;
    for (const listener of this.#arrivalListeners) listener();
  }

  onArrival(listener: () => void): void {
    this.#arrivalListeners.add(listener);
  }

  offArrival(listener: () => void): void {
    this.#arrivalListeners.delete(listener);
  }

  /** Up to `count` readable entries from `from` on. */
  view(from: number, count: number): EntryView {
    const wanted = Math.min(count, this.#visible - from);
    if (wanted <= 0 || from < this.#files.start) return NO_ENTRIES;
    if (this.#tail !== undefined && from >= this.#tailBase) {
      return { bytes: this.#tail, at: (from - this.#tailBase) * ENTRY_SIZE, count: wanted };
    }
    const inFiles = Math.min(wanted, (this.#tail === undefined ? this.#files.end : this.#tailBase) - from);
    const bytes = Buffer.allocUnsafe(inFiles * ENTRY_SIZE);
    const read = this.#files.readSync(bytes, 0, from, inFiles);
    let intact = 0;
    while (intact < read && isEntryIntact(bytes, intact * ENTRY_SIZE, from + intact)) intact++;
    if (intact < inFiles) this.#onDamage(this, from + intact);
    return { bytes, at: 0, count: intact };
  }

  /** Wakes readers that met an entry that could not be read and can be now. */
  wakeReaders(): void {
    for (const listener of this.#arrivalListeners) listener();
  }

  /** Entries of the files as they are, readable or not; fewer when the files end before. */
  entriesInFiles(from: number, count: number): Buffer {
    const bytes = Buffer.alloc(count * ENTRY_SIZE);
    return bytes.subarray(0, this.#files.readSync(bytes, 0, from, count) * ENTRY_SIZE);
  }

  /** Replaces entries in the files that can't be read. */
  repair(entries: Buffer, from: number): Promise<void> {
    return this.#files.repair(entries, from);
  }

  /** First readable offset whose message was stored at or after `timestamp`; `max` when all are older. */
  offsetAtOrAfter(timestamp: number): number {
    return this.#search((view) => entryStoreTimestamp(view.bytes, view.at) < timestamp);
  }

  /** Store time of one message, or undefined when it can't be read. */
  storeTimestampAt(offset: number): number | undefined {
    const view = offset < this.#min ? NO_ENTRIES : this.view(offset, 1);
    return view.count === 0 ? undefined : entryStoreTimestamp(view.bytes, view.at);
  }

  /** Log position of one message, or undefined when it can't be read. */
  physicalOffsetAt(offset: number): number | undefined {
    const view = this.view(offset, 1);
    return view.count === 0 ? undefined : entryPhysicalOffset(view.bytes, view.at);
  }

  /** The log begins at `logStart` now. Returns true when that moved the oldest offset. */
  trimTo(logStart: number): boolean {
    const min = this.#search((view) => entryPhysicalOffset(view.bytes, view.at) < logStart);
    if (min <= this.#min) return false;
    this.#min = min;
    return true;
  }

  /** Queue offset of the oldest entry in the files. */
  get flushedStart(): number {
    return this.#files.start;
  }

  /** Queue offset behind the newest entry in the files. */
  get flushedEnd(): number {
    return this.#files.end;
  }

  /** For recovery: the newest whole entry that the files had when they were opened. */
  get newestInFiles(): NewestEntry | undefined {
    return this.#files.newest();
  }

  get isRemoved(): boolean {
    return this.#isRemoved;
  }

  /** True when there are entries that the files do not have. */
  get isDirty(): boolean {
    return this.#files.end < this.#assigned;
  }

  /** Writes the entries of records before `logOffset` to the files and syncs them. */
  async flush(logOffset: number): Promise<void> {
    const from = this.#files.end < this.#tailBase ? this.#tailBase : this.#files.end;
    let end = this.#assigned;
    const tail = this.#tail;
    if (tail === undefined) {
      // Only a queue whose messages all expired before a rebuild counts further than its entries.
      if (this.#files.end < end) await this.#files.beginAt(end);
      return;
    }
    while (end > from && entryPhysicalOffset(tail, (end - 1 - this.#tailBase) * ENTRY_SIZE) >= logOffset)
      end--;
    if (end === from) return;
    // A copy: the tail may move while the disk works.
    const first = (from - this.#tailBase) * ENTRY_SIZE;
    const entries = Buffer.from(tail.subarray(first, first + (end - from) * ENTRY_SIZE));
    await this.#files.append(entries, 0, from, end - from);
  }

  /** Drops what readers near the tail don't need; all of it when the queue is idle. */
  releaseMemory(isIdle: boolean): void {
    if (this.#tail === undefined) return;
    const keepFrom = isIdle ? this.#files.end : Math.max(this.#tailBase, this.#files.end - WARM_ENTRIES);
    if (keepFrom >= this.#assigned) {
      this.#tail = undefined;
      this.#tailBase = this.#assigned;
    } else if (keepFrom - this.#tailBase >= WARM_ENTRIES) {
      const first = (keepFrom - this.#tailBase) * ENTRY_SIZE;
      const end = (this.#assigned - this.#tailBase) * ENTRY_SIZE;
      const capacity = Math.max(TAIL_ENTRIES_MIN, 2 ** Math.ceil(Math.log2(this.#assigned - keepFrom + 1)));
      const smaller = Buffer.allocUnsafeSlow(capacity * ENTRY_SIZE);
      this.#tail.copy(smaller, 0, first, end);
      this.#tail = smaller;
      this.#tailBase = keepFrom;
    }
  }

  /** Removes files whose messages are gone. */
  removeExpiredFiles(): Promise<void> {
    return this.#files.removeBefore(this.#min);
  }

  /** The topic was deleted. */
  detach(): void {
    this.#isRemoved = true;
    this.#arrivalListeners.clear();
  }

  removeFiles(): Promise<void> {
    return this.#files.removeAll();
  }

  /**
   * First readable offset for which `isBefore` is false; entries are ordered by position and by time. Entries that can't
   * be read count like the next one that can.
   */
  #search(isBefore: (entry: EntryView) => boolean): number {
    let low = this.#min;
    let high = this.#visible;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      let probe = middle;
      let entry = this.view(probe, 1);
      while (entry.count === 0 && probe + 1 < high) entry = this.view(++probe, 1);
      if (entry.count > 0 && isBefore(entry)) low = probe + 1;
      else high = middle;
    }
    return low;
  }

  #room(): Buffer {
    const used = this.#assigned - this.#tailBase;
    const tail = this.#tail;
    if (tail === undefined) {
      this.#tailBase = this.#assigned;
      return (this.#tail = Buffer.allocUnsafeSlow(TAIL_ENTRIES_MIN * ENTRY_SIZE));
    }
    if ((used + 1) * ENTRY_SIZE <= tail.length) return tail;
    const larger = Buffer.allocUnsafeSlow(tail.length * 2);
    tail.copy(larger);
    return (this.#tail = larger);
  }
}
