import type { Clock } from '@cometmq/common/clock/clock';
import type { Logger } from '@cometmq/common/logging/logger';
import { MqError } from '@cometmq/common/error/mq-error';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { AppendRequest, AppendResult } from '../store/append-request.ts';
import type { KeyValueChange, KeyValueStore } from '../store/kv/key-value-store.ts';
import type { Durability } from '../store/log/durability.ts';
import type { MessageStore } from '../store/message-store.ts';
import { ENTRY_SIZE, entryPhysicalOffset, entrySize, entryTagsCode } from '../store/queue/queue-entry.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import { walkQueue } from '../store/queue-walk.ts';
import { CarriedRecords } from './carried-records.ts';
import type { WaitingTimer } from './near-timers.ts';
import type { ScheduleNote, ScheduleRef } from './schedule-notes.ts';
import { decodeNote, noteRequest } from './schedule-notes.ts';
import { dueKey, hourOf, movedKey } from './schedule-rows.ts';
import type { TableChange } from './schedule-table.ts';
import { ScheduleTable, hourChange, insertion } from './schedule-table.ts';
import { TIMER_QUEUE_ID } from './timed-message.ts';

export interface ScheduleJournalParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: MessageStore;
  readonly kv: KeyValueStore;
  readonly durability: Durability;
  /** No waiting message is due before; −Infinity while that is not known. */
  readonly firstDueAt: () => number;
}

export interface NoteOptions {
  /** Makes a note be found by the unique key of its message. */
  readonly uniqueKey?: string;
  /** Rows that go with the messages that the note is about. */
  readonly removals?: readonly KeyValueChange[];
}

/** Entries taken in at once, and changes beyond which a replay waits for the table. */
const INTAKE_MAX = 4_096;
const REPLAY_UNSAVED_MAX = 20_000;
const LEVEL_KEY = 'delay-offset/';
/** Last time of a recurring schedule, by its id. */
export const SLOT_KEY = 'recurring-slot/';

/**
 * What is known of delayed messages, and the log that it comes from: the timer queue has the messages, a second topic
 * has notes on what became of them. A note is in one frame with the messages that it tells of, so that a crash keeps both
 * or neither. A start applies what came after the tables were saved.
 */
export class ScheduleJournal {
  readonly table: ScheduleTable;
  readonly carried: CarriedRecords;
  /** Delivered up to here, by level from 1 on. */
  readonly levelOffsets = new Map<number, number>();
  /** Last message of each recurring schedule, by its id. */
  readonly slots = new Map<number, number>();
  readonly #parts: ScheduleJournalParts;
  /** Queue offset of the next timed message to take in. */
  #next = 0;

  constructor(parts: ScheduleJournalParts) {
    this.#parts = parts;
    const { clock, log, kv, store, firstDueAt } = parts;
    this.table = new ScheduleTable({
      clock,
      log,
      kv,
      firstDueAt,
      syncedEnd: () => store.logEnd - store.unsyncedBytes,
    });
    this.carried = new CarriedRecords(kv, this.table);
  }

  get timerQueue(): StoreQueue {
    return this.#parts.store.queues.get(SystemTopic.WHEEL_TIMER, TIMER_QUEUE_ID);
  }

  /** Queue offset of the next timed message to take in. */
  get next(): number {
    return this.#next;
  }

