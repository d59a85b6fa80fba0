import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { SummarizedLog } from '@cometmq/common/logging/summarized-log';
import type { CheckpointFile } from './checkpoint.ts';
import type { KeyIndex } from './index/key-index.ts';
import type { CommitLog } from './log/commit-log.ts';
import type { QueueTable } from './queue/queue-table.ts';
import type { StoreQueue } from './queue/store-queue.ts';

/** A full disk fails every checkpoint; one line each would fill what is left of it. */
const LOG_PERIOD_MS = 30_000;
/** Checkpoints without a message after which a queue gives its memory back. */
const IDLE_CHECKPOINTS = 30;
/** Queues that the first checkpoint flushes at once: nobody is served yet whose sync would wait behind them. */
const FLUSHES_AT_START = 8;

export interface StoreCheckpointsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly checkpointIntervalMs: number;
}

export interface CheckpointedParts {
  readonly queues: QueueTable;
  readonly index: KeyIndex;
  readonly commitLog: CommitLog;
  readonly file: CheckpointFile;
  readonly epoch: number;
  /** Where the oldest file of the log begins. */
  readonly logStart: () => number;
  /** Newest store time, ms. */
  readonly storeTimestamp: () => number;
}

/** Makes what is derived from the log durable, again and again, and notes up to where. */
export class StoreCheckpoints {
  readonly #options: StoreCheckpointsOptions;
  readonly #log: SummarizedLog;
  readonly #parts: CheckpointedParts;
  readonly #idleRounds = new Map<StoreQueue, number>();
  /** What works on files of queues and index, one after the other. */
  #work: Promise<unknown> = Promise.resolve();
  #pending: Promise<void> | undefined;
  #timer: Timer | undefined;
  #offset = -1;
  #stopped = false;

  constructor(options: StoreCheckpointsOptions, parts: CheckpointedParts) {
    this.#options = options;
    this.#log = new SummarizedLog(options.log, options.clock, LOG_PERIOD_MS);
    this.#parts = parts;
  }

  start(): void {
    this.#schedule();
  }

  /** No further checkpoint begins by itself; those under way end. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#work;
    this.#log.close();
  }

  /** Makes a checkpoint, or waits for the one that is about to begin. */
  run(): Promise<void> {
    this.#pending ??= this.exclusive(() => {
      this.#pending = undefined;
      return this.#run(false);
    });
    return this.#pending;
  }

  /** The last one: the next start has nothing to recover if `isClean`. */
  finish(isClean: boolean): Promise<void> {
    return this.exclusive(() => this.#run(isClean));
  }

  /** The first one, of what recovery derived: up to thousands of files, so several are written at once. */
  async begin(): Promise<void> {
    const { commitLog, queues } = this.#parts;
    const end = commitLog.syncedEnd.offset;
    await this.exclusive(async () => {
      // Shared by all: each takes the next one.
      const dirty = [...queues.all()].filter(({ isDirty }) => isDirty).values();
      const flushSome = async (): Promise<void> => {
        for (const queue of dirty) await this.#flush(queue, end);
      };
      const ends = await Promise.allSettled(Array.from({ length: FLUSHES_AT_START }, flushSome));
      for (const flushed of ends) if (flushed.status === 'rejected') throw flushed.reason;
      await this.#run(false);
    });
  }

  /** Runs `work` while no checkpoint touches the files. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }

  #schedule(): void {
    this.#timer = this.#options.clock.setTimer(this.#options.checkpointIntervalMs, () => {
      this.run()
        .catch((error: unknown) => {
          this.#log.error({ reason: errorText(error) }, 'checkpoint failed; it is tried again');
        })
        .finally(() => {
          if (!this.#stopped) this.#schedule();
        });
    });
  }

  async #run(isClean: boolean): Promise<void> {
    const { commitLog, queues, index, file, epoch, storeTimestamp } = this.#parts;
    const end = commitLog.syncedEnd;
    if (end.offset !== this.#offset || isClean) {
      for (const queue of queues.all()) if (queue.isDirty) await this.#flush(queue, end.offset);
      await index.flush(end.offset);
      const { count, starts, ends } = queues.census();
      await file.write({
        logOffset: end.offset,
        link: end.link,
        epoch,
        storeTimestamp: storeTimestamp(),
        isClean,
        queueCount: count,
        queueEnds: ends,
        queueStarts: starts,
        logStart: this.#parts.logStart(),
        indexEntries: index.flushedEntries,
      });
      this.#offset = end.offset;
    }
    this.#releaseIdleMemory();
  }

  /** Forgets that there was a checkpoint, so that the next one is made in any case. */
  invalidate(): void {
    this.#offset = -1;
  }

  async #flush(queue: StoreQueue, logOffset: number): Promise<void> {
    await queue.flush(logOffset);
    queue.releaseMemory(false);
    this.#idleRounds.set(queue, 0);
  }

  #releaseIdleMemory(): void {
    for (const [queue, rounds] of this.#idleRounds) {
      if (rounds < IDLE_CHECKPOINTS) {
        this.#idleRounds.set(queue, rounds + 1);
      } else {
        this.#idleRounds.delete(queue);
        queue.releaseMemory(true);
      }
    }
  }
}
