import { join } from 'node:path';
import { MqError } from '@cometmq/common/error/mq-error';
import type { StoreOptions } from './store-options.ts';
import type { CheckpointState } from './checkpoint.ts';
import { newerFormat } from './checkpoint.ts';
import type { DamageLedger } from './damage-ledger.ts';
import type { DroppedTopics } from './dropped-topics.ts';
import type { KeyIndex } from './index/key-index.ts';
import type { LogEnd } from './log/commit-log.ts';
import { cutBehind } from './log/log-cut.ts';
import type { DamagedRange, LogScan } from './log/log-recovery.ts';
import { LogScanner } from './log/log-recovery.ts';
import type { LogSegments } from './log/log-segments.ts';
import type { KnownEntry } from './kept-ends.ts';
import { keepEnds } from './kept-ends.ts';
import { segmentName } from './log/segment-file.ts';
import type { QueueTable } from './queue/queue-table.ts';
import type { QueueEnds } from './rebuild-marker.ts';
import { RebuildMarker } from './rebuild-marker.ts';
import { TailCopy } from './tail-copy.ts';
import { RebuildNeeded, RecordDispatcher } from './record-dispatcher.ts';

export interface StoreParts {
  readonly damage: DamageLedger;
  readonly segments: LogSegments;
  readonly queues: QueueTable;
  readonly index: KeyIndex;
  readonly dropped: DroppedTopics;
}

export interface RecoveredStore {
  readonly end: LogEnd;
  readonly epoch: number;
  readonly storeTimestamp: number;
  readonly damaged: readonly DamagedRange[];
  readonly isAfterCrash: boolean;
}

/** The first segment is filled with this many zeros before the first start is done. */
const FIRST_FILL_BYTES = 8 * 1024 * 1024;

/**
 * Brings a store from whatever a crash left to a consistent state: follows the log from the checkpoint, cuts a torn
 * tail, and derives what queues and index lack. Doing it twice gives the same.
 * @throws MqError `DATA_DAMAGED` when a part of the log that was durable is missing as a whole.
 */
export async function recoverStore(
  options: StoreOptions,
  parts: StoreParts,
  checkpoint: CheckpointState | undefined,
): Promise<RecoveredStore> {
  const { segments, dropped } = parts;
  segments.open();
  dropped.load();
  if (checkpoint === undefined) refuseNewerFormat(segments);
  checkLogIsThere(options, segments, checkpoint);
  await new TailCopy(options.disk, options.directory, segments).restore();
  const isNew = checkpoint === undefined && segments.first === undefined && parts.queues.hasNoFiles();
  if (segments.first === undefined) await segments.createFirst(0, FIRST_FILL_BYTES);
  // Looking through a segment of zeros would be half of the first start.
  if (isNew) {
    await parts.index.removeAll();
    return { end: { offset: 0, link: 0 }, epoch: 1, storeTimestamp: 0, damaged: [], isAfterCrash: false };
  }
  const startedMs = options.clock.monotonic();
  const recovery = new Recovery(options, parts);
  const scan = await recovery.run(checkpoint);
  const { records } = recovery;
  if (scan.frames > 0 || scan.damaged.length > 0) {
    const tookMs = Math.round(options.clock.monotonic() - startedMs);
    const { scannedBytes, end } = scan;
    options.log.info({ records, scannedBytes, tookMs, end: end.offset }, 'log recovered');
  }
  return {
    end: scan.end,
    epoch: Math.max(checkpoint?.epoch ?? 0, scan.newestEpoch) + 1,
    storeTimestamp: Math.max(checkpoint?.storeTimestamp ?? 0, recovery.storeTimestamp),
    damaged: scan.damaged,
    isAfterCrash: checkpoint?.isClean !== true,
  };
}

