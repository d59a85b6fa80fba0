import type { RecordLayout } from '@cometmq/common/message/message-decoder';
import { layoutRecord } from '@cometmq/common/message/message-decoder';
import { decodeProperties } from '@cometmq/common/message/properties';
import { RecordField } from '@cometmq/common/message/record-layout';
import { javaStringHash } from '@cometmq/common/message/tags-code';
import { getInt32, getInt64 } from './bytes.ts';
import type { KeyIndex } from './index/key-index.ts';
import { PropertyScan } from './property-scan.ts';
import type { QueueTable } from './queue/queue-table.ts';
import type { StoreQueue } from './queue/store-queue.ts';

/**
 * The value of a queue entry's tags code when it is not the tag's hash: delay queues keep the due time there. Undefined
 * leaves the hash. The last argument reads the record's properties.
 */
export type TagsCodeRule = (
  topic: string,
  queueId: number,
  storeTimestamp: number,
  properties: () => ReadonlyMap<string, string>,
) => number | undefined;

export function recordProperties(bytes: Buffer, layout: RecordLayout): Map<string, string> {
  const { propertiesAt, propertiesSize } = layout;
  return decodeProperties(bytes.toString('utf8', propertiesAt, propertiesAt + propertiesSize));
}

/** A topic that records name. */
interface KnownTopic {
  readonly name: string;
  readonly nameBytes: Buffer;
  /** Hash of `topic#`, which keys continue in the index. */
  readonly keyHash: number;
  /** Records before this position belong to nobody. */
  readonly droppedBefore: number;
  readonly queues: Map<number, StoreQueue>;
}

/** A queue lacks entries that the log no longer tells about from here on; all derived files must be rebuilt. */
export class RebuildNeeded extends Error {}

/** Derives queue and index entries from records of the log, at recovery. */
export class RecordDispatcher {
  readonly #queues: QueueTable;
  readonly #index: KeyIndex;
  readonly #tagsCodeRule: TagsCodeRule;
  /** Topics that were deleted: records before the position belong to nobody. */
  readonly #dropped: ReadonlyMap<string, number>;
  readonly #isRebuild: boolean;
  readonly #scan = new PropertyScan();
  /** By a hash of the name's bytes, so that a record costs no string. Of two with the same hash the newer counts. */
  readonly #topics = new Map<number, KnownTopic>();
  records = 0;
  newestStoreTimestamp = 0;
  /** Queue offsets whose messages the log does not have any more. */
  holes = 0;
  /** A part of the log was damaged: a gap in a queue does not mean that its files lack something. */
  mayHaveGaps: boolean;

  constructor(
    queues: QueueTable,
    index: KeyIndex,
    tagsCodeRule: TagsCodeRule,
    dropped: ReadonlyMap<string, number>,
    isRebuild: boolean,
  ) {
    this.#queues = queues;
    this.#index = index;
    this.#tagsCodeRule = tagsCodeRule;
    this.#dropped = dropped;
    this.#isRebuild = isRebuild;
    this.mayHaveGaps = isRebuild;
  }

  /** Takes the records in [start, end), which lie back to back. */
  dispatch(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end;) {
      const layout = layoutRecord(bytes, at, end);
      const topic = this.#topic(bytes, layout.topicAt, layout.topicAt + layout.topicSize);
      const physicalOffset = getInt64(bytes, at + RecordField.PHYSICAL_OFFSET);
      const storeTimestamp = getInt64(bytes, layout.storeTimestampAt);
      this.records++;
      this.newestStoreTimestamp = Math.max(this.newestStoreTimestamp, storeTimestamp);
      if (physicalOffset >= topic.droppedBefore) {
        const queueId = getInt32(bytes, at + RecordField.QUEUE_ID);
        this.#scan.scan(bytes, layout.propertiesAt, layout.propertiesAt + layout.propertiesSize);
        const properties = (): ReadonlyMap<string, string> => recordProperties(bytes, layout);
        const tagsCode =
          this.#tagsCodeRule(topic.name, queueId, storeTimestamp, properties) ?? this.#scan.tagsCode(bytes);
        const queueOffset = getInt64(bytes, at + RecordField.QUEUE_OFFSET);
        this.#toQueue(
          topic,
          queueId,
          queueOffset,
          physicalOffset,
          layout.totalSize,
          tagsCode,
          storeTimestamp,
        );
        this.#index.add(topic.keyHash, bytes, this.#scan, physicalOffset, storeTimestamp);
      }
      at += layout.totalSize;
    }
  }

  #toQueue(
    topic: KnownTopic,
    queueId: number,
    queueOffset: number,
    physicalOffset: number,
    size: number,
    tagsCode: number,
    storeTimestamp: number,
  ): void {
    const queue = this.#queue(topic, queueId);
    if (queueOffset < queue.assigned) {
      // The queue's files do not belong to this log, for example because they were copied from elsewhere.
      if (!this.#isRebuild) throw new RebuildNeeded(`${topic.name} ${queueId}`);
      return;
    }
    if (queueOffset > queue.assigned) {
      if (!this.mayHaveGaps) throw new RebuildNeeded(`${topic.name} ${queueId}`);
      // The first messages of a rebuilt queue may have expired; others were in a damaged part of the log.
      if (queue.assigned === queue.min) queue.beginAt(queueOffset);
      this.holes += queue.fillWithHoles(queueOffset, physicalOffset, storeTimestamp);
    }
    queue.append(physicalOffset, size, tagsCode, storeTimestamp);
    queue.publish(queue.assigned);
  }

  #topic(bytes: Buffer, start: number, end: number): KnownTopic {
    let hash = 0;
    for (let at = start; at < end; at++) hash = (Math.imul(31, hash) + (bytes[at] ?? 0)) | 0;
    const known = this.#topics.get(hash);
    if (known?.nameBytes.length === end - start && known.nameBytes.compare(bytes, start, end) === 0)
      return known;
    const name = bytes.toString('utf8', start, end);
    const topic = {
      name,
      nameBytes: Buffer.from(bytes.subarray(start, end)),
      keyHash: javaStringHash(`${name}#`),
      droppedBefore: this.#dropped.get(name) ?? 0,
      queues: new Map<number, StoreQueue>(),
    };
    this.#topics.set(hash, topic);
    return topic;
  }

  #queue({ name, queues }: KnownTopic, queueId: number): StoreQueue {
    let queue = queues.get(queueId);
    if (queue === undefined) queues.set(queueId, (queue = this.#queues.get(name, queueId)));
    return queue;
  }
}
