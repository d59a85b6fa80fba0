import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { every } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { Property } from '@cometmq/common/message/property-names';
import type { ProducerTable } from '../client/producer-table.ts';
import type { MessageStore } from '../store/message-store.ts';
import { StoredRecord } from '../store/stored-record.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { checkRecord } from './half-message.ts';
import type { OpenTransaction, TransactionTable } from './transaction-table.ts';

/** Time between two rounds of questions, ms (Java: transactionCheckInterval). */
const CHECK_PERIOD_MS = 30_000;
/** A producer group is asked this often about one message (Java: transactionCheckMax). */
const CHECKS_MAX = 15;

export interface TransactionCheckParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: MessageStore;
  readonly topics: TopicTable;
  readonly producers: ProducerTable;
  readonly table: TransactionTable;
  readonly storeHost: Uint8Array;
}

/**
 * Asks producers about half messages that nobody decided. What was asked about too often is asked no more and stays: it
 * is never committed or dropped on the broker's own account. Rounds in which no member of the group was there to be
 * asked don't count (in Java they do): a service that was away for an hour still finds its transactions.
 */
export class TransactionCheck {
  readonly #parts: TransactionCheckParts;
  #timer: Timer | undefined;
  #next = 0;
  #running = false;

  constructor(parts: TransactionCheckParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = every(this.#parts.clock, CHECK_PERIOD_MS, () => {
      if (this.#running) return;
      this.#running = true;
      this.round()
        .catch((error: unknown) => {
          this.#parts.log.error(
            { reason: errorText(error) },
            'transaction check failed; it goes on in the next round',
          );
        })
        .finally(() => {
          this.#running = false;
        });
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** One round over all open half messages. */
  async round(): Promise<void> {
    const { table, clock, log } = this.#parts;
    const now = clock.now();
    for (const open of [...table.all()]) {
      if (open.immuneUntil > now || open.checks >= CHECKS_MAX) continue;
      if (!(await this.#ask(open))) continue;
      open.checks++;
      if (open.checks === CHECKS_MAX) {
        log.warn(
          { group: open.producerGroup, queueOffset: open.queueOffset },
          'transaction undecided after the last check',
        );
      }
    }
  }

  /** False when there was nobody to ask. */
  async #ask(open: OpenTransaction): Promise<boolean> {
    const { store, topics, producers, storeHost } = this.#parts;
    const channels = producers.members(open.producerGroup).filter(({ channel }) => !channel.isClosed);
    const bytes = channels.length === 0 ? undefined : await store.readRecord(open.physicalOffset);
    const producer = channels[this.#next++ % Math.max(channels.length, 1)];
    if (producer === undefined || bytes === undefined) return false;
    const half = new StoredRecord(bytes);
    const properties = half.properties();
    const topic = topics.find(properties.get(Property.REAL_TOPIC) ?? '');
    if (topic === undefined) return false;
    producer.channel.askTransaction({
      topic: topic.name,
      queueOffset: open.queueOffset,
      physicalOffset: open.physicalOffset,
      messageId: encodeOffsetMessageId(storeHost, open.physicalOffset),
      uniqueKey: properties.get(Property.UNIQ_KEY) ?? '',
      record: checkRecord(half, topic, storeHost, open.physicalOffset),
    });
    return true;
  }
}
