import type { Clock } from '@cometmq/common/clock/clock';
import type { ConsumerTable } from '../client/consumer-table.ts';
import type { GroupTable } from '../group/group-table.ts';
import type { ConsumerOffsets } from '../offset/consumer-offsets.ts';
import type { BrokerStats } from '../stats/broker-stats.ts';
import type { Topic } from '../topic/topic.ts';
import type { TopicTable } from '../topic/topic-table.ts';

export interface ProgressParts {
  readonly clock: Clock;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly consumers: ConsumerTable;
  readonly offsets: ConsumerOffsets;
  readonly stats: BrokerStats;
  /** Messages that a group has popped and not acknowledged. */
  readonly inFlight: (group: string, topic: string, queueId: number) => number;
}

/** How far a group is in one queue. */
export interface QueueProgress {
  readonly topic: string;
  readonly queueId: number;
  /** Offset of the next message. */
  readonly brokerOffset: number;
  readonly consumerOffset: number;
  /** Store time of the newest consumed message, ms; 0 when there is none. */
  readonly lastTimestamp: number;
  /** Messages that are leased to the group now; 0 for one that pulls. */
  readonly inFlight: number;
}

export interface GroupProgress {
  /** Messages given out a second, over the last minute. */
  readonly consumeTps: number;
  readonly queues: readonly QueueProgress[];
}

/** The times between which a group's work in one queue lies, ms; -1 when there is no message. */
export interface QueueTimeSpan {
  readonly queueId: number;
  readonly minTimestamp: number;
  readonly maxTimestamp: number;
  readonly consumeTimestamp: number;
  /** Age of the oldest message that the group has not consumed; 0 when it has all. */
  readonly delayMs: number;
}

const TPS_SECONDS = 60;

/** Tells how far groups have consumed. */
export class ProgressService {
  readonly #parts: ProgressParts;

  constructor(parts: ProgressParts) {
    this.#parts = parts;
  }

  /**
   * Progress on the named topics; on none named, on all that the group has offsets for and, while it is online, still
   * subscribes to.
   */
  ofGroup(group: string, named: readonly string[]): GroupProgress {
    const topics =
      named.length > 0 ? named.flatMap((name) => this.#parts.topics.find(name) ?? []) : this.#topicsOf(group);
    const parts = topics.map((topic) => this.ofTopic(group, topic));
    return {
      consumeTps: parts.reduce((sum, { consumeTps }) => sum + consumeTps, 0),
      queues: parts.flatMap(({ queues }) => queues),
    };
  }

  /** Every group with its progress topic by topic; with `orderedOnly` on ordered topics alone. */
  ofAll(orderedOnly: boolean): { readonly group: string; readonly topics: readonly GroupProgress[] }[] {
    return [...this.#parts.groups.all()].map(({ groupName: group }) => ({
      group,
      topics: this.#topicsOf(group)
        .filter(({ config }) => config.order || !orderedOnly)
        .map((topic) => this.ofTopic(group, topic)),
    }));
  }

  ofTopic(group: string, topic: Topic): GroupProgress {
    const { offsets, stats, clock, inFlight } = this.#parts;
    const pair = stats.findPair(`${topic.name}@${group}`);
    const queues = Array.from({ length: topic.config.readQueueNums }, (_, queueId) => {
      const queue = topic.existingQueue(queueId);
      const consumerOffset = Math.max(offsets.find(group, topic.name, queueId) ?? 0, 0);
      const lastTimestamp = queue?.storeTimestampAt(consumerOffset - 1) ?? 0;
      return {
        topic: topic.name,
        queueId,
        brokerOffset: queue?.max ?? 0,
        consumerOffset,
        lastTimestamp,
        inFlight: inFlight(group, topic.name, queueId),
      };
    });
    return { consumeTps: pair?.gets.perSecond(clock.now(), TPS_SECONDS) ?? 0, queues };
  }

  /** @throws MqError `TOPIC_NOT_EXIST`. */
  timeSpans(group: string, topicName: string): QueueTimeSpan[] {
    const topic = this.#parts.topics.get(topicName);
    return Array.from({ length: topic.config.writeQueueNums }, (_, queueId) => {
      const queue = topic.existingQueue(queueId);
      const consumed = Math.max(this.#parts.offsets.find(group, topicName, queueId) ?? 0, 0);
      const minTimestamp = queue?.storeTimestampAt(queue.min) ?? -1;
      const next = queue?.storeTimestampAt(Math.max(consumed, queue.min));
      return {
        queueId,
        minTimestamp,
        maxTimestamp: queue?.storeTimestampAt(queue.max - 1) ?? -1,
        consumeTimestamp: consumed > 0 ? (queue?.storeTimestampAt(consumed - 1) ?? -1) : minTimestamp,
        delayMs: next === undefined ? 0 : Math.max(this.#parts.clock.now() - next, 0),
      };
    });
  }

  /**
   * For each queue the smallest offset that any group but the `ignored` ones has; undefined where `compared` is behind
   * all of them (Java: queryMinOffsetInAllGroup).
   */
  corrections(
    topicName: string,
    compared: string,
    ignored: readonly string[],
  ): Map<number, number | undefined> {
    const { topics, offsets } = this.#parts;
    const topic = topics.find(topicName);
    const smallest = new Map<number, number | undefined>();
    for (const group of offsets.groupsOf(topicName)) {
      if (ignored.includes(group)) continue;
      for (const [queueId, offset] of offsets.ofTopic(group, topicName)) {
        if (offset < (topic?.existingQueue(queueId)?.min ?? 0)) continue;
        smallest.set(queueId, Math.min(offset, smallest.get(queueId) ?? offset));
      }
    }
    for (const [queueId, offset] of offsets.ofTopic(compared, topicName)) {
      const other = smallest.get(queueId);
      if (other === undefined || other > offset) smallest.set(queueId, undefined);
    }
    return smallest;
  }

  /** Topics that a group has offsets for. */
  topicsOf(group: string): string[] {
    return this.#parts.offsets.topicsOf(group);
  }

  /** All offsets by `topic@group` and queue. */
  allOffsets(): ReadonlyMap<string, ReadonlyMap<number, number>> {
    return this.#parts.offsets.all();
  }

  #topicsOf(group: string): Topic[] {
    const { topics, consumers, offsets } = this.#parts;
    const online = consumers.find(group);
    return offsets
      .topicsOf(group)
      .filter(
        (name) => online === undefined || online.subscriptions.size === 0 || online.subscriptions.has(name),
      )
      .flatMap((name) => topics.find(name) ?? []);
  }
}
