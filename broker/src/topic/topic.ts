import type { TopicConfig } from '@cometmq/common/topic/topic-config';
import { isDlqTopic, isRetryTopic, isSystemTopic } from '@cometmq/common/topic/names';
import type { QueueTable } from '../store/queue/queue-table.ts';
import { StatsItem } from '../stats/stats-item.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';

/** A topic at work: its settings, and its queues as they are used. */
export class Topic {
  readonly name: string;
  readonly nameBytes: Buffer;
  /** Sends to it need no special treatment of the topic. */
  readonly isPlain: boolean;
  config: TopicConfig;
  #puts: StatsItem | undefined;
  #putBytes: StatsItem | undefined;
  readonly #table: QueueTable;
  readonly #queues: (StoreQueue | undefined)[] = [];

  constructor(config: TopicConfig, table: QueueTable) {
    this.config = config;
    this.name = config.topicName;
    this.nameBytes = Buffer.from(config.topicName);
    this.isPlain = !isRetryTopic(this.name) && !isDlqTopic(this.name) && !isSystemTopic(this.name);
    this.#table = table;
  }

  /** Messages that came in. */
  get puts(): StatsItem {
    return (this.#puts ??= new StatsItem());
  }

  /** Bytes of bodies that came in. */
  get putBytes(): StatsItem {
    return (this.#putBytes ??= new StatsItem());
  }

  /** The queue to append to; made when it does not exist. */
  queue(queueId: number): StoreQueue {
    return (this.#queues[queueId] ??= this.#table.get(this.name, queueId));
  }

  /** The queue to read from, or undefined when nothing was ever stored in it. */
  existingQueue(queueId: number): StoreQueue | undefined {
    return this.#queues[queueId] ?? this.#table.find(this.name, queueId);
  }

  /** Queues that exist for readers or writers. */
  get queueCount(): number {
    return Math.max(this.config.readQueueNums, this.config.writeQueueNums);
  }
}
