import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { Property } from '@cometmq/common/message/property-names';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { AppendRequest } from '../store/append-request.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import { ENTRY_SIZE, entryPhysicalOffset, entrySize, entryTagsCode } from '../store/queue/queue-entry.ts';
import { StoredRecord } from '../store/stored-record.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { DelayLevels } from './delay-levels.ts';
import type { ScheduleJournal } from './schedule-journal.ts';

/** Messages and bytes of one level that are delivered in one frame. */
const BATCH_MAX = 64;
const BATCH_BYTES = 256 * 1024;
/** Wait after a failed delivery, ms (Java: DELAY_FOR_A_PERIOD). */
const RETRY_MS = 10_000;

export interface DelayDeliveryParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: MessageStore;
  readonly topics: TopicTable;
  readonly journal: ScheduleJournal;
  readonly levels: DelayLevels;
}

/**
 * Moves due messages from the levels' queues to their topics. All messages of a level wait equally long, so a level's
 * queue is in order of due time and one timer for its head suffices. The copies and the note of how far the level is
 * delivered are one frame of the log, so that a crash neither loses nor repeats any.
 */
export class DelayDelivery {
  readonly #levels: readonly LevelDelivery[];
  readonly #store: MessageStore;

  constructor(parts: DelayDeliveryParts) {
    this.#store = parts.store;
    this.#levels = Array.from(
      { length: parts.levels.count },
      (_, index) => new LevelDelivery(parts, index + 1),
    );
  }

  /** Begins where the journal, which is loaded before, says. */
  start(): void {
    for (const level of this.#levels) level.start();
    this.#store.beforeExpiry((logStart) => this.#checkWaiting(logStart));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#levels.map((level) => level.stop()));
  }

  /** What waits in a level is due within hours: its segment stays until then. */
  #checkWaiting(logStart: number): Promise<void> {
    const waiting = this.#levels.find(({ oldest }) => oldest !== undefined && oldest < logStart);
    if (waiting === undefined) return Promise.resolve();
    const why = `messages of delay level ${waiting.queue.queueId + 1} wait in the oldest segment`;
    return Promise.reject(new MqError('SERVICE_NOT_AVAILABLE', why));
  }

  /** Next offset to deliver and end of each level's queue, level 1 first. */
  progress(): { readonly offset: number; readonly max: number }[] {
    return this.#levels.map(({ offset, queue }) => ({ offset, max: queue.max }));
  }
}

class LevelDelivery {
  readonly queue: StoreQueue;
  offset = 0;
  readonly #parts: DelayDeliveryParts;
  readonly #level: number;
  readonly #delayMs: number;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(parts: DelayDeliveryParts, level: number) {
    this.#parts = parts;
    this.#level = level;
    this.#delayMs = parts.levels.delayMs(level);
    this.queue = parts.store.queues.get(SystemTopic.SCHEDULE, level - 1);
  }

  /** Log position of the first message that waits, undefined without one. */
  get oldest(): number | undefined {
    return this.offset < this.queue.max ? this.queue.physicalOffsetAt(this.offset) : undefined;
  }

  start(): void {
    const offset = this.#parts.journal.levelOffsets.get(this.#level) ?? 0;
    this.offset = Math.min(Math.max(offset, this.queue.min), this.queue.max);
    this.queue.onArrival(this.#arrived);
    this.#runIn(0);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.queue.offArrival(this.#arrived);
    this.#timer?.cancel();
    await this.#running;
  }

  readonly #arrived = (): void => {
    if (this.#running === undefined && this.#timer === undefined) this.#runIn(0);
  };

  #runIn(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer = this.#parts.clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      this.#running = this.#run()
        .catch((error: unknown) => {
          this.#parts.log.error(
            { level: this.queue.queueId + 1, reason: errorText(error) },
            'delayed delivery failed; retrying',
          );
          return RETRY_MS;
        })
        .then((nextMs) => {
          this.#running = undefined;
          if (nextMs !== undefined) this.#runIn(nextMs);
          else if (this.offset < this.queue.max) this.#runIn(0);
        });
    });
  }

  /** Delivers what is due; returns the wait until the next one is, or undefined when nothing waits. */
  async #run(): Promise<number | undefined> {
    while (!this.#stopped && this.offset < this.queue.max) {
      this.offset = Math.max(this.offset, this.queue.min);
      const view = this.queue.view(this.offset, BATCH_MAX);
      if (view.count === 0) throw new Error(`entry ${this.offset} of the level's queue can't be read`);
      const due: (number | undefined)[] = [];
      let waitMs = 0;
      for (let index = 0, bytes = 0; index < view.count && bytes < BATCH_BYTES; index++) {
        const at = view.at + index * ENTRY_SIZE;
        const size = entrySize(view.bytes, at);
        waitMs = size < 0 ? 0 : this.#waitMs(entryTagsCode(view.bytes, at));
        if (waitMs > 0) break;
        due.push(size < 0 ? undefined : entryPhysicalOffset(view.bytes, at));
        bytes += size;
      }
      if (due.length === 0) return waitMs;
      await this.#deliver(due);
    }
    return undefined;
  }

  /** Delivers messages in order, all or none of them. */
  async #deliver(due: readonly (number | undefined)[]): Promise<void> {
    const copies: AppendRequest[] = [];
    for (const physicalOffset of due) {
      const copy = physicalOffset === undefined ? undefined : await this.#copyOf(physicalOffset);
      if (copy !== undefined) copies.push(copy);
    }
    const offset = this.offset + due.length;
    await this.#parts.journal.write(copies, { kind: 'level', level: this.#level, offset });
    this.offset = offset;
  }

  /** A due time further away than the level's delay can only come from a clock that stepped back: due now. */
  #waitMs(dueAt: number): number {
    const waitMs = dueAt - this.#parts.clock.now();
    return waitMs > this.#delayMs ? 0 : waitMs;
  }

  /** The message as it goes to its topic, or undefined when there is nothing to deliver any more. */
  async #copyOf(physicalOffset: number): Promise<AppendRequest | undefined> {
    const { store, topics, log } = this.#parts;
    const bytes = await store.readRecord(physicalOffset);
    if (bytes === undefined) {
      log.warn({ physicalOffset }, 'a delayed message is gone from the log before it was due');
      return undefined;
    }
    const record = new StoredRecord(bytes);
    const properties = record.properties();
    const topic = topics.find(properties.get(Property.REAL_TOPIC) ?? '');
    const queueId = Number(properties.get(Property.REAL_QUEUE_ID) ?? 0);
    if (topic === undefined || !Number.isInteger(queueId) || queueId < 0) {
      log.warn(
        { topic: properties.get(Property.REAL_TOPIC) },
        'a delayed message is dropped: its topic was deleted',
      );
      return undefined;
    }
    return record.toAppend(topic.nameBytes, topic.queue(queueId));
  }
}
