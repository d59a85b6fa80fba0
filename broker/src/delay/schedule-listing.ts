import { MqError } from '@cometmq/common/error/mq-error';
import type { MessageStore } from '../store/message-store.ts';
import { StoredRecord } from '../store/stored-record.ts';
import type { WaitingTimer } from './near-timers.ts';
import type { ScheduleJournal } from './schedule-journal.ts';
import type { FoundSchedule } from './schedule-operations.ts';
import { scheduleOf } from './schedule-operations.ts';
import { HOUR_MS } from './schedule-rows.ts';

export interface ScheduleRange {
  /** Due times, ms; `to` is not in the range. */
  readonly from: number;
  readonly to: number;
}

export interface ScheduleQuery extends ScheduleRange {
  readonly topic: string | undefined;
  readonly limit: number;
  /** Where the page before ended. */
  readonly cursor: string | undefined;
}

export interface SchedulePage {
  readonly schedules: readonly FoundSchedule[];
  /** Undefined behind the last page. */
  readonly cursor: string | undefined;
}

export interface ScheduleBucket {
  /** First due time in it, ms. */
  readonly from: number;
  readonly count: number;
}

/** Rows that one page looks at, so that a rare topic does not keep the broker busy. */
const ROWS_PER_PAGE = 10_000;
/** Messages that buckets other than whole hours count; the hours are counted as they come. */
const COUNTED_MAX = 500_000;
const COUNTED_AT_ONCE = 10_000;
const BUCKETS_MAX = 10_000;

/** Shows what waits, without changing anything. */
export class ScheduleListing {
  readonly #store: MessageStore;
  readonly #journal: ScheduleJournal;

  constructor(store: MessageStore, journal: ScheduleJournal) {
    this.#store = store;
    this.#journal = journal;
  }

  /** Messages in the order of their due times. A page may be short, or empty, and not be the last one. */
  async page(query: ScheduleQuery): Promise<SchedulePage> {
    const start = readCursor(query.cursor) ?? { dueAt: query.from, id: 0 };
    const rowsMax = query.topic === undefined ? query.limit : ROWS_PER_PAGE;
    const rows = await this.#rows(start.dueAt, start.id, query.to, rowsMax);
    const schedules: FoundSchedule[] = [];
    let seen = 0;
    for (; seen < rows.timers.length && schedules.length < query.limit; seen++) {
      const timer = rows.timers[seen];
      const found = timer === undefined ? undefined : await this.#found(timer);
      if (found !== undefined && (query.topic === undefined || found.topic === query.topic))
        schedules.push(found);
    }
    const next = rows.timers[seen] ?? rows.end;
    return { schedules, cursor: next === undefined ? undefined : `${next.dueAt}.${next.id}` };
  }

  /** How many messages are due in each piece of a range. */
  async histogram({ from, to }: ScheduleRange, bucketMs: number): Promise<ScheduleBucket[]> {
    if (!(bucketMs >= 1) || (to - from) / bucketMs > BUCKETS_MAX) {
      throw new MqError('INVALID_ARGUMENT', `more than ${BUCKETS_MAX} buckets`, {
        hint: 'ask for a shorter range or longer buckets',
      });
    }
    const counts = new Map<number, number>();
    const add = (dueAt: number, count: number): void => {
      const bucket = from + Math.floor((dueAt - from) / bucketMs) * bucketMs;
      counts.set(bucket, (counts.get(bucket) ?? 0) + count);
    };
    if (bucketMs % HOUR_MS === 0 && from % HOUR_MS === 0) {
      for (const [hour, count] of this.#journal.table.hours(from / HOUR_MS, to / HOUR_MS))
        add(hour * HOUR_MS, count);
    } else await this.#count(from, to, add);
    return [...counts].sort(([a], [b]) => a - b).map(([start, count]) => ({ from: start, count }));
  }

  async #count(from: number, to: number, add: (dueAt: number, count: number) => void): Promise<void> {
    let next: { readonly dueAt: number; readonly id: number } | undefined = { dueAt: from, id: 0 };
    for (let counted = 0; next !== undefined; counted += COUNTED_AT_ONCE) {
      if (counted >= COUNTED_MAX) {
        throw new MqError('INVALID_ARGUMENT', `more than ${COUNTED_MAX} messages wait in that range`, {
          hint: 'ask for a shorter range, or for buckets of whole hours',
        });
      }
      const rows = await this.#rows(next.dueAt, next.id, to, COUNTED_AT_ONCE);
      for (const { dueAt } of rows.timers) add(dueAt, 1);
      next = rows.end;
    }
  }

  #rows(
    dueAt: number,
    id: number,
    to: number,
    limit: number,
  ): Promise<{ timers: WaitingTimer[]; end: { readonly dueAt: number; readonly id: number } | undefined }> {
    return this.#journal.table.read(dueAt, id, to, limit, (timers, endDueAt, endId) => ({
      timers,
      end: endDueAt >= to ? undefined : { dueAt: endDueAt, id: endId },
    }));
  }

  async #found({ id, dueAt, physicalOffset }: WaitingTimer): Promise<FoundSchedule | undefined> {
    const bytes = (await this.#store.readRecord(physicalOffset)) ?? (await this.#journal.carried.read(id));
    const found = bytes === undefined ? undefined : scheduleOf(new StoredRecord(bytes));
    return found?.id === id ? { ...found, dueAt } : undefined;
  }
}

function readCursor(text: string | undefined): { readonly dueAt: number; readonly id: number } | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d{1,15})\.(\d{1,15})$/.exec(text);
  if (match === null) throw new MqError('INVALID_ARGUMENT', `${text} is not where a page ended`);
  return { dueAt: Number(match[1]), id: Number(match[2]) };
}
