import { MqError } from '@cometmq/common/error/mq-error';
import { Property } from '@cometmq/common/message/property-names';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { MessageStore } from '../store/message-store.ts';
import { StoredRecord } from '../store/stored-record.ts';
import type { NearTimers } from './near-timers.ts';
import type { ScheduleJournal } from './schedule-journal.ts';
import { decodeNote } from './schedule-notes.ts';
import { movedKey } from './schedule-rows.ts';
import type { ScheduleStats } from './schedule-stats.ts';
import type { ScheduleTime } from './schedule-time.ts';
import { sentDueTime } from './timed-message.ts';
import type { TimerDelivery } from './timer-delivery.ts';

/** What became of a message that somebody wanted to change. */
export type ScheduleOutcome = 'DONE' | 'ALREADY_DELIVERED' | 'CANCELLED' | 'NOT_FOUND';

/** A timed message that was found. */
export interface FoundSchedule {
  readonly id: number;
  /** ms. */
  readonly dueAt: number;
  readonly topic: string;
  readonly record: StoredRecord;
}

export interface ScheduleOperationsParts {
  readonly store: MessageStore;
  readonly journal: ScheduleJournal;
  readonly near: NearTimers;
  readonly time: ScheduleTime;
  readonly stats: ScheduleStats;
  readonly delivery: TimerDelivery;
}

/** Candidates looked at for one key: the index knows hashes, and keys need not be unique. */
const CANDIDATES_MAX = 1_000;

/** Finds timed messages and changes them while they wait. What it answers is true: a message is held meanwhile. */
export class ScheduleOperations {
  readonly #parts: ScheduleOperationsParts;

  constructor(parts: ScheduleOperationsParts) {
    this.#parts = parts;
  }

