import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { Property } from '@cometmq/common/message/property-names';
import type { AppendRequest } from '../store/append-request.ts';
import type { KeyValueChange } from '../store/kv/key-value-store.ts';
import type { MessageStore } from '../store/message-store.ts';
import { StoredRecord } from '../store/stored-record.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { NearTimers, WaitingTimer } from './near-timers.ts';
import type { ScheduleJournal } from './schedule-journal.ts';
import { movedKey } from './schedule-rows.ts';
import type { ScheduleStats } from './schedule-stats.ts';
import type { ScheduleTime } from './schedule-time.ts';
import { storedDueTime } from './timed-message.ts';
import { TimerLocks } from './timer-locks.ts';

/** Messages and bytes delivered in one frame, with one note. */
const BATCH_MAX = 256;
const BATCH_BYTES = 256 * 1024;
/** Batches whose durability is awaited at once, and batches appended in one turn of the event loop. */
const FLIGHTS_MAX = 32;
const BATCHES_PER_TURN = 4;
/** What is due within this is in memory; more is read when less than the lead is left. */
const WINDOW_MS = 120_000;
const LEAD_MS = 60_000;
/** Rows read at once. */
const READ_MAX = 16_384;
/** Wait after a failed delivery, ms. */
const RETRY_MS = 1_000;
/** The clock may have been set: looked at again this often while something waits. */
const LOOK_MS = 10_000;

export interface TimerDeliveryParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: MessageStore;
  readonly topics: TopicTable;
  readonly journal: ScheduleJournal;
  readonly near: NearTimers;
  readonly time: ScheduleTime;
  readonly stats: ScheduleStats;
}

/**
 * Delivers timed messages when they are due, never before. The next ones are in memory, in the order of their times; the
 * others are rows that are read in time. Copies and the note that they were delivered are one frame of the log.
 */
export class TimerDelivery {
  /** Who holds a message here keeps it from being delivered; the delivery holds what it has taken. */
  readonly locks = new TimerLocks();
  readonly #parts: TimerDeliveryParts;
  /** Batches under way, by the time that their first message is due. */
  readonly #flights = new Map<Promise<void>, number>();
  /** Messages that came up or were read while somebody else held them. */
  readonly #held = new Map<Promise<void>, number>();
  #timer: Timer | undefined;
  #reading: Promise<void> | undefined;
  #pausedUntil = -Infinity;
  #stopped = true;

  constructor(parts: TimerDeliveryParts) {
    this.#parts = parts;
  }

