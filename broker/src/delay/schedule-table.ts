import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { KeyValueChange, KeyValueStore } from '../store/kv/key-value-store.ts';
import type { WaitingTimer } from './near-timers.ts';
import {
  HOUR_PREFIX,
  MOVED_PREFIX,
  STATE_KEY,
  dueKey,
  dueValue,
  hourKey,
  hourOf,
  isDueKey,
  movedKey,
  readDueRow,
  readHour,
  readMovedId,
} from './schedule-rows.ts';

const SAVE_PERIOD_MS = 100;
const RETRY_MS = 1_000;
/** Rows of one batch. */
const BATCH_MAX = 20_000;

/** One message or note that was applied, and what it changes. */
export interface TableChange {
  /** Log position of the message or note: saved only when that is on the disk. */
  readonly position: number;
  /** How far the timer queue, or the queue of notes, is applied with it. */
  readonly timersTo?: number;
  readonly notesTo?: number;
  readonly rows: readonly KeyValueChange[];
  /** Messages more or less in an hour. */
  readonly hours: readonly (readonly [hour: number, change: number])[];
  /** Due time of the row that comes, if one does. */
  readonly insertedDueAt?: number;
}

/** How far the tables agree with the log. */
interface SavedState {
  /** Queue offsets in the timer queue and the queue of notes. */
  timersTo: number;
  notesTo: number;
  /** No row is due before: reading begins here, not among the remains of removed rows. */
  low: number;
  /** Messages with a lower id carry their record in a row: the log need not have them. */
  carriedTo: number;
}

export interface ScheduleTableParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly kv: KeyValueStore;
  /** The log is on the disk up to here. */
  readonly syncedEnd: () => number;
  /** No waiting message is due before; −Infinity while that is not known. */
  readonly firstDueAt: () => number;
}

interface Unsaved {
  readonly value: string | undefined;
  readonly sequence: number;
}

/**
 * All waiting messages as rows in the order of their due times. Derived from the log: a batch of rows is written together
 * with the queue offsets up to which they hold, never ahead of what is on the disk of the log, so that after a crash the
 * messages and notes behind those offsets are applied to exactly these rows.
 */
export class ScheduleTable {
  readonly #parts: ScheduleTableParts;
  readonly #state: SavedState = { timersTo: 0, notesTo: 0, low: 0, carriedTo: 0 };
  readonly #hours = new Map<number, number>();
  readonly #savedHours = new Map<number, number>();
  /** Applied, not saved yet, in order. */
  #changes: TableChange[] = [];
  #unsavedRows = 0;
  /** What these make of the rows; readers see it over the saved ones. */
  readonly #unsaved = new Map<string, Unsaved>();
  /** Saved while somebody reads: kept over the rows until the reading is over. */
  readonly #savedMeanwhile = new Map<string, number>();
  #readers = 0;
  #sequence = 0;
  #pending = 0;
  #saving: Promise<void> | undefined;
  #timer: Timer | undefined;

  constructor(parts: ScheduleTableParts) {
    this.#parts = parts;
  }

  /** Messages that wait. */
  get pending(): number {
    return this.#pending;
  }

  get unsavedRows(): number {
    return this.#unsavedRows;
  }

  get state(): Readonly<SavedState> {
    return this.#state;
  }

