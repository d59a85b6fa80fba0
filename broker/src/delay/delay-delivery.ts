import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { Property } from '@cometmq/common/message/property-names';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { KeyValueStore } from '../store/kv/key-value-store.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { Durability } from '../store/log/durability.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import { ENTRY_SIZE, entryPhysicalOffset, entrySize, entryTagsCode } from '../store/queue/queue-entry.ts';
import { StoredRecord } from '../store/stored-record.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { DelayLevels } from './delay-levels.ts';

const OFFSET_KEY_PREFIX = 'delay-offset/';
/** Messages of one level that are delivered before their durability is awaited. */
const BATCH_MAX = 64;
/** Wait after a failed delivery, ms (Java: DELAY_FOR_A_PERIOD). */
const RETRY_MS = 10_000;
const SAVE_PERIOD_MS = 1_000;

/**
 * Moves due messages from the levels' queues to their topics. All messages of a level wait equally long, so a level's
 * queue is in order of due time and one timer for its head suffices. Progress is saved after the deliveries are
 * durable: a crash repeats some, it loses none.
 */
export class DelayDelivery {
  readonly #levels: readonly LevelDelivery[];
  readonly #kv: KeyValueStore;
  readonly #clock: Clock;
  readonly #log: Logger;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(
    clock: Clock,
    log: Logger,
    store: MessageStore,
    topics: TopicTable,
    kv: KeyValueStore,
    levels: DelayLevels,
    durability: Durability,
  ) {
    this.#clock = clock;
    this.#log = log;
    this.#kv = kv;
    this.#levels = Array.from({ length: levels.count }, (_, index) => {
      const queue = store.queues.get(SystemTopic.SCHEDULE, index);
      return new LevelDelivery(clock, log, store, topics, queue, levels.delayMs(index + 1), durability);
    });
  }

  async start(): Promise<void> {
    for (const [key, offset] of await this.#kv.entries(OFFSET_KEY_PREFIX)) {
      const level = this.#levels[Number(key.slice(OFFSET_KEY_PREFIX.length)) - 1];
      if (level !== undefined) level.offset = Number(offset);
    }
    for (const level of this.#levels) level.start();
    this.#scheduleSave();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await Promise.all(this.#levels.map((level) => level.stop()));
    await this.#save();
  }

  /** Next offset to deliver and end of each level's queue, level 1 first. */
  progress(): { readonly offset: number; readonly max: number }[] {
    return this.#levels.map(({ offset, queue }) => ({ offset, max: queue.max }));
  }

  #scheduleSave(): void {
    this.#timer = this.#clock.setTimer(SAVE_PERIOD_MS, () => {
      this.#save()
        .catch((error: unknown) => {
          this.#log.error(
            { reason: errorText(error) },
            'progress of delayed messages could not be saved; tried again',
          );
        })
        .finally(() => {
          if (!this.#stopped) this.#scheduleSave();
        });
    });
  }

  async #save(): Promise<void> {
    const moved = this.#levels
      .map((level, index) => ({ level, offset: level.offset, key: OFFSET_KEY_PREFIX + String(index + 1) }))
      .filter(({ level, offset }) => offset !== level.savedOffset);
    await this.#kv.write(
      moved.map(({ key, offset }) => ({ key, value: String(offset) })),
      false,
    );
    for (const { level, offset } of moved) level.savedOffset = offset;
  }
}

class LevelDelivery {
  readonly queue: StoreQueue;
  offset = 0;
  savedOffset = 0;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #store: MessageStore;
  readonly #topics: TopicTable;
  readonly #delayMs: number;
  readonly #durability: Durability;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(
    clock: Clock,
    log: Logger,
    store: MessageStore,
    topics: TopicTable,
    queue: StoreQueue,
    delayMs: number,
    durability: Durability,
  ) {
    this.#clock = clock;
    this.#log = log;
    this.#store = store;
    this.#topics = topics;
    this.queue = queue;
    this.#delayMs = delayMs;
    this.#durability = durability;
  }

  start(): void {
    this.offset = this.savedOffset = Math.min(Math.max(this.offset, this.queue.min), this.queue.max);
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
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      this.#running = this.#run()
        .catch((error: unknown) => {
          this.#log.error(
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
      for (let index = 0; index < view.count; index++) {
        const at = view.at + index * ENTRY_SIZE;
        const isHole = entrySize(view.bytes, at) < 0;
        waitMs = isHole ? 0 : this.#waitMs(entryTagsCode(view.bytes, at));
        if (waitMs > 0) break;
        due.push(isHole ? undefined : entryPhysicalOffset(view.bytes, at));
      }
      if (due.length === 0) return waitMs;
      await this.#deliverAll(due);
    }
    return undefined;
  }

  /** Delivers messages in order; what was delivered before a failure is not delivered again. */
  async #deliverAll(due: readonly (number | undefined)[]): Promise<void> {
    let done = 0;
    let appended = 0;
    try {
      for (; done < due.length; done++) {
        const physicalOffset = due[done];
        if (physicalOffset !== undefined && (await this.#deliver(physicalOffset))) appended++;
      }
    } finally {
      if (appended > 0) await this.#store.whenDurable(this.#durability);
      this.offset += done;
    }
  }

  /** A due time further away than the level's delay can only come from a clock that stepped back: due now. */
  #waitMs(dueAt: number): number {
    const waitMs = dueAt - this.#clock.now();
    return waitMs > this.#delayMs ? 0 : waitMs;
  }

  /** False when there is nothing to deliver any more. */
  async #deliver(physicalOffset: number): Promise<boolean> {
    const bytes = await this.#store.readRecord(physicalOffset);
    if (bytes === undefined) {
      this.#log.warn({ physicalOffset }, 'a delayed message is gone from the log before it was due');
      return false;
    }
    const record = new StoredRecord(bytes);
    const properties = record.properties();
    const topic = this.#topics.find(properties.get(Property.REAL_TOPIC) ?? '');
    const queueId = Number(properties.get(Property.REAL_QUEUE_ID) ?? 0);
    if (topic === undefined || !Number.isInteger(queueId) || queueId < 0) {
      this.#log.warn(
        { topic: properties.get(Property.REAL_TOPIC) },
        'a delayed message is dropped: its topic was deleted',
      );
      return false;
    }
    const request = record.toAppend(topic.nameBytes, topic.queue(queueId));
    this.#store.append(request, this.#durability, { physicalOffset: 0, queueOffset: 0, storeTimestamp: 0 });
    return true;
  }
}
