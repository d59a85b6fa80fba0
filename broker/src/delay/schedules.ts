import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { decodeProperties } from '@cometmq/common/message/properties';
import type { AppendRequest } from '../store/append-request.ts';
import type { KeyValueStore } from '../store/kv/key-value-store.ts';
import type { Durability } from '../store/log/durability.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { NearTimers } from './near-timers.ts';
import { RecurringSchedules } from './recurring-schedules.ts';
import { ScheduleJournal } from './schedule-journal.ts';
import { ScheduleListing } from './schedule-listing.ts';
import { ScheduleOperations } from './schedule-operations.ts';
import { ScheduleStats } from './schedule-stats.ts';
import { ScheduleTime } from './schedule-time.ts';
import { TimerDelivery } from './timer-delivery.ts';
import { divertToTimerQueue, dueTimeOf } from './timed-message.ts';

/** Timers in memory: about 25 MB when there are that many. */
const NEAR_MAX = 262_144;
const DAY_MS = 86_400_000;

export interface ScheduleSettings {
  /** Messages that may wait. */
  readonly schedulePendingMax: number;
  /** Furthest time ahead, ms. */
  readonly scheduleDelayMaxMs: number;
}

export interface SchedulesParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: MessageStore;
  readonly topics: TopicTable;
  readonly kv: KeyValueStore;
  readonly durability: Durability;
  readonly settings: ScheduleSettings;
  /** Timers in memory, other than the default in tests only. */
  readonly nearMax?: number;
}

/** Timed messages: takes them in, delivers them when they are due, and lets them be found and changed until then. */
export class Schedules {
  readonly stats = new ScheduleStats();
  readonly journal: ScheduleJournal;
  readonly operations: ScheduleOperations;
  readonly listing: ScheduleListing;
  readonly time: ScheduleTime;
  readonly recurring: RecurringSchedules;
  readonly #parts: SchedulesParts;
  readonly #near: NearTimers;
  readonly #delivery: TimerDelivery;

  constructor(parts: SchedulesParts) {
    this.#parts = parts;
    const { stats } = this;
    this.time = new ScheduleTime(parts.clock, parts.log);
    this.#near = new NearTimers(parts.nearMax ?? NEAR_MAX);
    this.journal = new ScheduleJournal({ ...parts, firstDueAt: () => this.#delivery.firstDueAt });
    this.listing = new ScheduleListing(parts.store, this.journal);
    const shared = { ...parts, stats, journal: this.journal, near: this.#near, time: this.time };
    this.#delivery = new TimerDelivery(shared);
    this.recurring = new RecurringSchedules(shared);
    this.operations = new ScheduleOperations({ ...shared, delivery: this.#delivery });
  }

  /** Messages that wait. */
  get pending(): number {
    return this.journal.table.pending;
  }

  /** No waiting message is due before; −Infinity while that is not known. */
  get firstDueAt(): number {
    return this.#delivery.firstDueAt;
  }

  /** Timed messages that are stored and not taken in yet. */
  get behind(): number {
    return this.journal.timerQueue.max - this.journal.next;
  }

  /** Reads what is known of schedules; levels may be delivered then as well. */
  async load(): Promise<void> {
    await this.journal.load();
    await this.recurring.load();
    this.#parts.store.beforeExpiry((logStart) => this.operations.carry(logStart));
  }

  start(): void {
    this.#delivery.start();
    this.recurring.start();
  }

  async stop(): Promise<void> {
    await this.recurring.stop();
    await this.#delivery.stop();
    await this.journal.table.stop();
  }

  /**
   * Makes a timed message wait; the time it is due, or undefined for one that goes to its topic at once.
   * @throws MqError `MESSAGE_ILLEGAL` for a time that is none or too far, `SYSTEM_BUSY` when too many wait.
   */
  divert(request: AppendRequest): number | undefined {
    const now = this.time.now();
    const text = request.properties.toString('utf8', request.propertiesStart, request.propertiesEnd);
    const properties = decodeProperties(text);
    const dueAt = dueTimeOf(properties, now);
    if (dueAt === undefined || dueAt <= now) return undefined;
    this.checkTime(dueAt);
    const { schedulePendingMax: pendingMax } = this.#parts.settings;
    if (this.pending + this.behind >= pendingMax) {
      throw new MqError(
        'SYSTEM_BUSY',
        `timer message is under flow control: ${pendingMax} timed messages wait`,
        {
          hint: 'raise the broker’s schedulePendingMax, or see with `comet schedule histogram` what waits',
        },
      );
    }
    this.stats.accepted.add(now, 1);
    divertToTimerQueue(request, properties, dueAt, this.#parts.store.queues);
    return dueAt;
  }

  /** @throws MqError `MESSAGE_ILLEGAL` for a time that is too far ahead. */
  checkTime(dueAt: number): void {
    const { scheduleDelayMaxMs: delayMaxMs } = this.#parts.settings;
    if (dueAt - this.time.now() <= delayMaxMs) return;
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `timer message illegal, the delay time should not be bigger than the max delay ${delayMaxMs}ms (${Math.floor(delayMaxMs / DAY_MS)} days)`,
      { hint: 'the limit is the broker’s scheduleDelayMaxMs' },
    );
  }
}
