import { MqError } from '@cometmq/common/error/mq-error';
import { Property } from '@cometmq/common/message/property-names';
import { Limits } from '../config/limits.ts';
import type { MessageStore } from '../store/message-store.ts';
import { ENTRY_SIZE, entryPhysicalOffset, entrySize, entryTagsCode } from '../store/queue/queue-entry.ts';
import { StoredRecord } from '../store/stored-record.ts';

export interface KeyQuery {
  readonly topic: string;
  readonly key: string;
  readonly kind: 'key' | 'uniqueKey' | 'tag';
  readonly countMax: number;
  /** Store time, ms. */
  readonly begin: number;
  readonly end: number;
}

export interface QueueEntries {
  readonly min: number;
  readonly max: number;
  readonly entries: readonly {
    readonly physicalOffset: number;
    readonly sizeBytes: number;
    readonly tagsCode: number;
  }[];
}

/** Finds stored messages by what is known of them. */
export class QueryService {
  readonly #store: MessageStore;

  constructor(store: MessageStore) {
    this.#store = store;
  }

  /**
   * The record at a log position.
   * @throws MqError `MESSAGE_NOT_FOUND`.
   */
  async byOffset(physicalOffset: number): Promise<Buffer> {
    const record = await this.#store.readRecord(physicalOffset);
    if (record === undefined) {
      throw new MqError('MESSAGE_NOT_FOUND', `can not find message by the offset, ${physicalOffset}`);
    }
    return record;
  }

  /** Records with exactly this key, newest first. */
  async byKey(query: KeyQuery): Promise<Buffer[]> {
    const found: Buffer[] = [];
    const countMax = Math.min(query.countMax, Limits.queryResults);
    const word = query.kind === 'tag' ? `T#${query.key}` : query.key;
    const seen = new Set<number>();
    for (const { physicalOffset } of this.#store.index.find(query.topic, word, query.begin, query.end)) {
      if (found.length >= countMax) break;
      if (seen.has(physicalOffset)) continue;
      seen.add(physicalOffset);
      const bytes = await this.#store.readRecord(physicalOffset);
      if (bytes !== undefined && matches(new StoredRecord(bytes), query)) found.push(bytes);
    }
    return found;
  }

  /** Entries of a queue as they are stored, from `index` on; undefined when there is none at `index`. */
  entries(topic: string, queueId: number, index: number, count: number): QueueEntries | undefined {
    const queue = this.#store.queues.find(topic, queueId);
    if (queue === undefined || index < queue.min || index >= queue.max) return undefined;
    const { bytes, at, count: found } = queue.view(index, Math.min(Math.max(count, 1), Limits.queueEntries));
    const entries = Array.from({ length: found }, (_, entry) => ({
      physicalOffset: entryPhysicalOffset(bytes, at + entry * ENTRY_SIZE),
      sizeBytes: entrySize(bytes, at + entry * ENTRY_SIZE),
      tagsCode: entryTagsCode(bytes, at + entry * ENTRY_SIZE),
    }));
    return { min: queue.min, max: queue.max, entries };
  }

  get newest(): { readonly physicalOffset: number } {
    return { physicalOffset: this.#store.logEnd };
  }
}

/** The index knows hashes only. */
function matches(record: StoredRecord, query: KeyQuery): boolean {
  if (
    record.topic !== query.topic ||
    record.storeTimestamp < query.begin ||
    record.storeTimestamp > query.end
  )
    return false;
  const properties = record.properties();
  if (query.kind === 'tag') return properties.get(Property.TAGS) === query.key;
  if (query.kind === 'uniqueKey') return properties.get(Property.UNIQ_KEY) === query.key;
  if (properties.get(Property.UNIQ_KEY) === query.key) return true;
  return (properties.get(Property.KEYS) ?? '').split(' ').includes(query.key);
}
