import { Property } from '@cometmq/common/message/property-names';
import type { KeyValueChange, KeyValueStore } from '../store/kv/key-value-store.ts';
import type { MessageStore } from '../store/message-store.ts';
import { ENTRY_SIZE, entryPhysicalOffset, entrySize, entryTagsCode } from '../store/queue/queue-entry.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import { StoredRecord } from '../store/stored-record.ts';
import type { ScheduleNote } from './schedule-notes.ts';
import { bodyKey, movedKey, readWordId, wordKey, wordRange } from './schedule-rows.ts';
import type { ScheduleTable } from './schedule-table.ts';

/** Records and bytes of them that are written at once. */
const CHUNK_ENTRIES = 1_024;
const CHUNK_BYTES = 4 * 1024 * 1024;
/** Messages that one key finds. */
const FOUND_MAX = 64;

/**
 * Records of messages that wait longer than the log keeps them. Before a segment of the log is given up, what still waits
 * in it is copied here, once, with rows by which it is found by its keys.
 */
export class CarriedRecords {
  readonly #kv: KeyValueStore;
  readonly #table: ScheduleTable;

  constructor(kv: KeyValueStore, table: ScheduleTable) {
    this.#kv = kv;
    this.#table = table;
  }

  async read(id: number): Promise<Buffer | undefined> {
    const text = await this.#kv.get(bodyKey(id));
    return text === undefined ? undefined : Buffer.from(text, 'base64');
  }

  /** Ids of carried messages with a unique key or key. */
  async find(word: string): Promise<number[]> {
    const [from, to] = wordRange(word);
    return (await this.#kv.range(from, to, FOUND_MAX)).map(([key]) => readWordId(key));
  }

  /** The rows that go with a message that is not waiting any more. */
  removals(id: number, record: StoredRecord): KeyValueChange[] {
    if (id >= this.#table.state.carriedTo) return [];
    return [bodyKey(id), ...wordKeys(id, record)].map((key) => ({ key, value: undefined }));
  }

  /** The rows that go with the messages of a note that is applied at a start. */
  async removalsOf(note: ScheduleNote): Promise<KeyValueChange[]> {
    if (note.kind !== 'fired' && note.kind !== 'cancelled') return [];
    const refs = note.kind === 'fired' ? note.refs : [note.ref];
    const removals: KeyValueChange[] = [];
    const moved = await this.#table.movedIds();
    for (const { id } of refs) {
      if (moved.has(id)) removals.push({ key: movedKey(id), value: undefined });
      const bytes = id < this.#table.state.carriedTo ? await this.read(id) : undefined;
      if (bytes !== undefined) removals.push(...this.removals(id, new StoredRecord(bytes)));
    }
    return removals;
  }

  /**
   * Copies what waits in the log before a position; on the disk when done. `hold` is asked about messages that may wait, by
   * id and the due time that they were sent with; it keeps one that does from being delivered until it is let go.
   */
  async carry(
    store: MessageStore,
    queue: StoreQueue,
    logStart: number,
    hold: (id: number, dueAt: number) => Promise<(() => void) | undefined>,
  ): Promise<number> {
    let next = Math.max(this.#table.state.carriedTo, queue.min);
    let count = 0;
    // What waits now is not due before this, or was moved.
    const { low } = this.#table.state;
    const moved = await this.#table.movedIds();
    for (;;) {
      const { bytes, at, count: seen } = queue.view(next, CHUNK_ENTRIES);
      const entries = Buffer.from(bytes.subarray(at, at + seen * ENTRY_SIZE));
      const releases: (() => void)[] = [];
      const rows: KeyValueChange[] = [];
      let index = 0;
      let size = 0;
      try {
        for (; index < seen && size < CHUNK_BYTES; index++) {
          const entryAt = index * ENTRY_SIZE;
          const physicalOffset = entryPhysicalOffset(entries, entryAt);
          if (physicalOffset >= logStart) break;
          const id = next + index;
          const dueAt = entryTagsCode(entries, entryAt);
          if (entrySize(entries, entryAt) < 0 || (dueAt < low && !moved.has(id))) continue;
          const release = await hold(id, dueAt);
          if (release === undefined) continue;
          releases.push(release);
          const record = await store.readRecord(physicalOffset);
          if (record === undefined) continue;
          rows.push(...carriedRows(id, new StoredRecord(record)));
          size += record.length;
          count++;
        }
        next += index;
        await this.#table.carried(next, rows);
      } finally {
        for (const release of releases) release();
      }
      if (index === 0 || (index < seen && size < CHUNK_BYTES) || next >= queue.max) return count;
    }
  }
}

/** The record of a message, and a row for each of its keys. */
function carriedRows(id: number, record: StoredRecord): KeyValueChange[] {
  return [
    { key: bodyKey(id), value: record.bytes.toString('base64') },
    ...wordKeys(id, record).map((key) => ({ key, value: '' })),
  ];
}

function wordKeys(id: number, record: StoredRecord): string[] {
  const properties = record.properties();
  const words = new Set([
    properties.get(Property.UNIQ_KEY) ?? '',
    ...(properties.get(Property.KEYS) ?? '').split(' '),
  ]);
  words.delete('');
  return [...words].map((word) => wordKey(word, id));
}
