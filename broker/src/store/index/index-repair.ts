import { layoutRecord } from '@cometmq/common/message/message-decoder';
import { RecordField } from '@cometmq/common/message/record-layout';
import { errorText } from '@cometmq/common/error/mq-error';
import { javaStringHash } from '@cometmq/common/message/tags-code';
import { getInt64 } from '../bytes.ts';
import type { DamageLedger } from '../damage-ledger.ts';
import type { SegmentSource } from '../log/log-segment.ts';
import { LogWalker } from '../log/log-walker.ts';
import { PropertyScan } from '../property-scan.ts';
import type { IndexedEntry } from './index-segment.ts';
import {
  INDEX_ENTRY_SIZE,
  indexEntryHash,
  indexEntryOffset,
  indexEntrySeconds,
  isIndexEntryIntact,
} from './index-segment.ts';
import { putKeys } from './key-hash.ts';
import type { KeyIndex } from './key-index.ts';

export interface IndexRepairParts {
  readonly index: KeyIndex;
  readonly damage: DamageLedger;
  readonly segments: SegmentSource;
  /** True when the log has at a position what was written there. */
  readonly isIntact: (position: number) => boolean;
  readonly logStart: () => number;
  readonly logEnd: () => number;
  /** Topics that were deleted: a rebuild left their older records out. */
  readonly dropped: ReadonlyMap<string, number>;
  /** Runs work while nobody else writes files of the index. */
  readonly exclusive: (work: () => Promise<void>) => Promise<void>;
}

/**
 * Makes sealed segments of the key index whole again: slots from the entries, entries from the log, where those around
 * them say which are missing. What the log does not have either is replaced by entries that match no key.
 */
export class IndexRepair {
  readonly #parts: IndexRepairParts;
  /** Segments that were repaired or are being repaired; once is enough, or the disk loses faster than we write. */
  readonly #begun = new Set<number>();

  constructor(parts: IndexRepairParts) {
    this.#parts = parts;
  }

  /** Starts a repair unless there was one since the start. */
  start(sequence: number): void {
    if (this.#begun.has(sequence)) return;
    this.#begun.add(sequence);
    const { damage, exclusive } = this.#parts;
    damage.log.error(
      { segment: sequence },
      'a part of the key index is damaged; making it anew from the log',
    );
    exclusive(() => this.#repair(sequence)).catch((error: unknown) => {
      damage.log.error(
        { segment: sequence, reason: errorText(error) },
        'the key index could not be repaired',
      );
    });
  }

  async #repair(sequence: number): Promise<void> {
    const { index, damage } = this.#parts;
    if (!index.isSealed(sequence)) return;
    const entries = readEntries(index.entriesOf(sequence));
    const before = readEntries(index.entriesOf(sequence - 1)).at(-1);
    const after = readEntries(index.entriesOf(sequence + 1))[0];
    let repaired = 0;
    for (let from = entries.indexOf(undefined); from >= 0; from = entries.indexOf(undefined, from)) {
      let to = from;
      while (to < entries.length && entries[to] === undefined) to++;
      const left = entries[from - 1] ?? (from === 0 ? before : undefined);
      const right = entries[to] ?? (to === entries.length ? after : undefined);
      const found = await this.#between(left, right, to - from);
      repaired += found?.length ?? 0;
      const position = left?.physicalOffset ?? right?.physicalOffset ?? 0;
      const blank = { hash: 0, physicalOffset: position, storeSeconds: 0 };
      for (let at = from; at < to; at++) entries[at] = found?.[at - from] ?? blank;
    }
    await index.replace(
      sequence,
      entries.filter((entry) => entry !== undefined),
    );
    damage.repaired(repaired);
  }

  /** The `count` entries between two that are known, as the log tells them; undefined when it does not. */
  async #between(
    left: IndexedEntry | undefined,
    right: IndexedEntry | undefined,
    count: number,
  ): Promise<readonly IndexedEntry[] | undefined> {
    for (const withDropped of [true, false]) {
      const derived = await this.#derive(left, right, withDropped);
      for (let first = 0; first + count <= derived.length; first++) {
        const isLeft = left === undefined || isSame(derived[first - 1], left);
        const isRight = right === undefined || isSame(derived[first + count], right);
        if (isLeft && isRight) return derived.slice(first, first + count);
      }
    }
    return undefined;
  }

  /** Entries of all records from that of `left` to that of `right`. */
  async #derive(
    left: IndexedEntry | undefined,
    right: IndexedEntry | undefined,
    withDropped: boolean,
  ): Promise<IndexedEntry[]> {
    const { segments, isIntact, logStart, logEnd, dropped } = this.#parts;
    const derived: IndexedEntry[] = [];
    const sink = {
      put: (hash: number, physicalOffset: number, storeSeconds: number): void => {
        derived.push({ hash, physicalOffset, storeSeconds });
      },
    };
    const scan = new PropertyScan();
    const from = Math.max(left?.physicalOffset ?? 0, logStart());
    const end = right === undefined ? logEnd() : right.physicalOffset + 1;
    for await (const { physicalOffset, bytes } of new LogWalker(segments).records(from, end)) {
      if (!isIntact(physicalOffset)) continue;
      const layout = layoutRecord(bytes, 0, bytes.length);
      const topic = bytes.toString('utf8', layout.topicAt, layout.topicAt + layout.topicSize);
      if (!withDropped && physicalOffset < (dropped.get(topic) ?? 0)) continue;
      scan.scan(bytes, layout.propertiesAt, layout.propertiesAt + layout.propertiesSize);
      const position = getInt64(bytes, RecordField.PHYSICAL_OFFSET);
      const storeTimestamp = getInt64(bytes, layout.storeTimestampAt);
      putKeys(sink, javaStringHash(`${topic}#`), bytes, scan, position, storeTimestamp);
    }
    return derived;
  }
}

/** The entries of a segment; undefined for those that can't be read. */
function readEntries(bytes: Buffer | undefined): (IndexedEntry | undefined)[] {
  const entries: (IndexedEntry | undefined)[] = [];
  if (bytes === undefined) return entries;
  for (let at = 0; at + INDEX_ENTRY_SIZE <= bytes.length; at += INDEX_ENTRY_SIZE) {
    const isIntact = isIndexEntryIntact(bytes, at, entries.length + 1);
    entries.push(isIntact ? readEntry(bytes, at) : undefined);
  }
  return entries;
}

function readEntry(bytes: Buffer, at: number): IndexedEntry {
  return {
    hash: indexEntryHash(bytes, at),
    physicalOffset: indexEntryOffset(bytes, at),
    storeSeconds: indexEntrySeconds(bytes, at),
  };
}

function isSame(derived: IndexedEntry | undefined, { hash, physicalOffset }: IndexedEntry): boolean {
  return derived?.hash === hash && derived.physicalOffset === physicalOffset;
}
