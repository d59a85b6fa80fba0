import { join } from 'node:path';
import type { Disk } from '@cometmq/common/disk/disk';
import { readFileSync, writeFileAtomic } from '@cometmq/common/disk/atomic-file';
import { javaStringHash } from '@cometmq/common/message/tags-code';
import { getInt32 } from '../bytes.ts';
import type { PropertyScan } from '../property-scan.ts';
import { putKeys } from './key-hash.ts';
import type { IndexHit, IndexedEntry } from './index-segment.ts';
import {
  ActiveIndexSegment,
  INDEX_ENTRIES_MAX,
  INDEX_ENTRY_SIZE,
  areSlotsIntact,
  indexEntryHash,
  indexEntryOffset,
  indexEntryPrevious,
  indexEntrySeconds,
  indexSlot,
  isIndexEntryIntact,
} from './index-segment.ts';

/** Entries that one query looks at; long chains of one hash would otherwise block the event loop. */
const VISITS_MAX = 10_000;

/**
 * Finds messages by key: `topic#KEYS word`, `topic#UNIQ_KEY` and `topic#T#tag`, hashed as in RocketMQ. Hits may be
 * collisions, so the caller compares the record. Derived from the log; rebuilt from it when lost.
 */
export class KeyIndex {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #entriesMax: number;
  /** Sequence numbers of the segments on disk, ascending; the last one is active. */
  readonly #sealed: number[] = [];
  /** Segments whose slots were read and found intact. */
  readonly #checkedSlots = new Set<number>();
  #sequence = 1;
  #active: ActiveIndexSegment;
  /** Entries of the active segment that are on disk. */
  #flushed = 0;
  /** Full segments that wait for the next flush. */
  #full: { readonly sequence: number; readonly segment: ActiveIndexSegment; flushed: number }[] = [];

  constructor(disk: Disk, directory: string, entriesMax = INDEX_ENTRIES_MAX) {
    this.#disk = disk;
    this.#directory = directory;
    this.#entriesMax = entriesMax;
    this.#active = new ActiveIndexSegment(entriesMax);
  }

