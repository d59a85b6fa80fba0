import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { decodeOffsetMessageId, encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { MessageStore } from '../store/message-store.ts';
import { StoredRecord } from '../store/stored-record.ts';
import { firstPlace, halfQueue, storedHalf, transactionOf } from '../transaction/half-message.ts';
import type { OpenState, OpenTransaction, Outcome, TransactionIdentity } from '../transaction/transaction.ts';
import { stateOf } from '../transaction/transaction.ts';
import type { DecidedEvent, TransactionEvent } from '../transaction/transaction-note.ts';
import { clipped, identityOf } from '../transaction/transaction-note.ts';
import type { Transactions } from '../transaction/transactions.ts';
import type { TransactionService } from './transaction-service.ts';

export type TransactionState = OpenState | 'committed' | 'rolledBack' | 'unknown';

/** A transaction as it is shown. Times are wall times in ms. */
export interface TransactionView {
  /** The message's unique key. */
  readonly id: string;
  readonly state: TransactionState;
  readonly group: string;
  readonly topic: string;
  readonly halfOffset: number;
  /** Offset id of the half message as it was first stored. */
  readonly offsetMessageId: string;
  readonly storedAt: number;
  /** Of open ones: questions so far, when the last was put and when the next is due. */
  readonly checks?: number;
  readonly checkMax?: number;
  readonly checkedAt?: number;
  readonly nextCheckAt?: number;
  readonly sizeBytes?: number;
  /** Of decided ones. */
  readonly decision?: DecidedEvent;
}

export interface TransactionTimeline extends TransactionView {
  readonly events: readonly TransactionEvent[];
}

export interface TransactionQuery {
  /** Open ones (all three states), one state of them, or decided ones. */
  readonly state: 'open' | OpenState | 'committed' | 'rolledBack' | 'decided';
  readonly group?: string | undefined;
  readonly topic?: string | undefined;
  /** Stored at least this long ago, ms. */
  readonly olderThanMs?: number | undefined;
  readonly countMax: number;
  /** Where the page before ended. */
  readonly cursor?: number | undefined;
}

export interface TransactionPage {
  readonly transactions: readonly TransactionView[];
  /** Present when there may be more. */
  readonly cursor?: number;
}

export interface TransactionAdminParts {
  readonly clock: Clock;
  readonly config: BrokerConfig;
  readonly store: MessageStore;
  readonly open: Transactions;
  readonly transactions: TransactionService;
  readonly storeHost: Uint8Array;
}

const PAGE_MAX = 1_000;
/** Notes that one page of decided transactions looks at. */
const LOOKS_MAX = 20_000;

/** Transactions as operators see them, and what they may do about them. */
export class TransactionAdminService {
  readonly #parts: TransactionAdminParts;

  constructor(parts: TransactionAdminParts) {
    this.#parts = parts;
  }

  /** Open ones, the oldest first; decided ones, the newest first, as far as the log goes back. */
  list(query: TransactionQuery): Promise<TransactionPage> {
    const { state } = query;
    const isDecided = state === 'committed' || state === 'rolledBack' || state === 'decided';
    return isDecided ? this.#listDecided(query) : Promise.resolve(this.#listOpen(query));
  }

  /**
   * One transaction by its id, its half-topic offset or the offset id of its half message.
   * @throws MqError `NOT_FOUND`.
   */
  async get(name: string): Promise<TransactionTimeline> {
    // What was noted without waiting is told as well.
    await this.#parts.store.sync();
    const found = await this.#find(name);
    const { table, history } = this.#parts.open;
    const open = table.find(found.physicalOffset);
    const events = await history.eventsOf(found);
    if (open !== undefined) return { ...this.#openView(open), events };
    const decision = events.find((event) => event.what === 'decided');
    return { ...this.#view(found, decision), events };
  }

  /**
   * Asks a member of the producer group now.
   * @throws MqError `NOT_FOUND`, `CONFLICT` when it is decided, `CONSUMER_NOT_ONLINE` when nobody is there.
   */
  async check(name: string): Promise<TransactionView> {
    const open = await this.#open(name, 'checked');
    if (!(await this.#parts.open.check.askNow(open))) {
      throw new MqError('CONSUMER_NOT_ONLINE', `no producer of group ${open.producerGroup} can be asked`, {
        hint: 'start a producer of the group, or decide the transaction yourself',
      });
    }
    return this.#openView(open);
  }

  /**
   * Has a transaction checked again from the first check on.
   * @throws MqError `NOT_FOUND`, `CONFLICT` when it is decided.
   */
  async resume(name: string, who: string, reason: string): Promise<TransactionView> {
    const open = await this.#open(name, 'checked again');
    const { journal, table } = this.#parts.open;
    const { clock } = this.#parts;
    const appended = journal.append(open, { what: 'resumed', at: journal.now, who, reason: clipped(reason) });
    table.schedule(open, clock.monotonic());
    await appended.durable;
    return this.#openView(open);
  }

  /**
   * Decides on an operator's word; the same decision again changes nothing.
   * @throws MqError `NOT_FOUND`, `INVALID_ARGUMENT` without a reason, `CONFLICT` when it was decided otherwise.
   */
  async decide(name: string, outcome: Outcome, who: string, reason: string): Promise<TransactionTimeline> {
    if (reason.trim() === '') {
      throw new MqError('INVALID_ARGUMENT', 'a decision by an operator needs a reason');
    }
    const found = await this.#find(name);
    const { physicalOffset } = found;
    const { transactions } = this.#parts;
    const order = { outcome, by: 'operator', who, reason: clipped(reason) } as const;
    if (await transactions.decide(physicalOffset, order)) return this.get(name);
    const decided = await this.get(name);
    if (decided.decision?.outcome === outcome) return decided;
    await transactions.contradicted(found, outcome, who, order.reason);
    throw conflict(decided, outcome === 'commit' ? 'committed' : 'rolled back');
  }

  async #open(name: string, what: string): Promise<OpenTransaction> {
    const { physicalOffset } = await this.#find(name);
    const open = this.#parts.open.table.find(physicalOffset);
    if (open === undefined) throw conflict(await this.get(name), what);
    return open;
  }

  #listOpen({ state, group, topic, olderThanMs, countMax, cursor }: TransactionQuery): TransactionPage {
    const { table } = this.#parts.open;
    const { clock } = this.#parts;
    const storedBefore = clock.now() - (olderThanMs ?? 0);
    const limit = pageSize(countMax);
    const transactions: TransactionView[] = [];
    let last = 0;
    for (const open of table.all()) {
      if (cursor !== undefined && open.physicalOffset <= cursor) continue;
      if (state !== 'open' && stateOf(open) !== state) continue;
      if (!isNamed(open.producerGroup, group) || !isNamed(open.topic, topic)) continue;
      if (olderThanMs !== undefined && open.storedAt > storedBefore) continue;
      if (transactions.length === limit) return { transactions, cursor: last };
      transactions.push(this.#openView(open));
      last = open.physicalOffset;
    }
    return { transactions };
  }

  async #listDecided(query: TransactionQuery): Promise<TransactionPage> {
    const { history } = this.#parts.open;
    const { clock } = this.#parts;
    const { state, group, topic, olderThanMs, countMax, cursor } = query;
    const storedBefore = clock.now() - (olderThanMs ?? 0);
    const limit = pageSize(countMax);
    const transactions: TransactionView[] = [];
    let looks = 0;
    for await (const { offset, note } of history.decisions(cursor ?? Number.MAX_SAFE_INTEGER)) {
      if (looks++ === LOOKS_MAX) return { transactions, cursor: offset + 1 };
      const outcome = note.event.outcome === 'commit' ? 'committed' : 'rolledBack';
      if (state !== 'decided' && state !== outcome) continue;
      if (!isNamed(note.group, group) || !isNamed(note.topic, topic)) continue;
      if (olderThanMs !== undefined && note.storedAt > storedBefore) continue;
      if (transactions.length === limit) return { transactions, cursor: offset + 1 };
      transactions.push(this.#view(identityOf(note), note.event));
    }
    return { transactions };
  }

  async #find(name: string): Promise<TransactionIdentity> {
    const found = this.#findOpen(name) ?? (await this.#findInLog(name));
    if (found !== undefined) return found;
    throw new MqError('NOT_FOUND', `there is no transaction ${name}`, {
      hint: 'give its message id, the offset id of its half message or its half-topic offset; decided ones go with the log',
    });
  }

  #findOpen(name: string): OpenTransaction | undefined {
    const isOffset = /^\d{1,16}$/.test(name);
    let found: OpenTransaction | undefined;
    for (const open of this.#parts.open.table.all()) {
      if (isOffset ? open.queueOffset === Number(name) : open.uniqueKey === name) found = open;
    }
    return found;
  }

  async #findInLog(name: string): Promise<OpenTransaction | undefined> {
    const { history } = this.#parts.open;
    const { store } = this.#parts;
    const named = await history.newestHalf(name);
    if (named !== undefined) return transactionOf(storedHalf(named));
    const place = /^\d{1,16}$/.test(name)
      ? halfQueue(store.queues).physicalOffsetAt(Number(name))
      : decodeOffsetMessageId(name)?.physicalOffset;
    const bytes = place === undefined ? undefined : await store.readRecord(place);
    const record = bytes === undefined ? undefined : new StoredRecord(bytes);
    if (record === undefined || firstPlace(record) === undefined) return undefined;
    return transactionOf(storedHalf(record));
  }

  #openView(open: OpenTransaction): TransactionView {
    const { table } = this.#parts.open;
    const { clock, config } = this.#parts;
    const dueAt = table.dueAt(open);
    return {
      ...this.#view(open, undefined),
      state: stateOf(open),
      checks: open.checks,
      checkMax: config.transactionCheckMax,
      ...(open.checkedAt === 0 ? {} : { checkedAt: open.checkedAt }),
      ...(dueAt === Infinity ? {} : { nextCheckAt: Math.round(clock.now() + dueAt - clock.monotonic()) }),
      sizeBytes: open.sizeBytes,
    };
  }

  #view(transaction: TransactionIdentity, decision: DecidedEvent | undefined): TransactionView {
    const { uniqueKey: id, producerGroup: group, topic, queueOffset: halfOffset, storedAt } = transaction;
    const offsetMessageId = encodeOffsetMessageId(this.#parts.storeHost, transaction.physicalOffset);
    const names = { id, group, topic, halfOffset, offsetMessageId, storedAt };
    if (decision === undefined) return { ...names, state: 'unknown' };
    return { ...names, state: decision.outcome === 'commit' ? 'committed' : 'rolledBack', decision };
  }
}

function isNamed(name: string, wanted: string | undefined): boolean {
  return wanted === undefined || wanted === '' || name === wanted;
}

function pageSize(countMax: number): number {
  return Math.min(Math.max(countMax, 1), PAGE_MAX);
}

function conflict({ id, state, decision }: TransactionTimeline, what: string): MqError {
  const how =
    decision === undefined
      ? 'it is not open any more'
      : `it is ${state === 'committed' ? 'committed' : 'rolled back'}, by ${decision.by} ${decision.who} at ${new Date(decision.at).toISOString()}`;
  return new MqError('CONFLICT', `transaction ${id} can't be ${what}: ${how}`);
}
