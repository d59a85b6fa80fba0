import type { Logger } from '@cometmq/common/logging/logger';
import type { MessageStore } from '../store/message-store.ts';
import { halfQueue, toCopy } from './half-message.ts';
import type { OpenTransaction } from './transaction.ts';
import type { TransactionHistory } from './transaction-history.ts';
import { opQueue } from './transaction-note.ts';
import type { Appended, TransactionJournal } from './transaction-journal.ts';
import type { TransactionSnapshots } from './transaction-snapshot.ts';
import type { TransactionTable } from './transaction-table.ts';

/** Copies that are appended before it is waited for the disk. */
const BATCH_BYTES = 8 * 1024 * 1024;

export interface CarrierParts {
  readonly log: Logger;
  readonly store: MessageStore;
  readonly table: TransactionTable;
  readonly journal: TransactionJournal;
  readonly snapshots: TransactionSnapshots;
  readonly history: TransactionHistory;
}

/** Carries open transactions over the end of their segment's life: half messages are stored again behind the others. */
export class TransactionCarrier {
  readonly #parts: CarrierParts;

  constructor(parts: CarrierParts) {
    this.#parts = parts;
  }

  /**
   * To be called before the log gives up what lies before `logStart`; durable when the promise resolves.
   * @throws MqError when that can't be done; then nothing may be given up.
   */
  async carry(logStart: number): Promise<void> {
    const { table, snapshots, log } = this.#parts;
    const old = [...table.all()].filter(({ copyOffset }) => copyOffset < logStart);
    let unsynced = 0;
    for (const open of old) {
      const appended = await this.#carryOne(open);
      unsynced += open.sizeBytes;
      if (unsynced < BATCH_BYTES) continue;
      await appended?.durable;
      unsynced = 0;
    }
    // Synced, because the notes that the rows stand for may go as well.
    await snapshots.save(true);
    if (old.length > 0)
      log.info({ count: old.length, logStart }, 'half messages stored again: their segment expires');
  }

  async #carryOne(open: OpenTransaction): Promise<Appended | undefined> {
    const { store, table, journal, history, log } = this.#parts;
    const half = await journal.half(open);
    if (half === undefined) {
      log.error(
        { transaction: open.uniqueKey },
        'a half message can not be read, and is lost with its segment',
      );
      return undefined;
    }
    // Notes that can be read now; younger ones stay where they are.
    const upTo = opQueue(store.queues).max;
    const events = await history.eventsOf(open);
    // It may have been decided meanwhile.
    if (table.find(open.physicalOffset) !== open) return undefined;
    const queue = halfQueue(store.queues);
    const at = journal.now;
    const appended = journal.append(open, { what: 'carried', at, upTo, events }, toCopy(half, open, queue));
    open.copyOffset = appended.physicalOffset;
    table.touch(open);
    return appended;
  }
}
