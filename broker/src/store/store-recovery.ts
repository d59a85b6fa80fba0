import type { StoreOptions } from './store-options.ts';
import type { CheckpointState } from './checkpoint.ts';
import type { DroppedTopics } from './dropped-topics.ts';
import type { KeyIndex } from './index/key-index.ts';
import type { LogEnd } from './log/commit-log.ts';
import type { DamagedRange, LogScan } from './log/log-recovery.ts';
import { LogScanner } from './log/log-recovery.ts';
import { FRAME_HEADER_SIZE } from './log/log-frame.ts';
import type { LogSegments } from './log/log-segments.ts';
import type { QueueTable } from './queue/queue-table.ts';
import { RebuildNeeded, RecordDispatcher } from './record-dispatcher.ts';

export interface RecoveredStore {
  readonly end: LogEnd;
  readonly epoch: number;
  readonly storeTimestamp: number;
  readonly damaged: readonly DamagedRange[];
  readonly isFirstStart: boolean;
}

/** The first segment is filled with this many zeros before the first start is done. */
const FIRST_FILL_BYTES = 8 * 1024 * 1024;

/**
 * Brings a store from whatever a crash left to a consistent state: follows the log from the checkpoint, cuts a torn
 * tail, and derives what queues and index lack. Doing it twice gives the same.
 */
export async function recoverStore(
  options: StoreOptions,
  segments: LogSegments,
  queues: QueueTable,
  index: KeyIndex,
  dropped: DroppedTopics,
  checkpoint: CheckpointState | undefined,
): Promise<RecoveredStore> {
  segments.open();
  dropped.load();
  const isFirstStart = segments.first === undefined && !segments.spareReady;
  if (segments.first === undefined) await segments.createFirst(checkpoint?.logOffset ?? 0, FIRST_FILL_BYTES);
  const startedMs = options.clock.monotonic();
  const recovery = new Recovery(options, segments, queues, index, dropped);
  const scan = await recovery.run(checkpoint);
  await cutBehind(options, segments, scan);
  const { records } = recovery;
  if (records > 0 || scan.damaged.length > 0) {
    const tookMs = Math.round(options.clock.monotonic() - startedMs);
    options.log.info(
      { records, scannedBytes: scan.scannedBytes, tookMs, end: scan.end.offset },
      'log recovered',
    );
  }
  return {
    end: scan.end,
    epoch: (checkpoint?.epoch ?? 0) + 1,
    storeTimestamp: Math.max(checkpoint?.storeTimestamp ?? 0, recovery.storeTimestamp),
    damaged: scan.damaged,
    isFirstStart,
  };
}

class Recovery {
  readonly #options: StoreOptions;
  readonly #segments: LogSegments;
  readonly #queues: QueueTable;
  readonly #index: KeyIndex;
  readonly #dropped: DroppedTopics;
  records = 0;
  storeTimestamp = 0;

  constructor(
    options: StoreOptions,
    segments: LogSegments,
    queues: QueueTable,
    index: KeyIndex,
    dropped: DroppedTopics,
  ) {
    this.#options = options;
    this.#segments = segments;
    this.#queues = queues;
    this.#index = index;
    this.#dropped = dropped;
  }

  async run(checkpoint: CheckpointState | undefined): Promise<LogScan> {
    const first = this.#segments.first?.base ?? 0;
    if (checkpoint === undefined || checkpoint.logOffset < first) return this.#rebuild(first);
    try {
      await this.#queues.load(checkpoint.logOffset, checkpoint.isClean);
      this.#index.load(checkpoint.logOffset);
      return this.#scan(checkpoint.logOffset, checkpoint.link, false);
    } catch (error) {
      if (!(error instanceof RebuildNeeded)) throw error;
      this.#options.log.warn(
        { queue: error.message },
        'a queue lacks entries; rebuilding queues and index from the log',
      );
      return this.#rebuild(first);
    }
  }

  async #rebuild(first: number): Promise<LogScan> {
    await this.#queues.removeAll();
    await this.#index.removeAll();
    return this.#scan(first, undefined, true);
  }

  #scan(start: number, link: number | undefined, isRebuild: boolean): LogScan {
    const { tagsCodeRule, log } = this.#options;
    const dispatcher = new RecordDispatcher(
      this.#queues,
      this.#index,
      tagsCodeRule,
      this.#dropped.positions,
      isRebuild,
    );
    const scanner = new LogScanner(this.#segments, log, (bytes, from, to) => {
      dispatcher.dispatch(bytes, from, to);
    });
    // An empty log has no frame to link to.
    const scan = scanner.scan(start, start === 0 && link === 0 ? undefined : link);
    this.records = dispatcher.records;
    this.storeTimestamp = dispatcher.newestStoreTimestamp;
    return scan;
  }
}

/** Makes sure that nothing behind the end can be taken for a part of the log later. */
async function cutBehind(options: StoreOptions, segments: LogSegments, scan: LogScan): Promise<void> {
  const { offset } = scan.end;
  const scanner = new LogScanner(segments, options.log, () => undefined);
  const stale = scanner.staleFrames(offset);
  const zeros = Buffer.alloc(FRAME_HEADER_SIZE);
  for (const position of stale) {
    const segment = segments.find(position);
    segment?.file.writeSync(zeros, 0, zeros.length, position - segment.base);
  }
  for (const segment of segments.all()) if (stale.length > 0) segment.file.datasyncSync();
  const last = segments.find(offset);
  if (last !== undefined) {
    if (segments.last !== last) await segments.removeBehind(last);
    return;
  }
  // The log ended exactly with a segment, and the next one's name did not survive.
  if (segments.spareReady) await segments.appendSpare(offset).named;
  else await segments.createFirst(offset, FIRST_FILL_BYTES);
}
