import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { encodeHost } from '@cometmq/common/message/host';
import { encodeProperties } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import type { CronTimes } from '../calendar/cron-times.ts';
import { cronTimes } from '../calendar/cron-times.ts';
import type { AppendRequest } from '../store/append-request.ts';
import type { KeyValueStore } from '../store/kv/key-value-store.ts';
import { PropertyScan } from '../store/property-scan.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { ScheduleJournal } from './schedule-journal.ts';
import { SLOT_KEY } from './schedule-journal.ts';
import type { ScheduleTime } from './schedule-time.ts';

/** A message that is sent again and again. */
export interface RecurringSchedule {
  readonly name: string;
  readonly topic: string;
  readonly expression: string;
  readonly timeZone: string;
  readonly body: string;
  readonly tag: string;
  readonly keys: string;
}

export interface RecurringState extends RecurringSchedule {
  /** Time of the last message, ms; undefined before the first. */
  readonly lastSlot: number | undefined;
  /** Why the last attempt failed; undefined when it did not. */
  readonly fault: string | undefined;
}

interface Stored extends RecurringSchedule {
  /** Names it in notes; never given again. */
  readonly id: number;
  readonly createdAt: number;
}

interface Entry {
  readonly stored: Stored;
  readonly times: CronTimes;
  /** Looked at up to here. */
  checkedTo: number;
  fault: string | undefined;
}

export interface RecurringSchedulesParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly kv: KeyValueStore;
  readonly topics: TopicTable;
  readonly journal: ScheduleJournal;
  readonly time: ScheduleTime;
}

const PREFIX = 'recurring/';
const NAME = /^[a-zA-Z0-9_-]{1,100}$/;
const COUNT_MAX = 1_000;
const BODY_MAX = 64 * 1024;
/** Slots that were missed for longer are skipped; of the others the latest is made up for. */
const CATCH_UP_MS = 3_600_000;
/** Later than this a slot counts as missed: the broker was down. */
const MISSED_MS = 60_000;
const SECOND_MS = 1_000;
const NOBODY = encodeHost('127.0.0.1', 0);

/**
 * Sends a message at each time of a cron expression. The message and the note of its slot are one frame of the log, so no
 * restart sends one twice. Of the slots that passed while the broker was down, the latest is made up for when it is not
 * older than an hour; the others are skipped.
 */
export class RecurringSchedules {
  readonly #parts: RecurringSchedulesParts;
  readonly #entries = new Map<string, Entry>();
  #nextId = 1;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #stopped = true;

  constructor(parts: RecurringSchedulesParts) {
    this.#parts = parts;
  }

