import { MqError } from '@cometmq/common/error/mq-error';
import { asArray, asInteger, asObject } from '@cometmq/remoting/protocol/body/shape';
import {
  ListTransactionsHeader,
  TransactionHeader,
  TransactionOrderHeader,
} from '@cometmq/remoting/protocol/header/transaction';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { AdminSession, BrokerNode } from './admin-session.ts';
import type { BrokerSelection } from './broker-selection.ts';
import { selectBrokers } from './broker-selection.ts';
import type { Merged } from './partial.ts';
import { absentIf, gatherSome } from './partial.ts';
import type { TransactionInfo, TransactionTimeline } from './transaction-view.ts';
import { readTransaction } from './transaction-view.ts';

/** Which transactions: open ones of all three states, those of one state, or decided ones. */
export type TransactionStateFilter =
  'open' | 'prepared' | 'checking' | 'expired' | 'decided' | 'committed' | 'rolledBack';

export interface TransactionQuery extends BrokerSelection {
  /** @defaultValue 'open' */
  readonly state?: TransactionStateFilter;
  /** Producer group. */
  readonly group?: string;
  readonly topic?: string;
  /** Stored at least this long ago, ms. */
  readonly olderThanMs?: number;
  /** @defaultValue 100 */
  readonly limit?: number;
}

/** `complete` is false when there may be more than the limit, or a broker did not answer. */
export interface TransactionList extends Merged {
  readonly transactions: readonly TransactionInfo[];
}

export interface TransactionOrder {
  readonly reason: string;
  /** Who orders it; shown in the timeline. */
  readonly operator?: string;
}

const LIMIT = 100;
const PAGE_MAX = 1_000;

/**
 * Transactions of CometMQ's brokers. `id` is a message id, the offset id of the half message, or its half-topic offset,
 * which each broker counts for itself.
 */
export class TransactionAdmin {
  readonly #session: AdminSession;

  constructor(session: AdminSession) {
    this.#session = session;
  }

  /** Open ones, the oldest first, or decided ones, the newest first, as far as the brokers' logs go back. */
  async list(query: TransactionQuery = {}): Promise<TransactionList> {
    const limit = query.limit ?? LIMIT;
    const brokers = await selectBrokers(this.#session, query);
    const { answers, failures } = await gatherSome(brokers, (broker) => this.#listOn(broker, query, limit));
    const isDecided = ['decided', 'committed', 'rolledBack'].includes(query.state ?? 'open');
    const all = answers
      .flatMap(({ value }) => value.transactions)
      .sort((a, b) => (isDecided ? decidedAt(b) - decidedAt(a) : a.storedAt - b.storedAt));
    const hasMore = all.length > limit || answers.some(({ value }) => value.hasMore);
    return { transactions: all.slice(0, limit), complete: !hasMore && failures.length === 0, failures };
  }

  /** @throws MqError `NOT_FOUND` when no broker has it; `CONFLICT` when several have. */
  async get(id: string, selection: BrokerSelection = {}): Promise<TransactionTimeline> {
    return (await this.#find(id, selection)).transaction;
  }

  /**
   * Has a member of the producer group asked now.
   * @throws MqError `CONSUMER_NOT_ONLINE` when there is none, `CONFLICT` when it is decided.
   */
  check(id: string, selection: BrokerSelection = {}): Promise<TransactionInfo> {
    const extFields = TransactionHeader.encode({ transaction: id });
    return this.#order(id, selection, { code: RequestCode.CHECK_TRANSACTION, extFields });
  }

  /** Has a transaction checked again from the first check on. @throws MqError `CONFLICT` when it is decided. */
  resume(id: string, order: TransactionOrder, selection: BrokerSelection = {}): Promise<TransactionInfo> {
    const extFields = TransactionOrderHeader.encode({ transaction: id, ...order });
    return this.#order(id, selection, { code: RequestCode.RESUME_TRANSACTION, extFields });
  }

  /** @throws MqError `CONFLICT` when it was rolled back. */
  commit(id: string, order: TransactionOrder, selection: BrokerSelection = {}): Promise<TransactionInfo> {
    const extFields = TransactionOrderHeader.encode({ transaction: id, ...order });
    return this.#order(id, selection, { code: RequestCode.COMMIT_TRANSACTION, extFields });
  }

  /** @throws MqError `CONFLICT` when it was committed. */
  rollback(id: string, order: TransactionOrder, selection: BrokerSelection = {}): Promise<TransactionInfo> {
    const extFields = TransactionOrderHeader.encode({ transaction: id, ...order });
    return this.#order(id, selection, { code: RequestCode.ROLLBACK_TRANSACTION, extFields });
  }

  async #order(
    id: string,
    selection: BrokerSelection,
    request: { readonly code: number; readonly extFields: Record<string, string> },
  ): Promise<TransactionInfo> {
    const { broker } = await this.#find(id, selection);
    return readTransaction(await this.#session.askBody(broker.address, request), broker.brokerName);
  }

  async #find(
    id: string,
    selection: BrokerSelection,
  ): Promise<{ readonly transaction: TransactionTimeline; readonly broker: BrokerNode }> {
    const brokers = await selectBrokers(this.#session, selection);
    const extFields = TransactionHeader.encode({ transaction: id });
    const request = { code: RequestCode.GET_TRANSACTION, extFields };
    const { answers } = await gatherSome(brokers, async (broker) => {
      const body = await absentIf(['NOT_FOUND'], this.#session.askBody(broker.address, request));
      return body === undefined
        ? undefined
        : { broker, transaction: readTransaction(body, broker.brokerName) };
    });
    const found = answers.flatMap(({ value }) => value ?? []);
    const [first] = found;
    if (first === undefined) throw new MqError('NOT_FOUND', `there is no transaction ${id}`);
    if (found.length === 1) return first;
    const names = found.map(({ broker }) => broker.brokerName).join(', ');
    throw new MqError('CONFLICT', `${id} names a transaction on each of ${names}`, {
      hint: 'say which broker is meant',
    });
  }

  async #listOn(
    { address, brokerName }: BrokerNode,
    { state, group, topic, olderThanMs }: TransactionQuery,
    limit: number,
  ): Promise<{ readonly transactions: readonly TransactionInfo[]; readonly hasMore: boolean }> {
    const transactions: TransactionInfo[] = [];
    let cursor: number | undefined;
    do {
      const maxNum = Math.min(limit - transactions.length, PAGE_MAX);
      const wanted = { state, group, topic, olderThan: olderThanMs, maxNum, cursor };
      const extFields = ListTransactionsHeader.encode(wanted);
      const request = { code: RequestCode.LIST_TRANSACTIONS, extFields };
      const page = asObject(await this.#session.askBody(address, request));
      for (const item of asArray(page['transactions'])) {
        const { events: _none, ...info } = readTransaction(item, brokerName);
        transactions.push(info);
      }
      cursor = page['cursor'] === undefined ? undefined : asInteger(page['cursor']);
    } while (cursor !== undefined && transactions.length < limit);
    return { transactions, hasMore: cursor !== undefined };
  }
}

function decidedAt({ decision, storedAt }: TransactionInfo): number {
  return decision?.at ?? storedAt;
}
