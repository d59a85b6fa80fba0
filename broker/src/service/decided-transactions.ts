import type { Clock } from '@cometmq/common/clock/clock';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { MessageStore } from '../store/message-store.ts';
import { StoredRecord } from '../store/stored-record.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { storedHalf, transactionOf } from '../transaction/half-message.ts';
import type { Outcome, TransactionIdentity } from '../transaction/transaction.ts';
import { clipped, identityOf, noteOf } from '../transaction/transaction-note.ts';
import type { Transactions } from '../transaction/transactions.ts';

export type Decision = Outcome | 'unknown';

export interface EndTransaction {
  readonly producerGroup: string;
  /** Place of the half message in its topic and in the log, as the send's answer told. */
  readonly queueOffset: number;
  readonly physicalOffset: number;
  /** Ids of the transaction as its producer knows it; empty when it does not say. */
  readonly ids: readonly string[];
  readonly decision: Decision;
  /** It answers a question. */
  readonly isAnswer: boolean;
  /** The client, to be shown. */
  readonly who: string;
}

export interface TransactionParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** Some of it may change while the broker runs. */
  readonly config: BrokerConfig;
  readonly store: MessageStore;
  readonly topics: TopicTable;
  readonly open: Transactions;
  readonly storeHost: Uint8Array;
}

/** Refusals of one transaction that get a note; further ones are only counted. */
const REFUSALS_NOTED = 16;

/** Decisions that come too late: the first one stands. */
export class DecidedTransactions {
  readonly #parts: TransactionParts;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
  }

  /** A decision about a transaction that is not open: the same one again is fine. */
  async end(request: EndTransaction): Promise<void> {
    const { history } = this.#parts.open;
    const known = await this.#decidedOf(request);
    if (known === undefined) {
      throw new MqError('MESSAGE_NOT_FOUND', 'Find prepared transaction message failed');
    }
    checkNames(known, request, this.#parts.storeHost);
    if (request.decision === 'unknown') return;
    const decided = await history.decisionOf(known);
    if (decided?.event.outcome === request.decision) return;
    const { at, by, outcome } = decided?.event ?? { at: 0, by: 'producer', outcome: 'commit' };
    const why =
      decided === undefined
        ? 'it was decided before, and its decision is no longer known'
        : `${by} decided ${outcome} at ${new Date(at).toISOString()}`;
    throw await this.contradicted(known, request.decision, request.who, why);
  }

  /** The error for a decision that contradicts the first one: counted, logged and noted. */
  contradicted(known: TransactionIdentity, asked: Outcome, who: string, why: string): Promise<MqError> {
    const { uniqueKey: transaction, producerGroup: group } = known;
    this.#parts.open.stats.contradictory++;
    this.#parts.log.warn(
      { transaction, group, asked, who, why },
      'a decision that contradicts the first one is refused',
    );
    return this.refused(known, asked, who, why);
  }

  async #decidedOf({ physicalOffset, ids }: EndTransaction): Promise<TransactionIdentity | undefined> {
    const { store, open } = this.#parts;
    const bytes = await store.readRecord(physicalOffset);
    const record = bytes === undefined ? undefined : new StoredRecord(bytes);
    if (record?.topic === SystemTopic.TRANS_HALF) return transactionOf(storedHalf(record));
    // The half message may be gone with its segment, and the decision be younger.
    for (const uniqueKey of ids.filter((id) => id !== '')) {
      const note = await open.history.decisionOf({ physicalOffset, uniqueKey, storedAt: 0 });
      if (note !== undefined) return identityOf(note);
    }
    return undefined;
  }

  /** The error that tells it; noted in the timeline as well. */
  async refused(open: TransactionIdentity, outcome: Outcome, who: string, reason: string): Promise<MqError> {
    const { journal, history } = this.#parts.open;
    const { log } = this.#parts;
    try {
      const refusals = (await history.eventsOf(open)).filter(({ what }) => what === 'refused');
      if (refusals.length < REFUSALS_NOTED) {
        journal.appendAbout(
          noteOf(open, { what: 'refused', at: journal.now, who, outcome, reason: clipped(reason) }),
        );
      }
    } catch (error) {
      log.warn(
        { transaction: open.uniqueKey, reason: errorText(error) },
        'a refused decision could not be noted',
      );
    }
    return new MqError('CONFLICT', `${outcome} of transaction ${open.uniqueKey} is refused: ${reason}`);
  }
}

/** @throws MqError `INTERNAL`, in RocketMQ's words, when a decision names the transaction wrongly. */
export function checkNames(
  open: TransactionIdentity,
  { producerGroup, queueOffset, ids }: EndTransaction,
  storeHost: Uint8Array,
): void {
  const { uniqueKey, physicalOffset } = open;
  if (open.producerGroup !== producerGroup) throw new MqError('INTERNAL', 'The producer group wrong');
  if (open.queueOffset !== queueOffset)
    throw new MqError('INTERNAL', 'The transaction state table offset wrong');
  const given = ids.filter((id) => id !== '');
  const offsetId = encodeOffsetMessageId(storeHost, physicalOffset);
  if (given.length > 0 && !given.includes(uniqueKey) && !given.includes(offsetId)) {
    throw new MqError('INTERNAL', 'The transaction id wrong');
  }
}