  /** Reads the definitions; the journal is loaded before. */
  async load(): Promise<void> {
    for (const [, text] of await this.#parts.kv.entries(PREFIX)) this.#take(JSON.parse(text) as Stored);
  }

  start(): void {
    this.#stopped = false;
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  list(): RecurringState[] {
    return [...this.#entries.values()]
      .map(({ stored, fault }) => {
        const { name, topic, expression, timeZone, body, tag, keys } = stored;
        const lastSlot = this.#parts.journal.slots.get(stored.id);
        return { name, topic, expression, timeZone, body, tag, keys, lastSlot, fault };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Adds one, or replaces the one of that name; durable when done.
   * @throws MqError `INVALID_ARGUMENT`, `TOPIC_NOT_EXIST`, `SYSTEM_BUSY` when there are too many.
   */
  async put(schedule: RecurringSchedule): Promise<void> {
    const { kv, time, topics } = this.#parts;
    cronTimes(schedule.expression, schedule.timeZone);
    if (!NAME.test(schedule.name)) {
      throw new MqError('INVALID_ARGUMENT', `${schedule.name} is no name for a recurring schedule`, {
        hint: 'letters, digits, _ and -; at most 100',
      });
    }
    const size = Buffer.byteLength(schedule.body);
    if (size === 0 || size > BODY_MAX)
      throw new MqError('INVALID_ARGUMENT', `the body has ${size} bytes; 1 to ${BODY_MAX} are possible`);
    topics.get(schedule.topic);
    if (!this.#entries.has(schedule.name) && this.#entries.size >= COUNT_MAX)
      throw new MqError('SYSTEM_BUSY', `there are ${COUNT_MAX} recurring schedules, which is the limit`);
    const stored = { ...schedule, id: this.#nextId, createdAt: time.now() };
    await kv.write([{ key: PREFIX + schedule.name, value: JSON.stringify(stored) }], true);
    this.#take(stored);
    this.#arm();
  }

  /** False when there is none of that name. */
  async remove(name: string): Promise<boolean> {
    const entry = this.#entries.get(name);
    if (entry === undefined) return false;
    const rows = [PREFIX + name, SLOT_KEY + String(entry.stored.id)];
    await this.#parts.kv.write(
      rows.map((key) => ({ key, value: undefined })),
      true,
    );
    this.#entries.delete(name);
    return true;
  }

  #take(stored: Stored): void {
    const times = cronTimes(stored.expression, stored.timeZone);
    const lastSlot = this.#parts.journal.slots.get(stored.id);
    const checkedTo = lastSlot ?? stored.createdAt;
    this.#entries.set(stored.name, { stored, times, checkedTo, fault: undefined });
    this.#nextId = Math.max(this.#nextId, stored.id + 1);
  }

  #arm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#stopped || this.#entries.size === 0 || this.#running !== undefined) return;
    const { clock, time } = this.#parts;
    const waitMs = SECOND_MS - (time.now() % SECOND_MS);
    this.#timer = clock.setTimer(waitMs, () => {
      this.#running = this.#look().finally(() => {
        this.#running = undefined;
        this.#arm();
      });
    });
  }

  async #look(): Promise<void> {
    const now = this.#parts.time.now();
    for (const entry of [...this.#entries.values()]) {
      try {
        await this.#sendDue(entry, now);
        entry.fault = undefined;
      } catch (error) {
        if (entry.fault === undefined)
          this.#parts.log.error(
            { schedule: entry.stored.name, reason: errorText(error) },
            'a recurring message could not be sent; tried again each second',
          );
        entry.fault = errorText(error);
      }
    }
  }

  async #sendDue(entry: Entry, now: number): Promise<void> {
    const { times } = entry;
    const { stepMs } = times;
    const begin = Math.max(entry.checkedTo, now - CATCH_UP_MS);
    const due: number[] = [];
    for (let at = Math.floor(begin / stepMs) * stepMs + stepMs; at <= now; at += stepMs)
      if (times.matches(at)) due.push(at);
    const latestMissed = due.findLastIndex((slot) => slot < now - MISSED_MS);
    for (const slot of due.slice(Math.max(latestMissed, 0))) {
      // It may have been removed or replaced meanwhile.
      if (this.#stopped || this.#entries.get(entry.stored.name) !== entry) return;
      await this.#send(entry.stored, slot);
      entry.checkedTo = slot;
    }
    entry.checkedTo = now;
  }

  async #send(stored: Stored, slot: number): Promise<void> {
    const { topics, journal } = this.#parts;
    const topic = topics.get(stored.topic);
    const queueId = Math.floor(slot / SECOND_MS) % Math.max(topic.config.writeQueueNums, 1);
    const properties = Buffer.from(
      encodeProperties(
        new Map([
          [Property.UNIQ_KEY, `CRON-${stored.name}-${stored.id}-${slot}`],
          [Property.KEYS, stored.keys],
          [Property.TAGS, stored.tag],
          [Property.WAIT, 'true'],
        ]),
      ),
    );
    const body = Buffer.from(stored.body);
    const propertyScan = new PropertyScan();
    propertyScan.scan(properties, 0, properties.length);
    const message: AppendRequest = {
      queue: topic.queue(queueId),
      topic: topic.nameBytes,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: slot,
      bornHost: NOBODY,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body,
      bodyStart: 0,
      bodyEnd: body.length,
      properties,
      propertiesStart: 0,
      propertiesEnd: properties.length,
      propertyScan,
      tagsCode: undefined,
    };
    await journal.write([message], { kind: 'slot', schedule: stored.id, slot });
  }
}
