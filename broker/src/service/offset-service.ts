import { MqError } from '@cometmq/common/error/mq-error';
import type { ConsumerTable } from '../client/consumer-table.ts';
import { Limits } from '../config/limits.ts';
import type { GroupTable } from '../group/group-table.ts';
import type { PullHold } from '../hold/pull-hold.ts';
import type { ConsumerOffsets } from '../offset/consumer-offsets.ts';
import type { QueueOffset } from '../client/client-channel.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import type { Topic } from '../topic/topic.ts';
import type { TopicTable } from '../topic/topic-table.ts';

export interface OffsetParts {
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly consumers: ConsumerTable;
  readonly offsets: ConsumerOffsets;
  readonly hold: PullHold;
}

export interface ResetRequest {
  readonly topic: string;
  readonly group: string;
  /** ms; negative: to the end. */
  readonly timestamp: number;
  /** Undefined: all queues. */
  readonly queueId: number | undefined;
  /** Undefined: by time. */
  readonly offset: number | undefined;
}

/** Questions about, and changes of, how far groups have consumed. */
export class OffsetService {
  readonly #parts: OffsetParts;

  constructor(parts: OffsetParts) {
    this.#parts = parts;
  }

  /**
   * Where a group goes on in a queue; undefined when it never committed and the queue has lost messages already, so
   * that its members decide by their setting. A queue that still has its first message answers 0: a new group misses
   * nothing of a young topic, and no message that arrives while it starts (Java answers "not found" for an empty queue
   * and loses such messages).
   */
  query(group: string, topicName: string, queueId: number, zeroIfNotFound: boolean): number | undefined {
    const { offsets, topics } = this.#parts;
    const stored = offsets.find(group, topicName, queueId);
    if (stored !== undefined) return stored;
    const queue = topics.find(topicName)?.existingQueue(queueId);
    return zeroIfNotFound && (queue?.min ?? 0) === 0 ? 0 : undefined;
  }

  /**
   * Notes how far a group is. False when the group's offset was moved and this member has not heard of it.
   * @throws MqError `GROUP_NOT_EXIST` or `TOPIC_NOT_EXIST`.
   */
  commit(group: string, topic: string, queueId: number, offset: number): boolean {
    const { groups, topics, offsets } = this.#parts;
    if (groups.findOrCreate(group) === undefined)
      throw new MqError('GROUP_NOT_EXIST', `Group ${group} not exist!`);
    if (topics.find(topic) === undefined) throw new MqError('TOPIC_NOT_EXIST', `Topic ${topic} not exist!`);
    checkQueueId(queueId);
    return offsets.commit(group, topic, queueId, offset);
  }

  /** Oldest offset and the one behind the newest; 0 and 0 for a queue that does not exist. */
  range(topicName: string, queueId: number): { readonly min: number; readonly max: number } {
    const queue = this.#parts.topics.find(topicName)?.existingQueue(queueId);
    return { min: queue?.min ?? 0, max: queue?.max ?? 0 };
  }

  /** Store time of the oldest message, ms; undefined without one. */
  oldestStoreTimestamp(topicName: string, queueId: number): number | undefined {
    const queue = this.#parts.topics.find(topicName)?.existingQueue(queueId);
    return queue?.storeTimestampAt(queue.min);
  }

  /** First offset stored at or after a time, or with `upper` the last one at or before it. */
  search(topicName: string, queueId: number, timestamp: number, upper: boolean): number {
    const queue = this.#parts.topics.get(topicName).existingQueue(queueId);
    if (queue === undefined) return 0;
    return upper
      ? Math.max(queue.offsetAtOrAfter(timestamp + 1) - 1, queue.min)
      : queue.offsetAtOrAfter(timestamp);
  }

  /**
   * Moves a group in all queues of a topic, or in one. Works with and without members online: those that are learn it
   * at their next pull, and those that wait are woken for it.
   */
  reset(request: ResetRequest): { topic: Topic; offsets: QueueOffset[] } {
    const { topics, groups } = this.#parts;
    const topic = topics.find(request.topic);
    if (topic === undefined) throw new MqError('TOPIC_NOT_EXIST', `Topic ${request.topic} does not exist`);
    if (groups.find(request.group) === undefined) {
      throw new MqError('GROUP_NOT_EXIST', `Group ${request.group} does not exist`);
    }
    if (request.queueId !== undefined) checkQueueId(request.queueId);
    const queueIds =
      request.queueId === undefined
        ? Array.from({ length: topic.config.readQueueNums }, (_, id) => id)
        : [request.queueId];
    const moved = queueIds.map((queueId) => ({
      queueId,
      offset: target(topic.existingQueue(queueId), request),
    }));
    for (const { queueId, offset } of moved) this.#move(topic, request.group, queueId, offset);
    return { topic, offsets: moved };
  }

  /**
   * Lets a group go on where another is, in one topic or in all that the other has offsets for. With `offline` false,
   * topics that the other is online for but no longer subscribes to are left out (Java: cloneGroupOffset).
   */
  clone(fromGroup: string, toGroup: string, topicName: string, offline: boolean): void {
    const { topics, consumers, offsets } = this.#parts;
    const online = consumers.find(fromGroup)?.subscriptions;
    for (const name of topicName === '' ? offsets.topicsOf(fromGroup) : [topicName]) {
      const topic = topics.find(name);
      if (topic === undefined) continue;
      if (!offline && online !== undefined && online.size > 0 && !online.has(name)) continue;
      for (const [queueId, offset] of offsets.ofTopic(fromGroup, name))
        this.#move(topic, toGroup, queueId, offset);
    }
  }

  #move(topic: Topic, group: string, queueId: number, offset: number): void {
    const { offsets, consumers, hold } = this.#parts;
    // Without members there is nobody whose commits could undo it, and nobody to tell.
    if (consumers.find(group) === undefined) offsets.move(group, topic.name, queueId, offset);
    else offsets.reset(group, topic.name, queueId, offset);
    const queue = topic.existingQueue(queueId);
    if (queue !== undefined) hold.wake(queue);
  }
}

/** A queue that a topic no longer has may be meant; one that no topic can have would only take room. */
function checkQueueId(queueId: number): void {
  if (queueId >= 0 && queueId < Limits.queuesPerTopic) return;
  throw new MqError('INVALID_ARGUMENT', `queueId[${queueId}] is illegal`);
}

function target(queue: StoreQueue | undefined, { offset, timestamp }: ResetRequest): number {
  const min = queue?.min ?? 0;
  const max = queue?.max ?? 0;
  if (offset !== undefined) {
    if (offset < min || offset > max + 1) {
      throw new MqError('INTERNAL', `Target offset ${offset} not in consume queue range [${min}-${max}]`);
    }
    return offset;
  }
  if (timestamp < 0) return max;
  return queue?.offsetAtOrAfter(timestamp) ?? 0;
}
