import type { Timer } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import { HOST_V6_EXTRA, RecordField } from '@cometmq/common/message/record-layout';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { getInt32, getInt64 } from './bytes.ts';
import type { KeyIndex } from './index/key-index.ts';
import { FRAME_HEADER_SIZE, readFrameHeader } from './log/log-frame.ts';
import type { LogReader } from './log/log-reader.ts';
import type { LogSegment } from './log/log-segment.ts';
import type { LogSegments } from './log/log-segments.ts';
import type { QueueTable } from './queue/queue-table.ts';
import type { StoreCheckpoints } from './store-checkpoints.ts';
import type { StoreOptions } from './store-options.ts';

const PERIOD_MS = 10_000;

/** Gives up the oldest segments by age and size, and with them what was derived from them. */
export class StoreRetention {
  readonly #options: StoreOptions;
  readonly #segments: LogSegments;
  readonly #queues: QueueTable;
  readonly #index: KeyIndex;
  readonly #checkpoints: StoreCheckpoints;
  readonly #reader: LogReader;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  /** Queues and index still have entries of segments that are gone: forgetting them failed. */
  #isBehind = false;
  #stopped = false;
  readonly #rescuers: ((logStart: number) => Promise<void>)[] = [];

  constructor(
    options: StoreOptions,
    segments: LogSegments,
    queues: QueueTable,
    index: KeyIndex,
    checkpoints: StoreCheckpoints,
    reader: LogReader,
  ) {
    this.#reader = reader;
    this.#checkpoints = checkpoints;
    this.#options = options;
    this.#segments = segments;
    this.#queues = queues;
    this.#index = index;
  }

  /** Called, one after the other, with the position before which the log is about to be given up. */
  beforeExpiry(rescue: (logStart: number) => Promise<void>): void {
    this.#rescuers.push(rescue);
  }

  start(): void {
    for (const queue of this.#queues.all()) queue.trimTo(this.#logStart);
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  run(): Promise<void> {
    this.#running ??= this.#expire().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  #schedule(): void {
    this.#timer = this.#options.clock.setTimer(PERIOD_MS, () => {
      this.run()
        .catch((error: unknown) => {
          this.#options.log.error(
            { reason: errorText(error) },
            'removing expired messages failed; it is tried again',
          );
        })
        .finally(() => {
          if (!this.#stopped) this.#schedule();
        });
    });
  }

  async #expire(): Promise<void> {
    if (this.#isBehind) await this.#forget();
    if (!this.#mayGo()) return;
    // The queues' files must count what is about to go; a full disk must not keep it from going.
    await this.#checkpoints.run().catch(() => undefined);
    let removed = 0;
    try {
      for (; this.#mayGo(); removed++) {
        const next = this.#segments.all()[1]?.base ?? 0;
        for (const rescue of this.#rescuers) await rescue(next);
        await this.#segments.removeFirst();
        this.#isBehind = true;
      }
    } finally {
      if (this.#isBehind) await this.#forget();
      if (removed > 0)
        this.#options.log.info({ removed, logStart: this.#logStart }, 'expired log segments removed');
    }
  }

  get #logStart(): number {
    return this.#segments.first?.base ?? 0;
  }

  /** What was derived from the segments that are gone goes, too. */
  async #forget(): Promise<void> {
    const logStart = this.#logStart;
    await this.#checkpoints.exclusive(async () => {
      for (const queue of this.#queues.all()) {
        queue.trimTo(logStart);
        await queue.removeExpiredFiles();
      }
      await this.#index.removeExpired(logStart);
    });
    this.#isBehind = false;
  }

  #mayGo(): boolean {
    const { retentionMs, logSizeMaxBytes, segmentSizeBytes, clock } = this.#options;
    if (this.#segments.count <= 1) return false;
    if (this.#segments.count * segmentSizeBytes > logSizeMaxBytes) return true;
    return this.#isFirstOlderThan(clock.now() - retentionMs);
  }

  /** All messages of the oldest segment are older than the first one behind it. */
  #isFirstOlderThan(limit: number): boolean {
    for (const segment of this.#segments.all().slice(1)) {
      const timestamp = firstStoreTimestamp(segment);
      if (timestamp === undefined || timestamp > this.#options.clock.now()) continue;
      if (timestamp >= limit) return false;
      // A damaged time must not make messages expire early; a later segment may tell instead.
      if (this.#reader.isIntact(segment.base)) return true;
    }
    return false;
  }
}

/** Bytes of a record up to its store time, with the largest born host. */
const HEAD_SIZE = RecordField.BORN_HOST + 8 + HOST_V6_EXTRA + 8;

/** Store time of a segment's first message, or undefined while it has none or can't be read. */
function firstStoreTimestamp(segment: LogSegment): number | undefined {
  const bytes = Buffer.alloc(FRAME_HEADER_SIZE + HEAD_SIZE);
  segment.file.readSync(bytes, 0, bytes.length, 0);
  const header = readFrameHeader(bytes, 0, segment.base);
  if (header === undefined || header.recordCount === 0) return undefined;
  const sysFlag = getInt32(bytes, FRAME_HEADER_SIZE + RecordField.SYS_FLAG);
  const hostSize = (sysFlag & SysFlag.BORN_HOST_V6) === 0 ? 8 : 8 + HOST_V6_EXTRA;
  return getInt64(bytes, FRAME_HEADER_SIZE + RecordField.BORN_HOST + hostSize);
}
