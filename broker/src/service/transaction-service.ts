import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { Property } from '@cometmq/common/message/property-names';
import { SystemTopic } from '@cometmq/common/topic/names';
import { delayLevelOf, divertToDelayQueue } from '../delay/delay-queue.ts';
import type { DelayLevels } from '../delay/delay-levels.ts';
import type { Durability } from '../store/log/durability.ts';
import type { MessageStore } from '../store/message-store.ts';
import { StoredRecord } from '../store/stored-record.ts';
import { walkQueue } from '../store/queue-walk.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { HALF_QUEUE_ID, toCommitted } from '../transaction/half-message.ts';
import type { OpenTransaction, TransactionTable } from '../transaction/transaction-table.ts';

export type Decision = 'commit' | 'rollback' | 'unknown';

export interface EndTransaction {
  readonly producerGroup: string;
  /** Place of the half message in its topic and in the log, as the send's answer told. */
  readonly queueOffset: number;
  readonly physicalOffset: number;
  readonly decision: Decision;
}

/** A half message as it was stored. */
export interface StoredHalf {
  readonly properties: ReadonlyMap<string, string>;
  readonly queueOffset: number;
  readonly physicalOffset: number;
  /** ms. */
  readonly storeTimestamp: number;
}

export interface TransactionParts {
  readonly clock: Clock;
  readonly store: MessageStore;
  readonly topics: TopicTable;
  readonly table: TransactionTable;
  readonly levels: DelayLevels;
  readonly durability: Durability;
}

/** A half message is not asked about before it is this old, ms (Java: transactionTimeOut). */
const CHECK_IMMUNITY_MS = 6_000;
/** Half messages that wait for a decision; more are refused. */
const OPEN_MAX = 200_000;

/** Decides half messages: each once, however often and in whatever order its producer tells. */
export class TransactionService {
  readonly #parts: TransactionParts;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
  }

  /** Finds the half messages that were open when the broker stopped. */
  async load(): Promise<void> {
    const { table, store } = this.#parts;
    await table.load();
    for await (const { queueOffset, record } of walkQueue(store, this.#halfQueue(), table.oldestOpen)) {
      if (record === undefined || table.isDecided(queueOffset)) continue;
      const { physicalOffset, storeTimestamp } = record;
      this.opened({ properties: record.properties(), queueOffset, physicalOffset, storeTimestamp });
    }
  }

  /** @throws MqError `SYSTEM_BUSY` when too many half messages are open. */
  checkRoom(): void {
    if (this.#parts.table.size >= OPEN_MAX) {
      throw new MqError('SYSTEM_BUSY', `${OPEN_MAX} transactions are open, which is the limit`, {
        hint: 'are the producers that should decide them running?',
      });
    }
  }

  /** A half message was stored. */
  opened(half: StoredHalf): void {
    const immunitySeconds = Number(half.properties.get(Property.CHECK_IMMUNITY_TIME) ?? 0);
    const immunityMs = immunitySeconds > 0 ? immunitySeconds * 1000 : CHECK_IMMUNITY_MS;
    this.#parts.table.add({
      queueOffset: half.queueOffset,
      physicalOffset: half.physicalOffset,
      producerGroup: half.properties.get(Property.PRODUCER_GROUP) ?? '',
      storedAt: half.storeTimestamp,
      immuneUntil: half.storeTimestamp + immunityMs,
      checks: 0,
      isDeciding: false,
    });
  }

  /**
   * Carries a decision out; done when it is durable. Repeating it changes nothing. `unknown` leaves the message to the
   * next check.
   * @throws MqError `MESSAGE_NOT_FOUND` or `INTERNAL` when the request does not name an open half message of its group.
   */
  async end(request: EndTransaction): Promise<void> {
    if (request.decision === 'unknown') return;
    const { table, store } = this.#parts;
    const bytes = await store.readRecord(request.physicalOffset);
    const half = bytes === undefined ? undefined : new StoredRecord(bytes);
    if (half?.topic !== SystemTopic.TRANS_HALF) {
      throw new MqError('MESSAGE_NOT_FOUND', 'Find prepared transaction message failed');
    }
    if (half.properties().get(Property.PRODUCER_GROUP) !== request.producerGroup) {
      throw new MqError('INTERNAL', 'The producer group wrong');
    }
    if (half.queueOffset !== request.queueOffset)
      throw new MqError('INTERNAL', 'The transaction state table offset wrong');
    const open = table.find(half.queueOffset);
    if (open === undefined || open.isDeciding) return;
    open.isDeciding = true;
    try {
      if (request.decision === 'commit') await this.#commit(half, open);
      await table.decide(half.queueOffset, this.#halfQueue().max);
    } finally {
      open.isDeciding = false;
    }
  }

  async #commit(half: StoredRecord, open: OpenTransaction): Promise<void> {
    const { store, topics, levels, clock, durability } = this.#parts;
    const topic = topics.get(half.properties().get(Property.REAL_TOPIC) ?? '');
    const request = toCommitted(half, topic, open.physicalOffset);
    const level = delayLevelOf(request, levels);
    if (level > 0) divertToDelayQueue(request, level, levels, store.queues, clock);
    store.append(request, durability, { physicalOffset: 0, queueOffset: 0, storeTimestamp: 0 });
    await store.whenDurable(durability);
  }

  #halfQueue(): StoreQueue {
    return this.#parts.store.queues.get(SystemTopic.TRANS_HALF, HALF_QUEUE_ID);
  }
}
