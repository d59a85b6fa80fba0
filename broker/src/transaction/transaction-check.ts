import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { SystemTopic } from '@cometmq/common/topic/names';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import type { TransactionQuestion } from '../client/client-channel.ts';
import type { ProducerMember, ProducerTable } from '../client/producer-table.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { StoredRecord } from '../store/stored-record.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { checkRecord, toCopy } from './half-message.ts';
import type { OpenTransaction } from './transaction.ts';
import type { TransactionJournal } from './transaction-journal.ts';
import type { TransactionStats } from './transaction-stats.ts';
import type { TransactionTable } from './transaction-table.ts';

/** How often is looked for questions that are due, ms. */
const PERIOD_MS = 500;
/** Transactions of one look, questions, and bytes of their messages: what else is due waits for the next. */
const LOOKS_MAX = 5_000;
const QUESTIONS_MAX = 1_000;
const QUESTION_BYTES_MAX = 16 * 1024 * 1024;

/** Settings that may change while the broker runs. */
export type CheckSettings = Pick<
  BrokerConfig,
  'transactionTimeoutMs' | 'transactionCheckIntervalMs' | 'transactionCheckMax'
>;

export interface TransactionCheckParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: CheckSettings;
  readonly topics: TopicTable;
  readonly producers: ProducerTable;
  readonly table: TransactionTable;
  readonly journal: TransactionJournal;
  readonly stats: TransactionStats;
  readonly storeHost: Uint8Array;
}

interface Question {
  /** Resolves when it is noted durably. */
  readonly noted: Promise<void>;
  readonly producer: ProducerMember;
  readonly question: TransactionQuestion;
}

/**
 * Asks producers about half messages that nobody decided, each at its own time. What was asked about too often is asked
 * no more and stays: it is never committed or dropped on the broker's own account. When no member of the group was
 * there to be asked, that does not count (in Java it does): a service that was away for an hour still finds its
 * transactions.
 */
export class TransactionCheck {
  readonly #parts: TransactionCheckParts;
  #timer: Timer | undefined;
  #next = 0;
  #running: Promise<void> | undefined;
  #isStopped = false;

