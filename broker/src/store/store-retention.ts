import type { Timer } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import { layoutRecord } from '@cometmq/common/message/message-decoder';
import { getInt64 } from './bytes.ts';
import type { KeyIndex } from './index/key-index.ts';
import { FRAME_HEADER_SIZE, readFrameHeader } from './log/log-frame.ts';
import type { LogSegment, LogSegments } from './log/log-segments.ts';
import type { QueueTable } from './queue/queue-table.ts';
import type { StoreOptions } from './store-options.ts';

const PERIOD_MS = 10_000;

/** Gives up the oldest segments by age and size, and with them what was derived from them. */
export class StoreRetention {
  readonly #options: StoreOptions;
  readonly #segments: LogSegments;
  readonly #queues: QueueTable;
  readonly #index: KeyIndex;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: StoreOptions, segments: LogSegments, queues: QueueTable, index: KeyIndex) {
    this.#options = options;
    this.#segments = segments;
    this.#queues = queues;
    this.#index = index;
  }

  start(): void {
    for (const queue of this.#queues.all()) queue.trimTo(this.#segments.first?.base ?? 0);
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
    let removed = 0;
    while (this.#segments.count > 1 && this.#mayGo()) {
      await this.#segments.removeFirst();
      removed++;
    }
    const logStart = this.#segments.first?.base ?? 0;
    if (removed === 0) return;
    for (const queue of this.#queues.all()) if (queue.trimTo(logStart)) await queue.removeExpiredFiles();
    await this.#index.removeExpired(logStart);
    this.#options.log.info({ removed, logStart }, 'expired log segments removed');
  }

  #mayGo(): boolean {
    const { retentionMs, logSizeMaxBytes, segmentSizeBytes, clock } = this.#options;
    if (this.#segments.count * segmentSizeBytes > logSizeMaxBytes) return true;
    const next = this.#segments.all()[1];
    // All messages of a segment are older than the first one of the next.
    const newest = next === undefined ? undefined : firstStoreTimestamp(next);
    return newest !== undefined && newest < clock.now() - retentionMs;
  }
}

/** Store time of a segment's first message, or undefined while it has none. */
function firstStoreTimestamp(segment: LogSegment): number | undefined {
  const bytes = Buffer.alloc(FRAME_HEADER_SIZE + 128);
  segment.file.readSync(bytes, 0, bytes.length, 0);
  const header = readFrameHeader(bytes, 0, segment.base);
  if (header === undefined || header.recordCount === 0) return undefined;
  // Only the fixed part is looked at; the record may be longer than what was read.
  const record = Buffer.alloc(header.payloadSize);
  segment.file.readSync(record, 0, record.length, FRAME_HEADER_SIZE);
  return getInt64(record, layoutRecord(record, 0, record.length).storeTimestampAt);
}
