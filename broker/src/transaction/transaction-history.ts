import { Property } from '@cometmq/common/message/property-names';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { MessageStore } from '../store/message-store.ts';
import { StoredRecord } from '../store/stored-record.ts';
import type { TransactionIdentity } from './transaction.ts';
import type { DecidedEvent, TransactionEvent, TransactionNote } from './transaction-note.ts';
import { opQueue, readNote } from './transaction-note.ts';

/** Notes of one transaction that are looked at. */
const NOTES_MAX = 512;
/** Records with the key's hash before a search ends. */
const VISITS_MAX = 2_048;
/** The index rounds times to seconds. */
const SLACK_MS = 2_000;

/** What a transaction is searched by. */
export type TransactionName = Pick<TransactionIdentity, 'physicalOffset' | 'uniqueKey' | 'storedAt'>;

/** What the log tells about transactions, as long as it keeps it: decided ones are in no table. */
export class TransactionHistory {
  readonly #store: MessageStore;

  constructor(store: MessageStore) {
    this.#store = store;
  }

  /** How a transaction was decided, with its note; undefined when the log does not tell. */
  async decisionOf(name: TransactionName): Promise<(TransactionNote & { event: DecidedEvent }) | undefined> {
    for await (const note of this.#notes(name)) {
      const { event } = note;
      if (event.what === 'decided') return { ...note, event };
    }
    return undefined;
  }

  /** What happened after it was stored, the oldest first. */
  async eventsOf(name: TransactionName): Promise<TransactionEvent[]> {
    const newestFirst: TransactionEvent[] = [];
    let carried: readonly TransactionEvent[] = [];
    let upTo = 0;
    for await (const { event, offset } of this.#notes(name)) {
      if (offset < upTo || newestFirst.length >= NOTES_MAX) break;
      if (event.what !== 'carried') newestFirst.push(event);
      else if (upTo === 0) ({ events: carried, upTo } = event);
    }
    return [...carried, ...newestFirst.reverse()];
  }

  /** The newest half message, or copy of one, with a unique key. */
  async newestHalf(uniqueKey: string): Promise<StoredRecord | undefined> {
    for await (const record of this.#records(SystemTopic.TRANS_HALF, uniqueKey, 0)) {
      if (record.properties().get(Property.UNIQ_KEY) === uniqueKey) return record;
    }
    return undefined;
  }

  /** Notes of decisions before an offset of the op topic, the newest first, with that offset. */
  async *decisions(
    before: number,
  ): AsyncGenerator<{ readonly offset: number; readonly note: TransactionNote & { event: DecidedEvent } }> {
    const queue = opQueue(this.#store.queues);
    for (let offset = Math.min(before, queue.max) - 1; offset >= queue.min; offset--) {
      const place = queue.physicalOffsetAt(offset);
      const bytes = place === undefined ? undefined : await this.#store.readRecord(place);
      const note = bytes === undefined ? undefined : readNote(new StoredRecord(bytes));
      if (note?.event.what === 'decided') yield { offset, note: { ...note, event: note.event } };
    }
  }

  async *#notes(name: TransactionName): AsyncGenerator<TransactionNote & { readonly offset: number }> {
    const { physicalOffset, uniqueKey, storedAt } = name;
    for await (const record of this.#records(SystemTopic.TRANS_OP_HALF, uniqueKey, storedAt - SLACK_MS)) {
      const note = readNote(record);
      if (note?.place === physicalOffset) yield { ...note, offset: record.queueOffset };
    }
  }

  async *#records(topic: string, uniqueKey: string, sinceMs: number): AsyncGenerator<StoredRecord> {
    let visits = 0;
    for (const { physicalOffset } of this.#store.index.find(
      topic,
      uniqueKey,
      sinceMs,
      Number.MAX_SAFE_INTEGER,
    )) {
      if (visits++ === VISITS_MAX) return;
      const bytes = await this.#store.readRecord(physicalOffset);
      if (bytes === undefined) continue;
      const record = new StoredRecord(bytes);
      if (record.topic === topic) yield record;
    }
  }
}
