import { MqError, errorText } from '@cometmq/common/error/mq-error';
import { Property } from '@cometmq/common/message/property-names';
import type { AppendRequest } from '../store/append-request.ts';
import type { StoredRecord } from '../store/stored-record.ts';
import type { StoredHalf } from '../transaction/half-message.ts';
import { toCommitted, transactionOf } from '../transaction/half-message.ts';
import type { DecidedBy, OpenTransaction, Outcome, TransactionIdentity } from '../transaction/transaction.ts';
import type { Decision, EndTransaction, TransactionParts } from './decided-transactions.ts';
import { DecidedTransactions, checkNames } from './decided-transactions.ts';

/** A decision on its way to an open transaction. */
export interface DecisionOrder {
  readonly outcome: Outcome;
  readonly by: DecidedBy;
  readonly who: string;
  readonly reason?: string;
}

/** Part of the log that open half messages may take. */
const LOG_SHARE_MAX = 0.25;
/** A decision that the log can't take at the moment is tried again; nobody would hear the refusal. */
const BUSY_RETRIES = 40;
const BUSY_PAUSE_MS = 50;

/** Decides half messages: each once, however often and in whatever order its producer tells. */
export class TransactionService {
  readonly #parts: TransactionParts;
  /** Decisions on their way, by place: whoever comes second waits for the first. */
  readonly #running = new Map<number, Promise<void>>();
  readonly #decided: DecidedTransactions;

  constructor(parts: TransactionParts) {
    this.#parts = parts;
    this.#decided = new DecidedTransactions(parts);
  }

  /**
   * @throws MqError `NO_PERMISSION` when this broker takes no transactions, `SYSTEM_BUSY` when too many are open.
   */
  checkRoom(): void {
    const { table } = this.#parts.open;
    const { config } = this.#parts;
    if (config.rejectTransactions) {
      throw new MqError(
        'NO_PERMISSION',
        'the broker takes no transactional messages (rejectTransactionMessage)',
      );
    }
    // Open ones are carried from segment to segment: they must never be most of the log.
    const bytesMax = Math.min(config.transactionOpenBytesMax, config.logSizeMaxBytes * LOG_SHARE_MAX);
    if (table.size < config.transactionOpenMax && table.bytes < bytesMax) return;
    throw new MqError(
      'SYSTEM_BUSY',
      `${table.size} transactions with ${table.bytes} bytes are open, which is the limit`,
      { hint: 'are the producers that should decide them running? see: comet tx list' },
    );
  }

  /** An open transaction of the same id: a half message may have been sent again. */
  namesake(properties: ReadonlyMap<string, string>): OpenTransaction | undefined {
    const group = properties.get(Property.PRODUCER_GROUP) ?? '';
    const open = this.#parts.open.table.findByKey(group, properties.get(Property.UNIQ_KEY) ?? '');
    return open?.topic === properties.get(Property.REAL_TOPIC) ? open : undefined;
  }