/** A checkpoint is written only when the log before it is durable: without it, somebody took files away. */
function checkLogIsThere(
  options: StoreOptions,
  { first, last, segmentSize }: LogSegments,
  checkpoint: CheckpointState | undefined,
): void {
  if (checkpoint === undefined) return;
  if (checkpoint.isClean && first !== undefined && first.base > (checkpoint.logStart ?? Infinity)) {
    throw new MqError('DATA_DAMAGED', `log segment ${segmentName(checkpoint.logStart ?? 0)} is missing`, {
      hint: 'restore the file; or remove `checkpoint` in the store folder to give up its messages',
    });
  }
  const end = last === undefined ? 0 : last.base + segmentSize;
  if (last !== undefined && checkpoint.logOffset <= end) return;
  const directory = join(options.directory, 'commitlog');
  throw new MqError(
    'DATA_DAMAGED',
    `the log in ${directory} ends before ${segmentName(checkpoint.logOffset)}, where it had got to`,
    {
      hint: 'bring its files back; or remove the whole data folder to begin with an empty store',
    },
  );
}

class Recovery {
  readonly #options: StoreOptions;
  readonly #parts: StoreParts;
  records = 0;
  storeTimestamp = 0;

  constructor(options: StoreOptions, parts: StoreParts) {
    this.#options = options;
    this.#parts = parts;
  }

  async run(checkpoint: CheckpointState | undefined): Promise<LogScan> {
    const { segments, queues, index } = this.#parts;
    const first = segments.first?.base ?? 0;
    const marker = new RebuildMarker(this.#options.disk, this.#options.directory);
    const known = checkpoint ?? { logOffset: 0, link: 0, isClean: false };
    const durable: LogEnd = { offset: known.logOffset, link: known.link };
    const unfinished = marker.read();
    const isWhole = await queues.load(checkpoint?.logOffset ?? Infinity, known.isClean);
    const reason =
      unfinished === undefined
        ? await this.#whyRebuild(checkpoint, first, isWhole)
        : 'a rebuild was interrupted';
    if (reason === undefined && known.isClean) {
      const nothing = { newestEpoch: 0, damaged: [], unreadableEnds: [], frames: 0, scannedBytes: 0 };
      return { ...nothing, end: durable, syncedOffset: durable.offset };
    }
    if (reason === undefined) {
      try {
        const link = durable.offset === 0 ? undefined : durable.link;
        return await this.#scan(durable.offset, link, durable, undefined);
      } catch (error) {
        if (!(error instanceof RebuildNeeded)) throw error;
        this.#warn(`${error.message} lacks entries`);
      }
    } else if (checkpoint !== undefined || [...queues.all()].length > 0) {
      this.#warn(reason);
    }
    const entries = this.#newestEntries();
    const ends = this.#expiredEnds(first, unfinished);
    await marker.write(ends);
    await queues.removeAll();
    await index.removeAll();
    const scan = await this.#scan(first, undefined, durable, entries);
    for (const [topic, byId] of ends) {
      for (const [queueId, end] of byId) {
        const queue = queues.get(topic, queueId);
        if (queue.assigned < end) queue.beginAt(end);
      }
    }
    return scan;
  }

  /** Why what is derived from the log can't be used, or undefined when it can. */
  async #whyRebuild(
    checkpoint: CheckpointState | undefined,
    first: number,
    isWhole: boolean,
  ): Promise<string | undefined> {
    const { queues, index } = this.#parts;
    if (checkpoint === undefined) return 'there is no checkpoint';
    if (checkpoint.logOffset < first) return 'the checkpoint is older than the log';
    if (!isWhole) return 'files of a queue are missing or too short';
    await this.#removeDropped();
    const { count, starts, ends } = queues.census();
    if (count !== checkpoint.queueCount || ends !== checkpoint.queueEnds)
      return 'entries of queues are missing';
    if (starts !== (checkpoint.queueStarts ?? starts) && this.#isStartLost(first))
      return 'the oldest entries of a queue are missing';
    const isIndexWhole = await index.load(checkpoint.logOffset, checkpoint.indexEntries);
    if (!isIndexWhole || index.flushedEntries < checkpoint.indexEntries || index.isStartLost(first))
      return 'a part of the key index is missing';
    return undefined;
  }

  /** True when a queue begins late, with a message that the log still has. */
  #isStartLost(logStart: number): boolean {
    return [...this.#parts.queues.all()].some(
      (queue) =>
        queue.flushedStart > 0 && (queue.physicalOffsetAt(queue.flushedStart) ?? logStart) >= logStart,
    );
  }