  /** No waiting message is due before; −Infinity before the first have been read. */
  get firstDueAt(): number {
    const { near } = this.#parts;
    return Math.min(near.firstDueAt, near.borderDueAt, ...this.#flights.values(), ...this.#held.values());
  }

  start(): void {
    this.#stopped = false;
    this.#parts.journal.timerQueue.onArrival(this.#arrived);
    this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#parts.journal.timerQueue.offArrival(this.#arrived);
    this.#timer?.cancel();
    await this.#reading;
    await Promise.all(this.#flights.keys());
  }

  /** A message waits again or for another time: takes it into memory if it is due soon. */
  add(timer: WaitingTimer): void {
    const { near } = this.#parts;
    if (!near.isBeforeBorder(timer.dueAt, timer.id)) return;
    if (near.size >= near.capacity) near.shrink();
    if (near.isBeforeBorder(timer.dueAt, timer.id)) near.add(timer);
  }

  /** Looks again what is due. */
  wake(): void {
    this.#arm();
  }

  readonly #arrived = (): void => {
    const { journal } = this.#parts;
    while (
      journal.takeIn((timer) => {
        this.add(timer);
      }) > 0
    );
    this.#arm();
  };

  readonly #run = (): void => {
    if (this.#stopped) return;
    const { near, time, clock } = this.#parts;
    const now = time.now();
    if (clock.monotonic() >= this.#pausedUntil) {
      this.#readAhead(now);
      for (let batches = 0; this.#flights.size < FLIGHTS_MAX && near.firstDueAt <= now; batches++) {
        if (batches === BATCHES_PER_TURN) {
          clock.defer(this.#run);
          return;
        }
        this.#deliver(this.#takeDue(now));
      }
    }
    this.#arm();
  };

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#stopped || this.#flights.size >= FLIGHTS_MAX) return;
    const { clock, near, time, journal } = this.#parts;
    if (near.size === 0 && journal.table.pending === 0) return;
    const pauseMs = Math.max(this.#pausedUntil - clock.monotonic(), 0);
    const now = time.now();
    const waitMs = Math.max(this.#mustRead(now) ? 0 : near.firstDueAt - now, pauseMs, 0);
    this.#timer = clock.setTimer(Math.min(waitMs, LOOK_MS), this.#run);
  }

  #takeDue(now: number): WaitingTimer[] {
    const { near } = this.#parts;
    const batch: WaitingTimer[] = [];
    for (let bytes = 0; batch.length < BATCH_MAX && bytes < BATCH_BYTES && near.firstDueAt <= now;) {
      const timer = near.take();
      if (timer === undefined) break;
      if (this.locks.holder(timer.id) === undefined) {
        batch.push(timer);
        bytes += timer.size;
      } else this.#waitFor(timer);
    }
    return batch;
  }

  /** Somebody holds a message that came up or was read: it may still be waiting afterwards. */
  #waitFor(timer: WaitingTimer): void {
    const back: Promise<void> = this.#takeBack(timer).finally(() => {
      this.#held.delete(back);
      this.#arm();
    });
    this.#held.set(back, timer.dueAt);
  }

  /** Takes a message in again if it waits; held meanwhile, so that what the table says stays true. */
  async #takeBack(timer: WaitingTimer): Promise<void> {
    const { journal, clock, log } = this.#parts;
    while (!this.#stopped) {
      const release = await this.locks.acquire(timer.id);
      try {
        if (await journal.table.has(timer.dueAt, timer.id)) this.add(timer);
        return;
      } catch (error) {
        log.error({ reason: errorText(error) }, 'a schedule could not be read; tried again');
      } finally {
        release();
      }
      await new Promise<void>((resolve) => {
        clock.setTimer(RETRY_MS, resolve);
      });
    }
  }

  #deliver(batch: readonly WaitingTimer[]): void {
    const [first] = batch;
    if (first === undefined) return;
    const release = this.locks.take(batch.map(({ id }) => id));
    const flight: Promise<void> = this.#copy(batch)
      .catch((error: unknown) => {
        this.#failed(batch, error);
      })
      .finally(() => {
        this.#flights.delete(flight);
        release();
        this.#arm();
      });
    this.#flights.set(flight, first.dueAt);
  }

  #failed(batch: readonly WaitingTimer[], error: unknown): void {
    const { clock, log, store } = this.#parts;
    log.error(
      { count: batch.length, reason: errorText(error) },
      'timed messages could not be delivered; retrying',
    );
    this.#pausedUntil = clock.monotonic() + RETRY_MS;
    if (store.failure !== undefined) this.#stopped = true;
    for (const timer of batch) this.add(timer);
  }

  async #copy(batch: readonly WaitingTimer[]): Promise<void> {
    const { journal, store, stats, time, log } = this.#parts;
    const copies: AppendRequest[] = [];
    const removals: KeyValueChange[] = [];
    for (const timer of batch) {
      const bytes = this.#readSync(timer) ?? (await journal.carried.read(timer.id));
      if (bytes === undefined) {
        log.warn({ id: timer.id }, "a timed message can't be read and is given up");
        stats.dropped++;
        continue;
      }
      const record = new StoredRecord(bytes);
      const properties = record.properties();
      const isMoved = storedDueTime(properties) !== timer.dueAt;
      if (isMoved) {
        removals.push({ key: movedKey(timer.id), value: undefined });
        properties.set(Property.TIMER_OUT_MS, String(timer.dueAt));
      }
      removals.push(...journal.carried.removals(timer.id, record));
      const copy = this.#copyOf(record, properties, isMoved);
      if (copy === undefined) stats.dropped++;
      else copies.push(copy);
    }
    if (store.failure !== undefined) throw store.failure;
    await journal.write(copies, { kind: 'fired', refs: batch }, { removals });
    const now = time.now();
    for (const { dueAt } of batch) stats.noteFired(now, now - dueAt);
  }

  #readSync({ id, physicalOffset, size }: WaitingTimer): Buffer | undefined {
    const { store, journal } = this.#parts;
    if (physicalOffset < store.logStart) return undefined;
    const bytes = Buffer.allocUnsafe(size);
    if (!store.reader.copySync(physicalOffset, size, bytes, 0)) return undefined;
    const record = new StoredRecord(bytes);
    const isIt = record.queueOffset === id && record.topic === journal.timerQueue.topic;
    return isIt ? bytes : undefined;
  }

  /** The message as it goes to its topic, or undefined when there is no such topic. */
  #copyOf(
    record: StoredRecord,
    properties: ReadonlyMap<string, string>,
    isMoved: boolean,
  ): AppendRequest | undefined {
    const { topics, log } = this.#parts;
    const name = properties.get(Property.REAL_TOPIC) ?? '';
    const queueId = Number(properties.get(Property.REAL_QUEUE_ID) ?? 0);
    const topic = topics.find(name);
    if (topic === undefined || !Number.isInteger(queueId) || queueId < 0) {
      log.warn({ topic: name }, 'a timed message is dropped: its topic was deleted');
      return undefined;
    }
    return record.toAppend(topic.nameBytes, topic.queue(queueId), isMoved ? properties : undefined);
  }

  #mustRead(now: number): boolean {
    const { near } = this.#parts;
    const isAhead = near.borderDueAt - now >= LEAD_MS || near.size >= near.capacity / 2;
    return !isAhead && this.#reading === undefined;
  }

  /** Reads what is due next, a piece at a time, as far ahead as there is room. */
  #readAhead(now: number): void {
    if (!this.#mustRead(now)) return;
    const { near, journal, log } = this.#parts;
    near.dropBehindBorder();
    const limit = Math.min(READ_MAX, near.capacity - near.size);
    this.#reading = journal.table
      .read(near.borderDueAt, near.borderId, now + WINDOW_MS, limit, (timers, endDueAt, endId) => {
        for (const timer of timers) {
          if (this.locks.holder(timer.id) === undefined) near.add(timer);
          else this.#waitFor(timer);
        }
        near.moveBorder(endDueAt, endId);
      })
      .catch((error: unknown) => {
        log.error({ reason: errorText(error) }, 'schedules could not be read; tried again');
        this.#pausedUntil = this.#parts.clock.monotonic() + RETRY_MS;
      })
      .finally(() => {
        this.#reading = undefined;
        this.#parts.clock.defer(this.#run);
      });
  }
}
