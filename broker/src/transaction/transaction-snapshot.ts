import { MqError } from '@cometmq/common/error/mq-error';
import type { KeyValueChange, KeyValueStore } from '../store/kv/key-value-store.ts';
import type { MessageStore } from '../store/message-store.ts';
import { halfQueue } from './half-message.ts';
import type { OpenTransaction } from './transaction.ts';
import { opQueue } from './transaction-note.ts';
import type { TransactionTable } from './transaction-table.ts';

/** Half messages and notes before these offsets are in the rows; a start reads the others from the log. */
export interface SnapshotPosition {
  readonly half: number;
  readonly op: number;
}

const ROW_PREFIX = 'transaction/';
const POSITION_KEY = 'transaction-position';
const PLACE_DIGITS = 16;
/** Rows of one batch: their texts are made in one turn. */
const ROWS_MAX = 2_000;

/**
 * Rows of the open transactions beside the log, so that a start does not read all notes from the beginning. They are
 * derived: without them the log alone leads to the same table. Most transactions are decided before they get a row.
 */
export class TransactionSnapshots {
  readonly #kv: KeyValueStore;
  readonly #store: MessageStore;
  readonly #table: TransactionTable;
  /** Places that have a row. */
  readonly #rows = new Set<number>();
  #position: SnapshotPosition = { half: 0, op: 0 };
  #saving: Promise<void> = Promise.resolve();

  constructor(kv: KeyValueStore, store: MessageStore, table: TransactionTable) {
    this.#kv = kv;
    this.#store = store;
    this.#table = table;
  }

  /** The rows that were saved, and what of the log they stand for. */
  async load(): Promise<{ readonly open: OpenTransaction[]; readonly position: SnapshotPosition }> {
    const [saved] = await this.#kv.entries(POSITION_KEY);
    const open: OpenTransaction[] = [];
    for (const [key, text] of await this.#kv.entries(ROW_PREFIX)) {
      this.#rows.add(Number(key.slice(ROW_PREFIX.length)));
      open.push(readRow(key, text));
    }
    if (saved === undefined) {
      // Rows without their position would be taken for more than they are.
      this.#table.giveBack(this.#rows);
      return { open: [], position: this.#position };
    }
    this.#position = JSON.parse(saved[1]) as SnapshotPosition;
    return { open, position: this.#position };
  }

  /**
   * Saves what changed. The log is synced first: rows must never know more than a log that lost its unsynced tail.
   * With `isSynced` they are on the disk when the promise resolves.
   */
  save(isSynced: boolean): Promise<void> {
    const saved = this.#saving.catch(() => undefined).then(() => this.#save(isSynced));
    this.#saving = saved;
    return saved;
  }

  /** The position comes last. Until then rows may be younger than it: reading the notes behind it again is harmless. */
  async #save(isSynced: boolean): Promise<void> {
    const { queues } = this.#store;
    const position = { half: halfQueue(queues).assigned, op: opQueue(queues).assigned };
    const isMoved = position.half !== this.#position.half || position.op !== this.#position.op;
    if (!isMoved && !this.#table.hasChanges && !isSynced) return;
    const changed = this.#table.takeChanged();
    try {
      await this.#saveRows([...changed]);
      await this.#store.sync();
      await this.#kv.write([{ key: POSITION_KEY, value: JSON.stringify(position) }], isSynced);
    } catch (error) {
      this.#table.giveBack(changed);
      throw error;
    }
    this.#position = position;
  }

  async #saveRows(places: readonly number[]): Promise<void> {
    for (let from = 0; from < places.length; from += ROWS_MAX) {
      const part = places.slice(from, from + ROWS_MAX);
      const opened = part.filter((place) => this.#table.find(place) !== undefined);
      const decided = part.filter((place) => this.#table.find(place) === undefined && this.#rows.has(place));
      if (opened.length + decided.length === 0) continue;
      const changes = [...opened, ...decided].map((place) => this.#change(place));
      // Noted before, because a write that fails may have been carried out.
      for (const place of opened) this.#rows.add(place);
      await this.#store.sync();
      await this.#kv.write(changes, false);
      for (const place of decided) this.#rows.delete(place);
    }
  }

  #change(place: number): KeyValueChange {
    const open = this.#table.find(place);
    const key = ROW_PREFIX + String(place).padStart(PLACE_DIGITS, '0');
    return { key, value: open === undefined ? undefined : JSON.stringify(open) };
  }
}

function readRow(key: string, text: string): OpenTransaction {
  try {
    return JSON.parse(text) as OpenTransaction;
  } catch (cause) {
    throw new MqError('DATA_DAMAGED', `the saved transaction ${key} can't be read`, {
      cause,
      hint: 'the settings in the data folder are damaged; restore them, or remove them: transactions are in the log',
    });
  }
}