  /**
   * Takes stock of the segments on disk. Only the first `entries`, counted from the first one ever, and of these the ones
   * before `logOffset` count: later ones were written after the checkpoint and are derived again. False when a segment
   * lacks or is too short.
   */
  async load(logOffset: number, entries: number): Promise<boolean> {
    this.#disk.makeDirectorySync(this.#directory);
    const numbers = await this.#takeStock(entries);
    let isCut = false;
    for (const [index, number] of numbers.entries()) {
      if (number !== (numbers[0] ?? 0) + index) return false;
      const wanted = Math.min(entries - (number - 1) * this.#entriesMax, this.#entriesMax);
      if (isCut || (wanted <= 0 && index > 0)) {
        await this.#disk.remove(this.#path(number, 'slots'));
        await this.#disk.remove(this.#path(number, 'entries'));
        continue;
      }
      const isSealed = this.#disk.existsSync(this.#path(number, 'slots'));
      if (isSealed && wanted === this.#entriesMax) {
        if (this.#entriesSize(number) < this.#entriesMax * INDEX_ENTRY_SIZE) return false;
        this.#sealed.push(number);
        this.#sequence = number + 1;
        continue;
      }
      // Sealed after the checkpoint: its last entries are derived again, perhaps in other places.
      if (isSealed) {
        await this.#disk.remove(this.#path(number, 'slots'));
        isCut = true;
      }
      // Full but not sealed before the crash: the next flush seals it.
      if (this.#active.count > 0) this.#retireActive();
      this.#sequence = number;
      const bytes = readFileSync(this.#disk, this.#path(number, 'entries')) ?? Buffer.alloc(0);
      this.#active.restore(bytes.subarray(0, Math.max(0, wanted) * INDEX_ENTRY_SIZE), logOffset);
      this.#flushed = this.#active.count;
      isCut ||= !this.#active.isFull;
      if (!isCut && this.#disk.existsSync(this.#path(number + 1, 'slots'))) await this.#sealAgain(number);
    }
    // Slots that came back after the next checkpoint would be taken for those of the entries derived again.
    if (isCut) await this.#disk.syncDirectory(this.#directory);
    return true;
  }

  /** A full segment before a sealed one has lost its slots. */
  async #sealAgain(number: number): Promise<void> {
    await writeFileAtomic(this.#disk, this.#path(number, 'slots'), this.#active.encodeSlots());
    this.#sealed.push(number);
    this.#sequence = number + 1;
    this.#active = new ActiveIndexSegment(this.#entriesMax);
    this.#flushed = 0;
  }

  /** Numbers of the segments, without what a crash left of those that were being removed or sealed. */
  async #takeStock(entries: number): Promise<number[]> {
    const names = new Set(this.#disk.listSync(this.#directory));
    for (const name of names) {
      const isAlone = name.endsWith('.slots') && !names.has(name.replace('.slots', '.entries'));
      if (isAlone || name.endsWith('.tmp')) await this.#disk.remove(join(this.#directory, name));
    }
    const numbers = [...names]
      .filter((name) => /^\d{20}\.entries$/.test(name))
      .map((name) => parseInt(name, 10));
    const isSealed = (number: number): boolean =>
      number * this.#entriesMax <= entries && names.has(fileName(number, 'slots'));
    // Segments are sealed in order, so one that lacks its slots before one that has them was being removed.
    for (
      let first = numbers[0];
      first !== undefined && isSealed(first + 1) && !isSealed(first);
      first = numbers[0]
    ) {
      await this.#disk.remove(this.#path(first, 'entries'));
      numbers.shift();
    }
    return numbers;
  }

  /**
   * True when the oldest segment is gone although messages of it are still there: one is given up only when the next
   * begins with a message that is gone as well.
   */
  isStartLost(logStart: number): boolean {
    const first = this.#sealed[0] ?? this.#full[0]?.sequence ?? this.#sequence;
    const offset = first === 1 ? undefined : this.#firstOffset(first);
    return offset !== undefined && offset > logStart;
  }

  /** Entries that are on disk, counted from the first one ever. */
  get flushedEntries(): number {
    const next = this.#full[0] ?? { sequence: this.#sequence, flushed: this.#flushed };
    return (next.sequence - 1) * this.#entriesMax + next.flushed;
  }

  /** Indexes one message. `topicHash` is the hash of `topic#`. */
  add(
    topicHash: number,
    properties: Buffer,
    scan: PropertyScan,
    physicalOffset: number,
    storeTimestamp: number,
  ): void {
    putKeys(this, topicHash, properties, scan, physicalOffset, storeTimestamp);
  }

  put(hash: number, physicalOffset: number, storeSeconds: number): void {
    if (this.#active.isFull) this.#retireActive();
    this.#active.add(hash, physicalOffset, storeSeconds);
  }

  /** Called with a sealed segment that can't be read; what is in it is not found until `replace`. */
  onDamage: (sequence: number) => void = () => undefined;

  /** The entries of a segment as they are in its file or in memory; undefined when there is none. */
  entriesOf(sequence: number): Buffer | undefined {
    if (this.#sealed.includes(sequence)) return readFileSync(this.#disk, this.#path(sequence, 'entries'));
    const full = this.#full.find((segment) => segment.sequence === sequence)?.segment;
    const segment = full ?? (sequence === this.#sequence ? this.#active : undefined);
    return segment?.entries.subarray(0, segment.count * INDEX_ENTRY_SIZE);
  }

  /** Replaces a sealed segment that can't be read. Nobody else may work on the files meanwhile. */
  async replace(sequence: number, entries: readonly IndexedEntry[]): Promise<void> {
    const segment = new ActiveIndexSegment(this.#entriesMax);
    for (const { hash, physicalOffset, storeSeconds } of entries)
      segment.add(hash, physicalOffset, storeSeconds);
    const bytes = segment.entries.subarray(0, segment.count * INDEX_ENTRY_SIZE);
    await writeFileAtomic(this.#disk, this.#path(sequence, 'entries'), bytes);
    await writeFileAtomic(this.#disk, this.#path(sequence, 'slots'), segment.encodeSlots());
  }

  isSealed(sequence: number): boolean {
    return this.#sealed.includes(sequence);
  }

  /** Candidates for `topic#key`, newest first. `key` may be `T#tag`. */
  *find(topic: string, key: string, beginMs: number, endMs: number): Generator<IndexHit> {
    const hash = javaStringHash(`${topic}#${key}`);
    const begin = Math.floor(beginMs / 1000);
    const end = Math.floor(endMs / 1000);
    const visits = { left: VISITS_MAX };
    const inMemory = [this.#active, ...this.#full.map(({ segment }) => segment).reverse()];
    for (const segment of inMemory) {
      const first = segment.newest(hash);
      yield* chain(hash, first, begin, end, visits, (number) => ({
        bytes: segment.entries,
        at: (number - 1) * INDEX_ENTRY_SIZE,
      }));
    }
    for (const sequence of this.#sealed.toReversed())
      yield* this.#findSealed(sequence, hash, begin, end, visits);
  }

  /** Writes entries of records before `logOffset` and syncs them. */
  async flush(logOffset: number): Promise<void> {
    for (let next = this.#full[0]; next !== undefined; next = this.#full[0]) {
      const end = next.segment.countBefore(logOffset);
      if (end > next.flushed) await this.#append(next.sequence, next.segment, next.flushed, end);
      next.flushed = Math.max(end, next.flushed);
      if (end < next.segment.count) return;
      await writeFileAtomic(this.#disk, this.#path(next.sequence, 'slots'), next.segment.encodeSlots());
      this.#full.shift();
      this.#sealed.push(next.sequence);
    }
    const active = this.#active;
    const end = active.countBefore(logOffset);
    if (end === this.#flushed) return;
    await this.#append(this.#sequence, active, this.#flushed, end);
    if (active === this.#active) this.#flushed = end;
    else for (const full of this.#full) if (full.segment === active) full.flushed = end;
  }

  /** Removes segments all of whose messages are gone. */
  async removeExpired(logStart: number): Promise<void> {
    for (let first = this.#sealed[0]; first !== undefined; first = this.#sealed[0]) {
      const next = this.#firstOffset(this.#sealed[1] ?? this.#sequence);
      if (next === undefined || next > logStart) return;
      this.#sealed.shift();
      this.#checkedSlots.delete(first);
      await this.#disk.remove(this.#path(first, 'slots'));
      await this.#disk.remove(this.#path(first, 'entries'));
      // One by one: a removal that survives a crash must not leave a gap behind one that does not.
      await this.#disk.syncDirectory(this.#directory);
    }
  }

  async removeAll(): Promise<void> {
    await this.#disk.removeTree(this.#directory);
    this.#disk.makeDirectorySync(this.#directory);
    this.#sealed.length = 0;
    this.#checkedSlots.clear();
    this.#full = [];
    this.#active = new ActiveIndexSegment(this.#entriesMax);
    this.#flushed = 0;
    this.#sequence = 1;
  }

  #retireActive(): void {
    this.#full.push({ sequence: this.#sequence, segment: this.#active, flushed: this.#flushed });
    this.#active = new ActiveIndexSegment(this.#entriesMax);
    this.#flushed = 0;
    this.#sequence++;
  }

  async #append(sequence: number, segment: ActiveIndexSegment, from: number, to: number): Promise<void> {
    const bytes = Buffer.from(segment.entries.subarray(from * INDEX_ENTRY_SIZE, to * INDEX_ENTRY_SIZE));
    const file = this.#disk.openSync(this.#path(sequence, 'entries'), 'create');
    try {
      if (from === 0) await this.#disk.syncDirectory(this.#directory);
      await file.write(bytes, 0, bytes.length, from * INDEX_ENTRY_SIZE);
      await file.datasync();
    } finally {
      await file.close();
    }
  }

  #entriesSize(sequence: number): number {
    const file = this.#disk.openSync(this.#path(sequence, 'entries'), 'read');
    const size = file.sizeSync();
    void file.close();
    return size;
  }

  *#findSealed(
    sequence: number,
    hash: number,
    begin: number,
    end: number,
    visits: { left: number },
  ): Generator<IndexHit> {
    const first = this.#sealedNewest(sequence, hash);
    if (first === undefined) {
      this.onDamage(sequence);
      return;
    }
    const file = this.#disk.openSync(this.#path(sequence, 'entries'), 'read');
    const entry = Buffer.allocUnsafe(INDEX_ENTRY_SIZE);
    try {
      yield* chain(
        hash,
        first,
        begin,
        end,
        visits,
        (number) => {
          file.readSync(entry, 0, INDEX_ENTRY_SIZE, (number - 1) * INDEX_ENTRY_SIZE);
          return { bytes: entry, at: 0 };
        },
        () => {
          this.onDamage(sequence);
        },
      );
    } finally {
      void file.close();
    }
  }

  /**
   * Where the chain of a hash begins in a sealed segment, undefined when its slots are damaged. All of them are read and
   * checked on first use; reading a MiB from each segment for each lookup would block everything else.
   */
  #sealedNewest(sequence: number, hash: number): number | undefined {
    const path = this.#path(sequence, 'slots');
    const at = 4 + indexSlot(hash, this.#entriesMax) * 4;
    if (!this.#checkedSlots.has(sequence)) {
      const slots = readFileSync(this.#disk, path);
      if (slots === undefined || !areSlotsIntact(slots, this.#entriesMax)) return undefined;
      this.#checkedSlots.add(sequence);
      return getInt32(slots, at);
    }
    if (!this.#disk.existsSync(path)) return undefined;
    const file = this.#disk.openSync(path, 'read');
    const slot = Buffer.allocUnsafe(4);
    const read = file.readSync(slot, 0, slot.length, at);
    void file.close();
    return read === slot.length ? getInt32(slot, 0) : undefined;
  }

  #firstOffset(sequence: number): number | undefined {
    if (sequence === this.#sequence) {
      return this.#active.count === 0 ? undefined : indexEntryOffset(this.#active.entries, 0);
    }
    const path = this.#path(sequence, 'entries');
    if (!this.#disk.existsSync(path)) return undefined;
    const file = this.#disk.openSync(path, 'read');
    const entry = Buffer.allocUnsafe(INDEX_ENTRY_SIZE);
    const read = file.readSync(entry, 0, INDEX_ENTRY_SIZE, 0);
    void file.close();
    // A damaged entry must not make older ones expire early.
    const isWhole = read === INDEX_ENTRY_SIZE && isIndexEntryIntact(entry, 0, 1);
    return isWhole ? indexEntryOffset(entry, 0) : undefined;
  }

  #path(sequence: number, kind: 'entries' | 'slots'): string {
    return join(this.#directory, fileName(sequence, kind));
  }
}

function fileName(sequence: number, kind: 'entries' | 'slots'): string {
  return `${String(sequence).padStart(20, '0')}.${kind}`;
}

function* chain(
  hash: number,
  first: number,
  begin: number,
  end: number,
  visits: { left: number },
  entry: (number: number) => { bytes: Buffer; at: number },
  onDamage: () => void = () => undefined,
): Generator<IndexHit> {
  for (let number = first; number > 0 && visits.left > 0; visits.left--) {
    const { bytes, at } = entry(number);
    if (!isIndexEntryIntact(bytes, at, number)) {
      onDamage();
      return;
    }
    const storeSeconds = indexEntrySeconds(bytes, at);
    const previous = indexEntryPrevious(bytes, at);
    const isHit = indexEntryHash(bytes, at) === hash && storeSeconds >= begin && storeSeconds <= end;
    if (isHit) yield { physicalOffset: indexEntryOffset(bytes, at), storeSeconds };
    // A chain only ever leads to older entries.
    if (previous >= number) return;
    number = previous;
  }
}