  /**
   * True when a half message is that of an open transaction: its producer sends it again because it has not seen the
   * answer. It is not stored twice: the second one would never be decided by its producer, and a check might commit both.
   */
  async isRepeated(open: OpenTransaction, half: AppendRequest): Promise<boolean> {
    const { table, journal, stats } = this.#parts.open;
    await this.#parts.store.sync();
    const first = await journal.half(open);
    // A program may send one message object again and again, with another body each time.
    if (first === undefined || !isSameBody(first, half)) return false;
    if (table.find(open.physicalOffset) !== open || this.#running.has(open.physicalOffset)) return false;
    stats.repeated++;
    await journal.append(open, { what: 'repeated', at: journal.now, who: open.producerGroup }).durable;
    return true;
  }

  /** A half message was appended. */
  opened(half: StoredHalf): void {
    const open = transactionOf(half);
    this.#parts.open.stats.prepared++;
    this.#parts.open.table.add(open, this.#parts.open.check.firstDueAt(open));
  }

  /**
   * Carries a producer's decision out; done when it is durable. Repeating it changes nothing. `unknown` leaves the
   * message to the next check.
   * @throws MqError `MESSAGE_NOT_FOUND` or `INTERNAL` when the request does not name a transaction of its group,
   *   `CONFLICT` when it comes too late or contradicts an earlier decision.
   */
  end(request: EndTransaction): Promise<void> {
    return this.#inTurn(request.physicalOffset, () => this.#end(request));
  }

  async #end(request: EndTransaction): Promise<void> {
    const open = this.#parts.open.table.find(request.physicalOffset);
    if (open === undefined) {
      await this.#decided.end(request);
      return;
    }
    checkNames(open, request, this.#parts.storeHost);
    const { decision, who, isAnswer } = request;
    if (isAnswer) this.#countAnswer(decision);
    if (decision === 'unknown') {
      this.#answeredUnknown(open, who);
      return;
    }
    if (!isAnswer && this.#isLate(open)) {
      this.#parts.open.stats.late++;
      const reason = 'later than CHECK_IMMUNITY_TIME_IN_SECONDS allows without having been asked';
      throw await this.#decided.refused(open, decision, who, reason);
    }
    await this.#decide(open, { outcome: decision, by: isAnswer ? 'check' : 'producer', who });
  }

  /** A decision that contradicts the first one: counts, logs and notes it. */
  async contradicted(known: TransactionIdentity, asked: Outcome, who: string, why: string): Promise<void> {
    await this.#decided.contradicted(known, asked, who, why);
  }

  /**
   * Decides a transaction for somebody else than its producer; done when it is durable. False when it is not open.
   * @throws MqError `TOPIC_NOT_EXIST` or `DATA_DAMAGED` when the message can't be committed, or as the log's append.
   */
  decide(physicalOffset: number, order: DecisionOrder): Promise<boolean> {
    return this.#inTurn(physicalOffset, async () => {
      const open = this.#parts.open.table.find(physicalOffset);
      if (open === undefined) return false;
      await this.#decide(open, order);
      return true;
    });
  }

  /** Work on one transaction goes on when that before it has ended. */
  #inTurn<T>(physicalOffset: number, work: () => Promise<T>): Promise<T> {
    const before = this.#running.get(physicalOffset) ?? Promise.resolve();
    const done = before.then(work);
    const ended = done.then(
      () => undefined,
      () => undefined,
    );
    this.#running.set(physicalOffset, ended);
    void ended.then(() => {
      if (this.#running.get(physicalOffset) === ended) this.#running.delete(physicalOffset);
    });
    return done;
  }

  async #decide(open: OpenTransaction, order: DecisionOrder): Promise<void> {
    const { journal, stats } = this.#parts.open;
    const message = order.outcome === 'commit' ? await this.#committed(open, order) : undefined;
    await this.#whenTaken(
      () => journal.append(open, { what: 'decided', at: journal.now, ...order }, message).durable,
    );
    if (order.outcome === 'commit') stats.committed++;
    else stats.rolledBack++;
    if (order.by === 'operator') stats.decidedByOperator++;
  }

  async #whenTaken(append: () => Promise<void>): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await append();
        return;
      } catch (error) {
        const isBusy = error instanceof MqError && error.kind === 'SYSTEM_BUSY';
        if (!isBusy || attempt === BUSY_RETRIES) throw error;
        await new Promise<void>((resolve) => {
          this.#parts.clock.setTimer(BUSY_PAUSE_MS, resolve);
        });
      }
    }
  }

  async #committed(open: OpenTransaction, { who }: DecisionOrder): Promise<AppendRequest> {
    const { journal } = this.#parts.open;
    const { topics } = this.#parts;
    let half = await journal.half(open);
    // It may have been carried over the end of its segment's life during the read.
    half ??= await journal.half(open);
    const topic = topics.find(open.topic);
    if (half !== undefined && topic !== undefined) return toCommitted(half, topic, open);
    const why = topic === undefined ? `topic[${open.topic}] was deleted` : 'its half message can not be read';
    await this.#decided.refused(open, 'commit', who, why);
    throw new MqError(topic === undefined ? 'TOPIC_NOT_EXIST' : 'DATA_DAMAGED', `the commit failed: ${why}`, {
      hint: 'the transaction stays open: roll it back, or make the topic again and commit',
    });
  }

  #answeredUnknown(open: OpenTransaction, who: string): void {
    if (open.isUndecided) return;
    const { journal } = this.#parts.open;
    const { log } = this.#parts;
    try {
      journal.append(open, { what: 'answered', at: journal.now, who, answer: 'unknown' });
    } catch (error) {
      log.warn({ transaction: open.uniqueKey, reason: errorText(error) }, 'an answer could not be noted');
    }
  }

  #countAnswer(decision: Decision): void {
    const { stats } = this.#parts.open;
    if (decision === 'commit') stats.checkedCommit++;
    else if (decision === 'rollback') stats.checkedRollback++;
    else stats.checkedUnknown++;
  }

  /** A message with its own time for the decision leaves later ones to the check (Java: rejectCommitOrRollback). */
  #isLate(open: OpenTransaction): boolean {
    return (
      open.immunityMs !== undefined && this.#parts.open.table.isCheckable(open, this.#parts.clock.monotonic())
    );
  }
}

function isSameBody({ bytes, layout }: StoredRecord, { body, bodyStart, bodyEnd }: AppendRequest): boolean {
  const { bodyAt, bodySize } = layout;
  return bytes.compare(body, bodyStart, bodyEnd, bodyAt, bodyAt + bodySize) === 0;
}