  /** Reads the tables and applies what the log has behind them. */
  async load(): Promise<void> {
    const { kv, store, log } = this.#parts;
    const { table, timerQueue } = this;
    const noteQueue = store.queues.get(SystemTopic.WHEEL_TIMER_OP, 0);
    await table.load();
    table.rewind(timerQueue.max, noteQueue.max);
    for (const [key, offset] of await kv.entries(LEVEL_KEY))
      this.levelOffsets.set(Number(key.slice(LEVEL_KEY.length)), Number(offset));
    for (const [key, slot] of await kv.entries(SLOT_KEY))
      this.slots.set(Number(key.slice(SLOT_KEY.length)), Number(slot));
    this.#next = Math.max(table.state.timersTo, timerQueue.min);
    const from = { timers: this.#next, notes: table.state.notesTo };
    while (this.#next < timerQueue.max) {
      if (this.takeIn(() => undefined) === 0) await this.#untilReadable();
      if (table.unsavedRows >= REPLAY_UNSAVED_MAX) await table.save(false);
    }
    for await (const { queueOffset, record } of walkQueue(store, noteQueue, table.state.notesTo)) {
      if (record === undefined) continue;
      const { bodyAt, bodySize } = record.layout;
      const note = decodeNote(record.bytes.subarray(bodyAt, bodyAt + bodySize));
      const removals = await this.carried.removalsOf(note);
      this.#applyNote(note, queueOffset, record.physicalOffset, removals);
      if (table.unsavedRows >= REPLAY_UNSAVED_MAX) await table.save(false);
    }
    const applied = this.#next - from.timers + noteQueue.max - from.notes;
    if (applied > 0)
      log.info({ applied, pending: table.pending }, 'schedules brought up to the end of the log');
  }

  /** Applies timed messages that have become readable; returns how many entries it took. */
  takeIn(use: (timer: WaitingTimer) => void): number {
    const { bytes, at, count } = this.timerQueue.view(this.#next, INTAKE_MAX);
    if (count === 0) return 0;
    const timers: WaitingTimer[] = [];
    const hours = new Map<number, number>();
    let position = 0;
    let insertedDueAt = Infinity;
    for (let index = 0; index < count; index++) {
      const entryAt = at + index * ENTRY_SIZE;
      const id = this.#next++;
      const size = entrySize(bytes, entryAt);
      position = entryPhysicalOffset(bytes, entryAt);
      // A hole: the message was in a damaged part of the log.
      if (size < 0) continue;
      const dueAt = entryTagsCode(bytes, entryAt);
      const hour = hourOf(dueAt);
      hours.set(hour, (hours.get(hour) ?? 0) + 1);
      insertedDueAt = Math.min(insertedDueAt, dueAt);
      timers.push({ id, dueAt, physicalOffset: position, size });
    }
    const rows = timers.map(insertion);
    this.table.apply({ position, timersTo: this.#next, rows, hours: [...hours], insertedDueAt });
    for (const timer of timers) use(timer);
    return count;
  }

  /**
   * Appends messages and the note that explains them, in one frame. Resolves when they are durable and the note is
   * applied.
   * @throws MqError as `MessageStore.appendTogether`; then nothing was appended.
   */
  write(messages: readonly AppendRequest[], note: ScheduleNote, options: NoteOptions = {}): Promise<void> {
    const { store, durability, clock } = this.#parts;
    const origin = {
      queues: store.queues,
      now: clock.now(),
      ...(options.uniqueKey === undefined ? {} : { uniqueKey: options.uniqueKey }),
    };
    const { queueOffset, physicalOffset } = this.#append([...messages, noteRequest(note, origin)]);
    return new Promise((resolve, reject) => {
      store.group(durability).join({
        durable: () => {
          this.#applyNote(note, queueOffset, physicalOffset, options.removals ?? []);
          resolve();
        },
        failed: (error: MqError) => {
          reject(error);
        },
      });
    });
  }

  /** Appends requests in one frame; where the last one is. */
  #append(requests: readonly AppendRequest[]): AppendResult {
    const { store, durability } = this.#parts;
    try {
      return store.appendTogether(requests, durability).at(-1) as AppendResult;
    } catch (error) {
      const isTooLarge = error instanceof MqError && error.kind === 'MESSAGE_ILLEGAL';
      if (!isTooLarge || requests.length > 2) throw error;
      // A message that fills a segment has no room for a note beside it: a crash in between may repeat it.
      const results = requests.map((request) => store.appendTogether([request], durability)[0]);
      return results.at(-1) as AppendResult;
    }
  }

  /** An entry of the timer queue is damaged: it is made anew from the log. */
  async #untilReadable(): Promise<void> {
    for await (const message of walkQueue(this.#parts.store, this.timerQueue, this.#next))
      if (message.queueOffset >= this.#next) return;
  }

  #applyNote(
    note: ScheduleNote,
    queueOffset: number,
    position: number,
    removals: readonly KeyValueChange[],
  ): void {
    const place = { position, notesTo: queueOffset + 1 };
    switch (note.kind) {
      case 'fired':
        this.table.apply({ ...place, ...gone(note.refs, removals) });
        break;
      case 'cancelled':
        this.table.apply({ ...place, ...gone([note.ref], removals) });
        break;
      case 'moved':
        this.table.apply({ ...place, ...moved(note.ref, note.to, note.sentDueAt) });
        break;
      case 'level':
        this.levelOffsets.set(note.level, note.offset);
        this.table.apply({
          ...place,
          rows: [{ key: LEVEL_KEY + String(note.level), value: String(note.offset) }],
          hours: [],
        });
        break;
      case 'slot':
        this.slots.set(note.schedule, note.slot);
        this.table.apply({
          ...place,
          rows: [{ key: SLOT_KEY + String(note.schedule), value: String(note.slot) }],
          hours: [],
        });
    }
  }
}

type AppliedRows = Pick<TableChange, 'rows' | 'hours' | 'insertedDueAt'>;

function gone(refs: readonly ScheduleRef[], removals: readonly KeyValueChange[]): AppliedRows {
  const rows = refs.map(({ dueAt, id }): KeyValueChange => ({ key: dueKey(dueAt, id), value: undefined }));
  return { rows: [...rows, ...removals], hours: refs.map(({ dueAt }) => hourChange(dueAt, -1)) };
}

function moved({ id, dueAt }: ScheduleRef, to: WaitingTimer, sentDueAt: number): AppliedRows {
  return {
    rows: [
      { key: dueKey(dueAt, id), value: undefined },
      insertion(to),
      { key: movedKey(id), value: to.dueAt === sentDueAt ? undefined : String(to.dueAt) },
    ],
    hours: [hourChange(dueAt, -1), hourChange(to.dueAt, 1)],
    insertedDueAt: to.dueAt,
  };
}
