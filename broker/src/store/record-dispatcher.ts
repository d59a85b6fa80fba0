import { layoutRecord } from '@cometmq/common/message/message-decoder';
import { RecordField } from '@cometmq/common/message/record-layout';
import { javaStringHash } from '@cometmq/common/message/tags-code';
import { getInt32, getInt64 } from './bytes.ts';
import type { KeyIndex } from './index/key-index.ts';
import { PropertyScan } from './property-scan.ts';
import { HOLE_SIZE } from './queue/queue-entry.ts';
import type { QueueTable } from './queue/queue-table.ts';

/**
 * The value of a queue entry's tags code when it is not the tag's hash: delay queues keep the due time there. Undefined
 * leaves the hash.
 */
export type TagsCodeRule = (topic: string, queueId: number, storeTimestamp: number) => number | undefined;

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
  readonly #topicHashes = new Map<string, number>();
  records = 0;
  newestStoreTimestamp = 0;

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
  }

  /** Takes the records in [start, end), which lie back to back. */
  dispatch(bytes: Buffer, start: number, end: number): void {
    for (let at = start; at < end;) {
      const layout = layoutRecord(bytes, at, end);
      const topic = bytes.toString('utf8', layout.topicAt, layout.topicAt + layout.topicSize);
      const physicalOffset = getInt64(bytes, at + RecordField.PHYSICAL_OFFSET);
      const storeTimestamp = getInt64(bytes, layout.storeTimestampAt);
      this.records++;
      this.newestStoreTimestamp = Math.max(this.newestStoreTimestamp, storeTimestamp);
      if (physicalOffset >= (this.#dropped.get(topic) ?? 0)) {
        const queueId = getInt32(bytes, at + RecordField.QUEUE_ID);
        this.#scan.scan(bytes, layout.propertiesAt, layout.propertiesAt + layout.propertiesSize);
        const tagsCode = this.#tagsCodeRule(topic, queueId, storeTimestamp) ?? this.#scan.tagsCode(bytes);
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
        this.#index.add(this.#topicHash(topic), bytes, this.#scan, physicalOffset, storeTimestamp);
      }
      at += layout.totalSize;
    }
  }

  #toQueue(
    topic: string,
    queueId: number,
    queueOffset: number,
    physicalOffset: number,
    size: number,
    tagsCode: number,
    storeTimestamp: number,
  ): void {
    const queue = this.#queues.get(topic, queueId);
    if (queueOffset < queue.assigned) {
      // The queue's files do not belong to this log, for example because they were copied from elsewhere.
      if (!this.#isRebuild) throw new RebuildNeeded(`${topic} ${queueId}`);
      return;
    }
    if (queueOffset > queue.assigned) {
      if (!this.#isRebuild) throw new RebuildNeeded(`${topic} ${queueId}`);
      // The first messages of a rebuilt queue may have expired; others were in a damaged part of the log.
      if (queue.assigned === queue.min) queue.beginAt(queueOffset);
      while (queue.assigned < queueOffset) queue.append(physicalOffset, HOLE_SIZE, 0, storeTimestamp);
    }
    queue.append(physicalOffset, size, tagsCode, storeTimestamp);
    queue.publish(queue.assigned);
  }

  #topicHash(topic: string): number {
    let hash = this.#topicHashes.get(topic);
    if (hash === undefined) this.#topicHashes.set(topic, (hash = javaStringHash(`${topic}#`)));
    return hash;
  }
}
