import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { ProducerTable } from '../client/producer-table.ts';
import type { KeyValueStore } from '../store/kv/key-value-store.ts';
import type { Durability } from '../store/log/durability.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { TransactionCarrier } from './transaction-carrier.ts';
import type { CheckSettings } from './transaction-check.ts';
import { TransactionCheck } from './transaction-check.ts';
import { TransactionHistory } from './transaction-history.ts';
import { TransactionJournal } from './transaction-journal.ts';
import { recoverTransactions } from './transaction-recovery.ts';
import { TransactionSnapshots } from './transaction-snapshot.ts';
import { TransactionStats } from './transaction-stats.ts';
import { TransactionTable } from './transaction-table.ts';

/** Between two snapshots of what changed, ms: a start reads this much of the log again. */
const SNAPSHOT_MS = 1_000;

export interface TransactionsParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly settings: CheckSettings;
  readonly store: MessageStore;
  readonly kv: KeyValueStore;
  readonly topics: TopicTable;
  readonly producers: ProducerTable;
  readonly storeHost: Uint8Array;
  readonly durability: Durability;
}

/** The open transactions and all that happens to them by itself: questions, snapshots, copies ahead of retention. */
export class Transactions {
  readonly table = new TransactionTable();
  readonly stats = new TransactionStats();
  readonly journal: TransactionJournal;
  readonly history: TransactionHistory;
  readonly check: TransactionCheck;
  readonly #parts: TransactionsParts;
  readonly #snapshots: TransactionSnapshots;
  #timer: Timer | undefined;
  /** The table is what the log says; before that nothing may be saved or given up on its strength. */
  #isLoaded = false;
  #isStopped = false;
  #hasFailed = false;

  constructor(parts: TransactionsParts) {
    const { clock, store, kv, storeHost, durability } = parts;
    const { table, stats } = this;
    this.#parts = parts;
    this.#snapshots = new TransactionSnapshots(kv, store, table);
    this.journal = new TransactionJournal(clock, store, table, storeHost, durability);
    this.history = new TransactionHistory(store);
    this.check = new TransactionCheck({ ...parts, table, stats, journal: this.journal });
    const { journal, history } = this;
    const carrier = new TransactionCarrier({ ...parts, table, journal, snapshots: this.#snapshots, history });
    store.beforeExpiry(async (logStart) => {
      if (!this.#isLoaded) throw new MqError('SERVICE_NOT_AVAILABLE', 'open transactions are not read yet');
      await carrier.carry(logStart);
    });
  }

  /** Finds the transactions that were open when the broker stopped. */
  async load(): Promise<void> {
    const { store, log } = this.#parts;
    const { table, check } = this;
    const snapshots = this.#snapshots;
    await recoverTransactions({ log, store, table, snapshots, dueAt: (open) => check.dueAtAfterStart(open) });
    this.#isLoaded = true;
  }

  start(): void {
    this.check.start();
    this.#schedule();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.check.stop();
    if (this.#isLoaded) await this.#save(true);
  }

  /** Makes the present state a start's point of departure. */
  snapshot(): Promise<void> {
    return this.#snapshots.save(false);
  }

  #schedule(): void {
    this.#timer = this.#parts.clock.setTimer(SNAPSHOT_MS, () => {
      void this.#save(false).then(() => {
        if (!this.#isStopped) this.#schedule();
      });
    });
  }

  /** A failure is told once: nothing is lost by it, a start reads more of the log. */
  async #save(isSynced: boolean): Promise<void> {
    try {
      await this.#snapshots.save(isSynced);
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) {
        this.#parts.log.error(
          { reason: errorText(error) },
          'open transactions could not be saved beside the log; it is tried again each second',
        );
      }
      this.#hasFailed = true;
    }
  }
}
