import { MqError } from '@cometmq/common/error/mq-error';
import { Property } from '@cometmq/common/message/property-names';
import { readRecallHandle } from '@cometmq/common/message/recall-handle';
import type { RecurringSchedule, RecurringSchedules } from '../delay/recurring-schedules.ts';
import type { ScheduleBucket, ScheduleQuery, ScheduleRange } from '../delay/schedule-listing.ts';
import type { FoundSchedule } from '../delay/schedule-operations.ts';
import type { Schedules } from '../delay/schedules.ts';
import type { TopicTable } from '../topic/topic-table.ts';

export type { RecurringSchedule };

/** A timed message as admin tools show it. */
export interface ScheduleView {
  readonly topic: string;
  readonly queueId: number;
  /** What it is named by. */
  readonly uniqueKey: string;
  readonly keys: string;
  readonly tag: string;
  /** ms. */
  readonly dueAt: number;
  readonly sentAt: number;
  readonly bodyBytes: number;
  readonly isWaiting: boolean;
}

/** What became of a message that somebody wanted to change, by what was wanted. */
export type ChangeResult = 'CANCELLED' | 'MOVED' | 'FIRED' | 'ALREADY_DELIVERED' | 'NOT_FOUND';

export interface ScheduleServiceParts {
  readonly brokerName: string;
  readonly topics: TopicTable;
  readonly schedules: Schedules;
}

const PAGE_MAX = 1_000;

/** Timed messages for clients that take them back and for operators. */
export class ScheduleService {
  readonly #parts: ScheduleServiceParts;

  constructor(parts: ScheduleServiceParts) {
    this.#parts = parts;
  }

  /**
   * Takes back the message that a handle names; its unique key.
   * @throws MqError `CONFLICT` when it can't be taken back, `TOPIC_NOT_EXIST`.
   */
  async recall(topic: string, text: string): Promise<string> {
    const { topics, brokerName } = this.#parts;
    if (topics.find(topic) === undefined) throw new MqError('TOPIC_NOT_EXIST', `topic[${topic}] not exist`);
    const handle = handleOf(text);
    if (handle.topic !== topic) throw refused('topic not match');
    if (handle.brokerName !== brokerName) throw refused('broker not match');
    const result = await this.cancel(topic, handle.uniqueKey);
    if (result === 'ALREADY_DELIVERED') throw refused('ALREADY_DELIVERED');
    if (result === 'NOT_FOUND') throw refused('NOT_FOUND: this broker knows no such message');
    return handle.uniqueKey;
  }

  async cancel(topic: string, uniqueKey: string): Promise<ChangeResult> {
    const outcome = await this.#parts.schedules.operations.cancel(topic, uniqueKey);
    return outcome === 'DONE' ? 'CANCELLED' : outcome;
  }

  /** @throws MqError `MESSAGE_ILLEGAL` for a time that is too far ahead. */
  async move(topic: string, uniqueKey: string, dueAt: number): Promise<ChangeResult> {
    const { schedules } = this.#parts;
    schedules.checkTime(dueAt);
    const outcome = await schedules.operations.move(topic, uniqueKey, dueAt);
    return outcome === 'DONE' ? 'MOVED' : outcome;
  }

  /** Makes a message due now. */
  async fire(topic: string, uniqueKey: string): Promise<ChangeResult> {
    const outcome = await this.#parts.schedules.operations.move(topic, uniqueKey, 0);
    return outcome === 'DONE' ? 'FIRED' : outcome;
  }

  async list(query: ScheduleQuery): Promise<{ schedules: ScheduleView[]; cursor: string | undefined }> {
    const limit = Math.min(Math.max(query.limit, 1), PAGE_MAX);
    const page = await this.#parts.schedules.listing.page({ ...query, limit });
    return { schedules: page.schedules.map((found) => view(found, true)), cursor: page.cursor };
  }

  /** Messages with a unique key or key, also those that were delivered or cancelled while the log has them. */
  async find(topic: string | undefined, key: string): Promise<ScheduleView[]> {
    const { operations } = this.#parts.schedules;
    const views: ScheduleView[] = [];
    for (const found of await operations.find(topic, key)) {
      const waiting = await operations.waiting(found);
      views.push(view(waiting ?? found, waiting !== undefined));
    }
    return views;
  }

  histogram(range: ScheduleRange, bucketMs: number): Promise<ScheduleBucket[]> {
    return this.#parts.schedules.listing.histogram(range, bucketMs);
  }

  /** Messages that are sent again and again. */
  get recurring(): RecurringSchedules {
    return this.#parts.schedules.recurring;
  }

  /** Messages that wait. */
  get pending(): number {
    return this.#parts.schedules.pending;
  }
}

function handleOf(text: string): ReturnType<typeof readRecallHandle> {
  try {
    return readRecallHandle(text);
  } catch {
    throw refused('recall handle is invalid');
  }
}

function refused(why: string): MqError {
  return new MqError('CONFLICT', `recall failed, ${why}`);
}

function view({ topic, dueAt, record }: FoundSchedule, isWaiting: boolean): ScheduleView {
  const properties = record.properties();
  return {
    topic,
    queueId: Number(properties.get(Property.REAL_QUEUE_ID) ?? 0),
    uniqueKey: properties.get(Property.UNIQ_KEY) ?? '',
    keys: properties.get(Property.KEYS) ?? '',
    tag: properties.get(Property.TAGS) ?? '',
    dueAt,
    sentAt: record.storeTimestamp,
    bodyBytes: record.layout.bodySize,
    isWaiting,
  };
}
