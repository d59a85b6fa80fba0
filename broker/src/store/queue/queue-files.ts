import { join } from 'node:path';
import type { Disk } from '@cometmq/common/disk/disk';
import type { FileCache } from './file-cache.ts';
import { ENTRY_SIZE, entryPhysicalOffset, isEntryIntact } from './queue-entry.ts';

/** Entries of one file (4 MiB). */
const ENTRIES_PER_FILE = 131_072;
/** Entries that one read takes when the end is looked for. */
const BLOCK_ENTRIES = 512;

export interface NewestEntry {
  readonly queueOffset: number;
  readonly physicalOffset: number;
}

/** The files of one queue, each named by the queue offset of its first entry. Opened on demand through the cache. */
export class QueueFiles {
  readonly directory: string;
  readonly #disk: Disk;
  readonly #cache: FileCache;
  readonly #entriesPerFile: number;
  /** First queue offset of each file, ascending. */
  readonly #bases: number[] = [];
  readonly #unsynced = new Set<number>();
  #namesChanged = false;
  #end = 0;
  #forgotten: NewestEntry | undefined;

  constructor(disk: Disk, cache: FileCache, directory: string, entriesPerFile = ENTRIES_PER_FILE) {
    this.#disk = disk;
    this.#cache = cache;
    this.#entriesPerFile = entriesPerFile;
    this.directory = directory;
  }

  /** Queue offset of the oldest entry that is on disk. */
  get start(): number {
    return this.#bases[0] ?? this.#end;
  }

  /** Queue offset behind the newest entry that is on disk. */
  get end(): number {
    return this.#end;
  }