  /** Files of deleted topics that a crash brought back. */
  async #removeDropped(): Promise<void> {
    const { queues, dropped } = this.#parts;
    for (const [topic, position] of dropped.positions) {
      const isOld = [...queues.all()].some((queue) => {
        const oldest = queue.topic === topic ? queue.physicalOffsetAt(queue.min) : undefined;
        return oldest !== undefined && oldest < position;
      });
      if (isOld) await queues.removeTopic(topic);
    }
  }

  /** How far the queues had counted that the log has no messages of any more. */
  #expiredEnds(logStart: number, unfinished: QueueEnds | undefined): QueueEnds {
    const ends: QueueEnds = unfinished ?? new Map<string, Map<number, number>>();
    for (const queue of this.#parts.queues.all()) {
      const newest = queue.flushedEnd === 0 ? undefined : queue.physicalOffsetAt(queue.flushedEnd - 1);
      const isEmptied = queue.flushedEnd > 0 && queue.min === queue.flushedEnd;
      const isExpired = newest !== undefined && newest < logStart;
      if (!isEmptied && !isExpired) continue;
      if ((this.#parts.dropped.positions.get(queue.topic) ?? 0) > (newest ?? logStart)) continue;
      let byId = ends.get(queue.topic);
      if (byId === undefined) ends.set(queue.topic, (byId = new Map<number, number>()));
      byId.set(queue.queueId, Math.max(byId.get(queue.queueId) ?? 0, queue.flushedEnd));
    }
    return ends;
  }

  async #scan(
    start: number,
    link: number | undefined,
    durable: LogEnd,
    /** What the queues' files had before they were removed; undefined: they are still there. */
    removed: readonly KnownEntry[] | undefined,
  ): Promise<LogScan> {
    const { tagsCodeRule } = this.#options;
    const { segments, queues, index, dropped, damage } = this.#parts;
    const isRebuild = removed !== undefined;
    const dispatcher = new RecordDispatcher(queues, index, tagsCodeRule, dropped.positions, isRebuild);
    const scanner = new LogScanner(
      segments,
      (bytes, from, to) => {
        dispatcher.dispatch(bytes, from, to);
      },
      () => {
        dispatcher.mayHaveGaps = true;
      },
    );
    const scan = scanner.scan(start, link, durable);
    this.records = dispatcher.records;
    this.storeTimestamp = dispatcher.newestStoreTimestamp;
    damage.holes(dispatcher.holes);
    for (const { start: from, end } of scan.damaged) this.#report(from, end);
    const known = removed ?? this.#newestEntries();
    const ends = {
      segments,
      queues,
      damage,
      dropped: dropped.positions,
      storeTimestamp: this.storeTimestamp,
    };
    await keepEnds(ends, scan.damaged, known);
    await cutBehind(this.#options.log, segments, scan.end.offset);
    // What a killed process had written may still be on its way to the disk. It counts as durable from here on.
    await segments.sync(start);
    const { disk, directory } = this.#options;
    await new TailCopy(disk, directory, segments).renew(scan.syncedOffset, scan.end.offset);
    return scan;
  }

  #report(start: number, end: number): void {
    const base = this.#parts.segments.find(start)?.base ?? 0;
    this.#parts.damage.range({ start, end, file: segmentName(base), reason: 'found by recovery' });
  }

  #newestEntries(): KnownEntry[] {
    const entries: KnownEntry[] = [];
    for (const { topic, queueId, newestInFiles } of this.#parts.queues.all())
      if (newestInFiles !== undefined) entries.push({ topic, queueId, ...newestInFiles });
    return entries;
  }

  #warn(reason: string): void {
    this.#options.log.warn({ reason }, 'rebuilding queues and key index from the log');
  }
}

/**
 * Without a checkpoint only the first frame tells the format.
 * @throws MqError `NOT_SUPPORTED` for that of a newer version, which must not be taken for an empty log.
 */
function refuseNewerFormat({ first }: LogSegments): void {
  const magic = Buffer.alloc(4);
  first?.file.readSync(magic, 0, magic.length, 0);
  const format = /^CMQ([2-9])$/.exec(magic.toString('latin1'))?.[1];
  if (format !== undefined) throw newerFormat(Number(format));
}