  constructor(parts: TransactionCheckParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = this.#parts.clock.setTimer(PERIOD_MS, () => {
      this.#running = this.round()
        .catch((error: unknown) => {
          this.#parts.log.error({ reason: errorText(error) }, 'transaction check failed; it is tried again');
        })
        .finally(() => {
          if (!this.#isStopped) this.start();
        });
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Monotonic time of the first question about a half message that was just stored, ms. */
  firstDueAt(open: OpenTransaction): number {
    const { clock, settings } = this.#parts;
    return clock.monotonic() + (open.immunityMs ?? settings.transactionTimeoutMs);
  }

  /**
   * Monotonic time of the next question after a start, ms. What is left of a pause is told by the wall clock; one that
   * stepped meanwhile makes it shorter, or at most as long as a whole one.
   */
  dueAtAfterStart(open: OpenTransaction): number {
    const { clock, settings } = this.#parts;
    const isFirst = open.checkedAt === 0;
    const pauseMs = isFirst
      ? (open.immunityMs ?? settings.transactionTimeoutMs)
      : settings.transactionCheckIntervalMs;
    const leftMs = (isFirst ? open.storedAt : open.checkedAt) + pauseMs - clock.now();
    return clock.monotonic() + Math.min(Math.max(leftMs, 0), pauseMs);
  }

  /** Asks about all that is due, as far as one look goes. */
  async round(): Promise<void> {
    const questions: Question[] = [];
    try {
      await this.#collect(questions);
    } finally {
      // Those that are noted are put, whatever went wrong with the next one.
      await this.#put(questions);
    }
  }

  async #collect(questions: Question[]): Promise<void> {
    const { table, clock, settings } = this.#parts;
    const members = new Map<string, ProducerMember[]>();
    let bytes = 0;
    for (let looks = 0; looks < LOOKS_MAX && questions.length < QUESTIONS_MAX; looks++) {
      const open = bytes < QUESTION_BYTES_MAX ? table.takeDue(clock.monotonic()) : undefined;
      if (open === undefined) return;
      // Whatever goes wrong with it, it comes up again.
      table.schedule(open, clock.monotonic() + settings.transactionCheckIntervalMs);
      if (open.checks >= settings.transactionCheckMax) {
        await this.#expire(open);
        bytes += open.sizeBytes;
        continue;
      }
      const question = await this.#question(open, members);
      if (question === undefined) continue;
      bytes += question.question.record.length;
      questions.push(question);
    }
  }

  /** Asks about one transaction now, out of turn. False when no member of its group is there to be asked. */
  async askNow(open: OpenTransaction): Promise<boolean> {
    const question = await this.#question(open, new Map());
    if (question === undefined) return false;
    const { table, clock, settings } = this.#parts;
    if (!open.isExpired) table.schedule(open, clock.monotonic() + settings.transactionCheckIntervalMs);
    await this.#put([question]);
    return true;
  }

  /** A question is noted before it is put: after a crash it has rather been counted once too often than too seldom. */
  async #put(questions: readonly Question[]): Promise<void> {
    for (const { noted, producer, question } of questions) {
      await noted;
      if (this.#parts.table.find(question.physicalOffset) === undefined) continue;
      producer.channel.askTransaction(question);
      this.#parts.stats.checks++;
    }
  }

  /** Undefined when there is nobody to ask, or nothing to ask about. */
  async #question(
    open: OpenTransaction,
    members: Map<string, ProducerMember[]>,
  ): Promise<Question | undefined> {
    const { topics, table, journal, stats, storeHost } = this.#parts;
    const producer = this.#choose(open.producerGroup, members);
    if (producer === undefined) {
      stats.checksNobody++;
      return undefined;
    }
    const topic = topics.find(open.topic);
    const half = topic === undefined ? undefined : await this.#readable(open);
    if (topic === undefined || half === undefined || table.find(open.physicalOffset) !== open)
      return undefined;
    const who = `${producer.clientId} ${producer.channel.remote}`;
    const event = { what: 'checked', at: journal.now, who, check: open.checks + 1 } as const;
    const { durable: noted } = journal.append(open, event);
    const question = {
      topic: SystemTopic.TRANS_HALF,
      queueOffset: open.queueOffset,
      physicalOffset: open.physicalOffset,
      messageId: encodeOffsetMessageId(storeHost, open.physicalOffset),
      uniqueKey: open.uniqueKey,
      record: checkRecord(half, topic, storeHost, open),
    };
    return { noted, producer, question };
  }

  /** Members of the group by turns, of those that take what they are sent. */
  #choose(group: string, members: Map<string, ProducerMember[]>): ProducerMember | undefined {
    let present = members.get(group);
    if (present === undefined) {
      present = this.#parts.producers
        .members(group)
        .filter(({ channel }) => !channel.isClosed && !channel.isCongested);
      members.set(group, present);
    }
    return present[this.#next++ % Math.max(present.length, 1)];
  }

  /** Out of checks: kept, and shown where RocketMQ's tools look for it. */
  async #expire(open: OpenTransaction): Promise<void> {
    const { topics, table, journal, stats, log } = this.#parts;
    const topic = await topics.put(topicConfig(SystemTopic.TRANS_CHECK_MAX_TIME, 1));
    const half = await this.#readable(open);
    if (table.find(open.physicalOffset) !== open) return;
    const copy = half === undefined ? undefined : toCopy(half, open, topic.queue(0));
    journal.append(open, { what: 'expired', at: journal.now, checks: open.checks }, copy);
    stats.expired++;
    log.warn(
      { transaction: open.uniqueKey, group: open.producerGroup, topic: open.topic, checks: open.checks },
      'transaction undecided after the last check: decide it or have it checked again with `comet tx`',
    );
  }

  async #readable(open: OpenTransaction): Promise<StoredRecord | undefined> {
    const half = await this.#parts.journal.half(open);
    if (half === undefined) {
      this.#parts.log.error(
        { transaction: open.uniqueKey, physicalOffset: open.copyOffset },
        'a half message can not be read; look at the store with `comet store verify`',
      );
    }
    return half;
  }
}
