import type { Clock } from '@cometmq/common/clock/clock';
import type { AppendRequest } from '../store/append-request.ts';
import type { Durability } from '../store/log/durability.ts';
import type { MessageStore } from '../store/message-store.ts';
import { StoredRecord } from '../store/stored-record.ts';
import type { OpenTransaction } from './transaction.ts';
import type { TransactionEvent, TransactionNote } from './transaction-note.ts';
import { noteOf, noteRequest } from './transaction-note.ts';
import type { TransactionTable } from './transaction-table.ts';

export interface Appended {
  /** Where the message is, or without one the note. */
  readonly physicalOffset: number;
  readonly durable: Promise<void>;
}

/** Writes what happens to transactions into the log, and changes the table in the same turn. */
export class TransactionJournal {
  readonly #clock: Clock;
  readonly #store: MessageStore;
  readonly #table: TransactionTable;
  readonly #storeHost: Uint8Array;
  readonly #durability: Durability;

  constructor(
    clock: Clock,
    store: MessageStore,
    table: TransactionTable,
    storeHost: Uint8Array,
    durability: Durability,
  ) {
    this.#clock = clock;
    this.#store = store;
    this.#table = table;
    this.#storeHost = storeHost;
    this.#durability = durability;
  }

  get now(): number {
    return this.#clock.now();
  }

  /**
   * Appends a note about a transaction's event, in one frame with `message` if there is one: after a crash both are
   * there or neither. `durable` resolves when they are, as far as this broker promises that.
   * @throws MqError as `MessageStore.append`; then nothing has changed.
   */
  append(open: OpenTransaction, event: TransactionEvent, message?: AppendRequest): Appended {
    const note = noteRequest(noteOf(open, event), this.#store.queues, this.#storeHost);
    const requests = message === undefined ? [note] : [message, note];
    const [first] = this.#store.appendTogether(requests, this.#durability);
    const durable = this.#store.whenDurable(this.#durability);
    // Not all wait for it; the log tells its failure to everybody else.
    durable.catch(() => undefined);
    applyEvent(this.#table, open, event);
    return { physicalOffset: first?.physicalOffset ?? 0, durable };
  }

  /** A note about a transaction that is decided already. */
  appendAbout(note: TransactionNote): void {
    this.#store.appendTogether([noteRequest(note, this.#store.queues, this.#storeHost)], this.#durability);
  }

  /** The half message of an open transaction, or undefined when it can't be read. */
  async half(open: OpenTransaction): Promise<StoredRecord | undefined> {
    const bytes = await this.#store.readRecord(open.copyOffset);
    return bytes === undefined ? undefined : new StoredRecord(bytes);
  }
}

/** What an event means for the table; the same at the time and when the log is read again. */
export function applyEvent(table: TransactionTable, open: OpenTransaction, event: TransactionEvent): void {
  switch (event.what) {
    case 'checked':
      open.checks = event.check;
      open.checkedAt = event.at;
      open.isUndecided = false;
      break;
    case 'answered':
      open.isUndecided = true;
      break;
    case 'expired':
      open.isExpired = true;
      table.schedule(open, Infinity);
      break;
    case 'resumed':
      open.checks = 0;
      open.isExpired = false;
      break;
    case 'decided':
      table.remove(open);
      return;
    case 'carried':
    case 'refused':
    case 'repeated':
      return;
  }
  table.touch(open);
}