  async load(): Promise<void> {
    const text = await this.#parts.kv.get(STATE_KEY);
    if (text !== undefined) Object.assign(this.#state, JSON.parse(text));
    for (const [key, value] of await this.#parts.kv.entries(HOUR_PREFIX)) {
      const [hour, count] = [readHour(key), Number(value)];
      this.#hours.set(hour, count);
      this.#savedHours.set(hour, count);
      this.#pending += count;
    }
  }

  /** The log is shorter than when the state was saved (it was tampered with): goes on with what there is. */
  rewind(timersMax: number, notesMax: number): void {
    this.#state.timersTo = Math.min(this.#state.timersTo, timersMax);
    this.#state.notesTo = Math.min(this.#state.notesTo, notesMax);
  }

  apply(change: TableChange): void {
    const sequence = ++this.#sequence;
    this.#changes.push(change);
    this.#unsavedRows += change.rows.length;
    this.#state.low = Math.min(this.#state.low, change.insertedDueAt ?? Infinity);
    for (const { key, value } of change.rows) this.#unsaved.set(key, { value, sequence });
    for (const [hour, by] of change.hours) {
      addTo(this.#hours, hour, by);
      this.#pending += by;
    }
    this.#timer ??= this.#parts.clock.setTimer(SAVE_PERIOD_MS, this.#save);
  }

  /** Saves what may be saved of the changes up to a log position; throws when that is not all of it. */
  async saveTo(position: number, sync: boolean): Promise<void> {
    for (;;) {
      await this.#saving;
      const [first] = this.#changes;
      if (first === undefined || first.position >= position) break;
      if (first.position >= this.#parts.syncedEnd()) throw new Error('the log is not on the disk yet');
      await this.save(false);
    }
    if (sync) await this.#writeState([]);
  }

  /** Writes a batch of what is on the disk of the log; one at a time. */
  save(sync: boolean): Promise<void> {
    this.#saving ??= this.#saveBatch(sync).finally(() => {
      this.#saving = undefined;
    });
    return this.#saving;
  }

  /** Saves all that may be saved, and no more from then on. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    for (let left = Infinity; this.#changes.length < left;) {
      left = this.#changes.length;
      await this.#saving?.catch(() => undefined);
      await this.save(true);
    }
    this.#timer?.cancel();
  }

  /** Writes rows due to which the log need not have messages with a lower id any more; on the disk when done. */
  carried(to: number, rows: readonly KeyValueChange[]): Promise<void> {
    return this.#writeState(rows, to);
  }

  /** True when the message waits for this time. */
  async has(dueAt: number, id: number): Promise<boolean> {
    return (await this.value(dueKey(dueAt, id))) !== undefined;
  }

  /** The time a message waits for after it was rescheduled, undefined when it never was. */
  async movedTo(id: number): Promise<number | undefined> {
    const text = await this.value(movedKey(id));
    return text === undefined ? undefined : Number(text);
  }

  /** Ids of the messages that were rescheduled and still wait. */
  async movedIds(): Promise<Set<number>> {
    const rows = await this.#parts.kv.entries(MOVED_PREFIX);
    const ids = new Set(rows.map(([key]) => readMovedId(key)));
    for (const [key, { value }] of this.#unsaved) {
      if (!key.startsWith(MOVED_PREFIX)) continue;
      if (value === undefined) ids.delete(readMovedId(key));
      else ids.add(readMovedId(key));
    }
    return ids;
  }

  async value(key: string): Promise<string | undefined> {
    const unsaved = this.#unsaved.get(key);
    return unsaved === undefined ? this.#parts.kv.get(key) : unsaved.value;
  }

  /**
   * Reads up to about `limit` messages with (fromDueAt, fromId) <= (due, id) and due < toDueAt. `use` gets them in order and
   * the place up to which they are complete, in the same turn in which that is true.
   */
  async read<T>(
    fromDueAt: number,
    fromId: number,
    toDueAt: number,
    limit: number,
    use: (timers: WaitingTimer[], endDueAt: number, endId: number) => T,
  ): Promise<T> {
    const low = Math.max(fromDueAt, this.#state.low);
    const from = dueKey(low, low === fromDueAt ? fromId : 0);
    const to = dueKey(toDueAt, 0);
    this.#readers++;
    try {
      const pairs = from < to ? await this.#parts.kv.range(from, to, limit) : [];
      const last = pairs.length < limit ? undefined : pairs.at(-1)?.[0];
      const rows = this.#overlaid(pairs, dueKey(fromDueAt, fromId), to, last);
      const end = last === undefined ? undefined : readDueRow(last, '0.0');
      return use(rows, end?.dueAt ?? toDueAt, end === undefined ? 0 : end.id + 1);
    } finally {
      if (--this.#readers === 0) this.#forgetSaved();
    }
  }

  /** Waiting messages by hour of their due time, for hours in [from, to). */
  hours(from: number, to: number): (readonly [hour: number, count: number])[] {
    return [...this.#hours].filter(([hour]) => hour >= from && hour < to).sort(([a], [b]) => a - b);
  }

  /** Not while a batch is being written: the state of before would be back behind its rows. */
  async #writeState(rows: readonly KeyValueChange[], carriedTo = 0): Promise<void> {
    while (this.#saving !== undefined) await this.#saving.catch(() => undefined);
    const state = { ...this.#state, carriedTo: Math.max(this.#state.carriedTo, carriedTo) };
    const changes = [...rows, { key: STATE_KEY, value: JSON.stringify(state) }];
    this.#saving = this.#parts.kv.write(changes, true).finally(() => {
      this.#saving = undefined;
    });
    await this.#saving;
    this.#state.carriedTo = state.carriedTo;
  }

  #overlaid(
    pairs: readonly (readonly [string, string])[],
    from: string,
    to: string,
    last: string | undefined,
  ): WaitingTimer[] {
    const rows = new Map(pairs);
    let isChanged = false;
    for (const [key, { value }] of this.#unsaved) {
      if (key < from || key >= to || (last !== undefined && key > last)) continue;
      isChanged = true;
      if (value === undefined) rows.delete(key);
      else rows.set(key, value);
    }
    const ordered = isChanged ? [...rows].sort(([a], [b]) => (a < b ? -1 : 1)) : [...rows];
    return ordered.map(([key, value]) => readDueRow(key, value));
  }

  readonly #save = (): void => {
    this.#timer = undefined;
    this.save(false)
      .then(() => this.#unsavedRows >= BATCH_MAX)
      .then(
        (isMore) => {
          this.#again(isMore ? 0 : SAVE_PERIOD_MS);
        },
        (error: unknown) => {
          this.#parts.log.error({ reason: errorText(error) }, 'schedules could not be saved; tried again');
          this.#again(RETRY_MS);
        },
      );
  };

  #again(delayMs: number): void {
    if (this.#changes.length > 0) this.#timer ??= this.#parts.clock.setTimer(delayMs, this.#save);
  }

  async #saveBatch(sync: boolean): Promise<void> {
    const end = this.#parts.syncedEnd();
    let count = 0;
    for (let rows = 0; rows < BATCH_MAX && (this.#changes[count]?.position ?? end) < end; count++)
      rows += this.#changes[count]?.rows.length ?? 0;
    if (count === 0) return;
    const batch = this.#changes.slice(0, count);
    const sequence = this.#sequence - this.#changes.length + count;
    // Rows before it that are still to be removed are removed by their keys.
    const firstDueAt = this.#parts.firstDueAt();
    if (firstDueAt > -Infinity) this.#state.low = firstDueAt;
    const state = { ...this.#state };
    const rows = mergedRows(batch);
    const hours = new Map<number, number>();
    for (const change of batch) {
      if (change.timersTo !== undefined) state.timersTo = change.timersTo;
      if (change.notesTo !== undefined) state.notesTo = change.notesTo;
      for (const [hour, by] of change.hours) addTo(hours, hour, by);
    }
    const changes: KeyValueChange[] = [...rows].map(([key, value]) => ({ key, value }));
    for (const [hour, by] of hours) {
      const total = (this.#savedHours.get(hour) ?? 0) + by;
      changes.push({ key: hourKey(hour), value: total === 0 ? undefined : String(total) });
    }
    changes.push({ key: STATE_KEY, value: JSON.stringify(state) });
    await this.#parts.kv.write(changes, sync);
    for (const [hour, by] of hours) addTo(this.#savedHours, hour, by);
    this.#state.timersTo = state.timersTo;
    this.#state.notesTo = state.notesTo;
    this.#changes = this.#changes.slice(count);
    for (const { rows: saved } of batch) this.#unsavedRows -= saved.length;
    for (const { rows: saved } of batch) for (const { key } of saved) this.#savedMeanwhile.set(key, sequence);
    if (this.#readers === 0) this.#forgetSaved();
  }

  #forgetSaved(): void {
    for (const [key, sequence] of this.#savedMeanwhile)
      if ((this.#unsaved.get(key)?.sequence ?? Infinity) <= sequence) this.#unsaved.delete(key);
    this.#savedMeanwhile.clear();
  }
}

/** The row of a message that waits from now on. */
export function insertion({ dueAt, id, physicalOffset, size }: WaitingTimer): KeyValueChange {
  return { key: dueKey(dueAt, id), value: dueValue(physicalOffset, size) };
}

export function hourChange(dueAt: number, by: number): readonly [number, number] {
  return [hourOf(dueAt), by];
}

/** The last value of each row; messages that come and go within the batch are left out: such a row is never put twice. */
function mergedRows(batch: readonly TableChange[]): Map<string, string | undefined> {
  const rows = new Map<string, string | undefined>();
  const removed = new Set<string>();
  for (const { rows: changed } of batch) {
    for (const { key, value } of changed) {
      const comesAndGoes = value === undefined && rows.get(key) !== undefined && !removed.has(key);
      if (comesAndGoes && isDueKey(key)) rows.delete(key);
      else rows.set(key, value);
      if (value === undefined) removed.add(key);
    }
  }
  return rows;
}

function addTo(counts: Map<number, number>, key: number, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