  /** Timed messages to a topic with a unique key or key that are known, waiting or not, newest first. */
  async find(topic: string | undefined, key: string): Promise<FoundSchedule[]> {
    const { store, journal } = this.#parts;
    const found = new Map<number, FoundSchedule>();
    const add = (bytes: Buffer | undefined): void => {
      const record = bytes === undefined ? undefined : new StoredRecord(bytes);
      const schedule = record === undefined ? undefined : scheduleOf(record);
      if (schedule === undefined || !hasKey(schedule.record, key)) return;
      if (topic === undefined || schedule.topic === topic) found.set(schedule.id, schedule);
    };
    for (const offset of this.#indexed(SystemTopic.WHEEL_TIMER, key)) add(await store.readRecord(offset));
    for (const id of await journal.carried.find(key)) add(await journal.carried.read(id));
    return [...found.values()].sort((a, b) => b.id - a.id);
  }

  /** The message, with the time it waits for now; undefined when it does not wait. */
  async waiting(schedule: FoundSchedule): Promise<FoundSchedule | undefined> {
    const { table } = this.#parts.journal;
    const dueAt = (await table.movedTo(schedule.id)) ?? schedule.dueAt;
    return (await table.has(dueAt, schedule.id)) ? { ...schedule, dueAt } : undefined;
  }

  /** Takes messages back; all copies, if a producer sent one twice. `DONE` when it is durable that none will come. */
  async cancel(topic: string, key: string): Promise<ScheduleOutcome> {
    return this.#change(topic, key, async (schedule) => {
      const { journal, near, stats } = this.#parts;
      const { id, dueAt, record } = schedule;
      const uniqueKey = record.properties().get(Property.UNIQ_KEY) ?? '';
      const removals = [{ key: movedKey(id), value: undefined }, ...journal.carried.removals(id, record)];
      await journal.write([], { kind: 'cancelled', ref: { id, dueAt } }, { uniqueKey, removals });
      near.remove(id);
      stats.cancelled++;
    });
  }

  /** Gives messages another time; one in the past delivers them at once. */
  async move(topic: string, key: string, toDueAt: number): Promise<ScheduleOutcome> {
    const { journal, near, stats, delivery, time } = this.#parts;
    return this.#change(topic, key, async ({ id, dueAt, record }) => {
      const to = { id, dueAt: Math.max(toDueAt, time.now()), ...placeOf(record) };
      if (to.dueAt === dueAt) return;
      await journal.write([], { kind: 'moved', ref: { id, dueAt }, to, sentDueAt: sentDueTime(record) });
      near.remove(id);
      delivery.add(to);
      stats.moved++;
    }).finally(() => {
      delivery.wake();
    });
  }

  /** Copies what waits in a part of the log that is about to go. */
  async carry(logStart: number): Promise<void> {
    const { journal, store, delivery } = this.#parts;
    await journal.table.saveTo(logStart, true);
    await journal.carried.carry(store, journal.timerQueue, logStart, async (id, sentDueAt) => {
      const release = await delivery.locks.acquire(id);
      const dueAt = (await journal.table.movedTo(id)) ?? sentDueAt;
      if (await journal.table.has(dueAt, id)) return release;
      release();
      return undefined;
    });
  }

  async #change(
    topic: string,
    key: string,
    change: (schedule: FoundSchedule) => Promise<void>,
  ): Promise<ScheduleOutcome> {
    const copies = (await this.find(topic, key)).filter(({ record }) => isUniqueKey(record, key));
    let outcome: ScheduleOutcome | undefined;
    for (const copy of copies) {
      const release = await this.#parts.delivery.locks.acquire(copy.id);
      try {
        const waiting = await this.waiting(copy);
        if (waiting !== undefined) await change(waiting);
        const became = waiting === undefined ? await this.#past(copy) : 'DONE';
        if (outcome === undefined || became === 'ALREADY_DELIVERED') outcome = became;
      } finally {
        release();
      }
    }
    return outcome ?? this.#forgotten(topic, key);
  }

  /** What became of a message that does not wait any more. */
  async #past({ id, record }: FoundSchedule): Promise<ScheduleOutcome> {
    const key = record.properties().get(Property.UNIQ_KEY) ?? '';
    return (await this.#isCancelled(key, id)) ? 'CANCELLED' : 'ALREADY_DELIVERED';
  }

  /** A message that is not among the timed ones (any more): it was due when it was sent, or its record has expired. */
  async #forgotten(topic: string, key: string): Promise<ScheduleOutcome> {
    if (await this.#isCancelled(key, undefined)) return 'CANCELLED';
    const { store } = this.#parts;
    for (const offset of this.#indexed(topic, key)) {
      const bytes = await store.readRecord(offset);
      const record = bytes === undefined ? undefined : new StoredRecord(bytes);
      if (record?.topic === topic && isUniqueKey(record, key)) return 'ALREADY_DELIVERED';
    }
    for (const offset of this.#indexed(SystemTopic.SCHEDULE, key)) {
      const bytes = await store.readRecord(offset);
      if (bytes === undefined || !isUniqueKey(new StoredRecord(bytes), key)) continue;
      throw new MqError(
        'NOT_SUPPORTED',
        'the message waits in a delay level; only timed messages can be changed',
        {
          hint: 'send it with delayMs or deliverAt (TIMER_DELAY_MS, TIMER_DELIVER_MS) instead of a level',
        },
      );
    }
    return 'NOT_FOUND';
  }

  async #isCancelled(key: string, id: number | undefined): Promise<boolean> {
    const { store } = this.#parts;
    for (const offset of this.#indexed(SystemTopic.WHEEL_TIMER_OP, key)) {
      const bytes = await store.readRecord(offset);
      if (bytes === undefined) continue;
      const record = new StoredRecord(bytes);
      if (record.topic !== SystemTopic.WHEEL_TIMER_OP || !isUniqueKey(record, key)) continue;
      const { bodyAt, bodySize } = record.layout;
      const note = decodeNote(bytes.subarray(bodyAt, bodyAt + bodySize));
      if (note.kind === 'cancelled' && (id === undefined || note.ref.id === id)) return true;
    }
    return false;
  }

  /** Log positions of what the index has for a key, newest first. */
  #indexed(topic: string, key: string): number[] {
    const offsets: number[] = [];
    for (const { physicalOffset } of this.#parts.store.index.find(topic, key, 0, Infinity))
      if (offsets.push(physicalOffset) === CANDIDATES_MAX) break;
    return offsets;
  }
}

/** A stored timed message, or undefined when the record is something else. */
export function scheduleOf(record: StoredRecord): FoundSchedule | undefined {
  if (record.topic !== SystemTopic.WHEEL_TIMER) return undefined;
  const topic = record.properties().get(Property.REAL_TOPIC) ?? '';
  return { id: record.queueOffset, dueAt: sentDueTime(record), topic, record };
}

function placeOf(record: StoredRecord): { physicalOffset: number; size: number } {
  return { physicalOffset: record.physicalOffset, size: record.bytes.length };
}

function isUniqueKey(record: StoredRecord, key: string): boolean {
  return record.properties().get(Property.UNIQ_KEY) === key;
}

function hasKey(record: StoredRecord, key: string): boolean {
  const keys = record.properties().get(Property.KEYS) ?? '';
  return isUniqueKey(record, key) || keys.split(' ').includes(key);
}