  /** Takes stock of the files. The end counts whole entries only. False when a file lacks or is too short. */
  load(): boolean {
    for (const name of this.#disk.listSync(this.directory)) {
      if (/^\d{20}$/.test(name)) this.#bases.push(Number(name));
    }
    let isWhole = true;
    for (const [index, base] of this.#bases.entries()) {
      const entries = Math.floor(this.#file(base).sizeSync() / ENTRY_SIZE);
      const next = this.#bases[index + 1];
      if (next === undefined) this.#end = base + entries;
      else if (entries !== this.#entriesPerFile || next !== base + this.#entriesPerFile) isWhole = false;
    }
    return isWhole;
  }

  /** Begins at a queue offset without an entry: what was before it is gone, its count is not. */
  async beginAt(queueOffset: number): Promise<void> {
    this.#createFile(queueOffset);
    this.#file(queueOffset);
    await this.sync();
  }

  /** Writes entries again that can't be read. */
  async repair(bytes: Buffer, from: number): Promise<void> {
    const count = bytes.length / ENTRY_SIZE;
    for (let done = 0; done < count;) {
      const base = this.#baseOf(from + done);
      if (base === undefined) return;
      const index = from + done - base;
      const part = Math.min(count - done, this.#entriesPerFile - index);
      await this.#write(base, bytes, done, part, index);
      done += part;
    }
    await this.sync();
  }

  /** The newest whole entry, also one that `truncateTo` forgot. */
  newest(): NewestEntry | undefined {
    if (this.#forgotten !== undefined) return this.#forgotten;
    let newest: NewestEntry | undefined;
    this.#endBefore(Infinity, (entry) => (newest = entry));
    return newest;
  }

  /** Forgets entries of records at or behind a log position, and damaged ones at the end. */
  async truncateTo(logOffset: number): Promise<void> {
    const end = this.#endBefore(logOffset, (newest) => (this.#forgotten ??= newest));
    if (end === this.#end) return;
    this.#end = end;
    while (this.#bases.length > 1 && (this.#bases.at(-1) ?? 0) >= end) {
      await this.#removeFile(this.#bases.pop() ?? 0);
    }
    const last = this.#bases.at(-1);
    if (last === undefined) return;
    await this.#cache.use(this.#path(last), (file) => file.truncate((end - last) * ENTRY_SIZE));
  }

  /** Reads up to `count` entries from queue offset `from`; returns how many there were. */
  readSync(into: Buffer, at: number, from: number, count: number): number {
    let done = 0;
    while (done < count) {
      const base = this.#baseOf(from + done);
      if (base === undefined) break;
      const index = from + done - base;
      const wanted = Math.min(count - done, this.#entriesPerFile - index);
      const bytes = this.#file(base).readSync(
        into,
        at + done * ENTRY_SIZE,
        wanted * ENTRY_SIZE,
        index * ENTRY_SIZE,
      );
      const entries = Math.floor(bytes / ENTRY_SIZE);
      done += entries;
      if (entries < wanted) break;
    }
    return done;
  }

  /**
   * Appends entries, durably. `from` differs from `end` only for the first entries of an empty queue. After a failure the
   * entries count as not there and must be appended again: a second sync alone would not write what the first one lost.
   */
  async append(bytes: Buffer, start: number, from: number, count: number): Promise<void> {
    const endBefore = this.#end;
    try {
      await this.#appendUnsynced(bytes, start, from, count);
      await this.sync();
    } catch (error) {
      while (this.#bases.length > 1 && (this.#bases.at(-1) ?? 0) >= endBefore) this.#bases.pop();
      this.#end = endBefore;
      throw error;
    }
  }

  async #appendUnsynced(bytes: Buffer, start: number, from: number, count: number): Promise<void> {
    if (this.#bases.length === 0) this.#createFile(from);
    let done = 0;
    while (done < count) {
      let base = this.#bases.at(-1) ?? from;
      if (from + done - base === this.#entriesPerFile) {
        base = from + done;
        this.#createFile(base);
      }
      const index = from + done - base;
      const part = Math.min(count - done, this.#entriesPerFile - index);
      await this.#write(base, bytes, start / ENTRY_SIZE + done, part, index);
      done += part;
      this.#end = from + done;
    }
  }

  async sync(): Promise<void> {
    for (const base of this.#unsynced) await this.#cache.use(this.#path(base), (file) => file.datasync());
    this.#unsynced.clear();
    await this.#syncNames();
  }

  /** Removes files that hold only entries before `minOffset`; the last file stays, it keeps the queue's count. */
  async removeBefore(minOffset: number): Promise<void> {
    while (this.#bases.length > 1 && (this.#bases[1] ?? Infinity) <= minOffset) {
      await this.#removeFile(this.#bases.shift() ?? 0);
      // One by one: a removal that survives a crash must not leave a gap behind one that does not.
      await this.#disk.syncDirectory(this.directory);
    }
  }

  async removeAll(): Promise<void> {
    for (const base of this.#bases) await this.#cache.forget(this.#path(base));
    this.#bases.length = 0;
    this.#end = 0;
    await this.#disk.removeTree(this.directory);
  }

  /** Queue offset behind the last whole entry of a record before `logOffset`, looked for from the end. */
  #endBefore(logOffset: number, onWhole: (entry: NewestEntry) => void): number {
    const block = Buffer.allocUnsafe(Math.min(BLOCK_ENTRIES, this.#end - this.start) * ENTRY_SIZE);
    for (let end = this.#end; end > this.start;) {
      const first = Math.max(this.start, end - BLOCK_ENTRIES);
      const read = this.readSync(block, 0, first, end - first);
      for (let index = read - 1; index >= 0; index--) {
        const at = index * ENTRY_SIZE;
        if (!isEntryIntact(block, at, first + index)) continue;
        const physicalOffset = entryPhysicalOffset(block, at);
        onWhole({ queueOffset: first + index, physicalOffset });
        if (physicalOffset < logOffset) return first + index + 1;
      }
      end = first;
    }
    return this.start;
  }

  async #write(base: number, bytes: Buffer, first: number, count: number, index: number): Promise<void> {
    await this.#cache.use(this.#path(base), (file) =>
      file.write(bytes, first * ENTRY_SIZE, count * ENTRY_SIZE, index * ENTRY_SIZE),
    );
    this.#unsynced.add(base);
  }

  #createFile(base: number): void {
    if (this.#bases.length === 0) this.#disk.makeDirectorySync(this.directory);
    this.#bases.push(base);
    this.#namesChanged = true;
    this.#end = base;
  }

  async #syncNames(): Promise<void> {
    if (!this.#namesChanged) return;
    await this.#disk.syncDirectory(this.directory);
    await this.#disk.syncDirectory(join(this.directory, '..'));
    await this.#disk.syncDirectory(join(this.directory, '..', '..'));
    this.#namesChanged = false;
  }

  async #removeFile(base: number): Promise<void> {
    const path = this.#path(base);
    await this.#cache.forget(path);
    await this.#disk.remove(path);
  }

  #baseOf(queueOffset: number): number | undefined {
    if (queueOffset >= this.#end) return undefined;
    for (let index = this.#bases.length - 1; index >= 0; index--) {
      const base = this.#bases[index];
      // A file that lacks leaves a gap.
      if (base !== undefined && base <= queueOffset)
        return queueOffset < base + this.#entriesPerFile ? base : undefined;
    }
    return undefined;
  }

  #file(base: number): ReturnType<FileCache['open']> {
    return this.#cache.open(this.#path(base));
  }

  #path(base: number): string {
    return join(this.directory, String(base).padStart(20, '0'));
  }
}
