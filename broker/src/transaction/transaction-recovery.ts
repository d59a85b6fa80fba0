import type { Logger } from '@cometmq/common/logging/logger';
import type { MessageStore } from '../store/message-store.ts';
import { walkQueue } from '../store/queue-walk.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import { halfQueue, storedHalf, transactionOf } from './half-message.ts';
import type { OpenTransaction } from './transaction.ts';
import { applyEvent } from './transaction-journal.ts';
import { opQueue, readNote } from './transaction-note.ts';
import type { TransactionSnapshots } from './transaction-snapshot.ts';
import type { TransactionTable } from './transaction-table.ts';

export interface RecoveryParts {
  readonly log: Logger;
  readonly store: MessageStore;
  readonly table: TransactionTable;
  readonly snapshots: TransactionSnapshots;
  /** Monotonic time of a transaction's next question, ms. */
  readonly dueAt: (open: OpenTransaction) => number;
}

/** Makes the table what the log says: the saved rows, and over them the half messages and notes behind them. */
export async function recoverTransactions(parts: RecoveryParts): Promise<void> {
  const { log, store, table, snapshots, dueAt } = parts;
  const { open, position } = await snapshots.load();
  const isCut = addRows(parts, open);
  await readHalves(parts, startOf(parts, halfQueue(store.queues), position.half));
  await readNotes(parts, startOf(parts, opQueue(store.queues), position.op));
  for (const transaction of table.all()) {
    if (!transaction.isExpired) table.schedule(transaction, dueAt(transaction));
  }
  // Their places are given to other messages from now on.
  if (isCut) await snapshots.save(true);
  if (table.size > 0) log.info({ open: table.size }, 'transactions wait for their decision');
}

/** True when rows were dropped: their half messages are not in the log. */
function addRows({ log, store, table }: RecoveryParts, rows: readonly OpenTransaction[]): boolean {
  const lost = rows.filter(({ copyOffset }) => copyOffset >= store.logEnd);
  for (const row of rows) if (row.copyOffset < store.logEnd) table.add(row, Infinity);
  if (lost.length === 0) return false;
  table.giveBack(new Set(lost.map(({ physicalOffset }) => physicalOffset)));
  log.error(
    { lost: lost.map(({ uniqueKey }) => uniqueKey).slice(0, 10), count: lost.length },
    'half messages are gone: the log ends before them',
  );
  return true;
}

/** Where to read on; a log that was cut may end before, one that expired may begin behind it. */
function startOf({ log }: RecoveryParts, queue: StoreQueue, saved: number): number {
  if (saved < queue.min && saved > 0) {
    log.error(
      { topic: queue.topic, saved, first: queue.min },
      'messages about transactions have expired before they were read; look at the open transactions',
    );
  }
  return Math.min(saved, queue.max);
}

async function readHalves({ log, store, table }: RecoveryParts, from: number): Promise<void> {
  for await (const { queueOffset, record } of walkQueue(store, halfQueue(store.queues), from)) {
    if (record === undefined) {
      log.error({ queueOffset }, 'a half message is lost: its place in the log is damaged');
      continue;
    }
    const read = transactionOf(storedHalf(record));
    const known = table.find(read.physicalOffset);
    if (known === undefined) {
      table.add(read, Infinity);
    } else {
      known.copyOffset = read.copyOffset;
      table.touch(known);
    }
  }
}

async function readNotes({ log, store, table }: RecoveryParts, from: number): Promise<void> {
  for await (const { queueOffset, record } of walkQueue(store, opQueue(store.queues), from)) {
    if (record === undefined) {
      log.error({ queueOffset }, 'a note about a transaction is lost: its place in the log is damaged');
      continue;
    }
    const note = readNote(record);
    const open = note === undefined ? undefined : table.find(note.place);
    if (note !== undefined && open !== undefined) applyEvent(table, open, note.event);
  }
}
