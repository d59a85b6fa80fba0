import { MqError } from '@cometmq/common/error/mq-error';
import { encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { Property } from '@cometmq/common/message/property-names';
import { Perm } from '@cometmq/common/message/sys-flag';
import type { Clock } from '@cometmq/common/clock/clock';
import type { RandomSource } from '@cometmq/common/random/random';
import type { SubscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import type { DelayLevels } from '../delay/delay-levels.ts';
import { divertToDelayQueue } from '../delay/delay-queue.ts';
import type { GroupTable } from '../group/group-table.ts';
import type { SendBackRequest } from './request-types.ts';
import type { BrokerStats } from '../stats/broker-stats.ts';
import type { Durability } from '../store/log/durability.ts';
import type { MessageStore } from '../store/message-store.ts';
import { StoredRecord } from '../store/stored-record.ts';
import type { Topic } from '../topic/topic.ts';
import type { TopicCreation } from '../topic/topic-creation.ts';

/** The first retry waits for level 3, the next for level 4, and so on (Java: 3 + reconsumeTimes). */
const FIRST_RETRY_LEVEL = 3;

export interface SendBackParts {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly store: MessageStore;
  readonly groups: GroupTable;
  readonly creation: TopicCreation;
  readonly levels: DelayLevels;
  readonly stats: BrokerStats;
  readonly durability: Durability;
}

/** Puts a message that a consumer could not handle into its group's retry topic, or among the dead letters. */
export class SendBackService {
  readonly #parts: SendBackParts;

  constructor(parts: SendBackParts) {
    this.#parts = parts;
  }

  /** Done when the copy is durable. */
  async sendBack(request: SendBackRequest): Promise<void> {
    const { groups, store, stats } = this.#parts;
    const group = groups.findOrCreate(request.group);
    if (group === undefined)
      throw new MqError('GROUP_NOT_EXIST', `subscription group not exist, ${request.group}`);
    // A group without retry queues does not want retries (as in RocketMQ, where it swallows them, too).
    if (group.retryQueueNums <= 0) return;
    const bytes = await store.readRecord(request.physicalOffset);
    if (bytes === undefined) {
      throw new MqError('MESSAGE_NOT_FOUND', `look message by offset failed, ${request.physicalOffset}`);
    }
    const record = new StoredRecord(bytes);
    const attemptsMax = request.maxReconsumeTimes ?? group.retryMaxTimes;
    const isDead = record.reconsumeTimes >= attemptsMax || request.delayLevel < 0;
    if (isDead) await this.#toDeadLetters(record, group);
    else await this.#toRetry(record, group, request.delayLevel);
    stats.sentBack(request.group, record.properties().get(Property.RETRY_TOPIC) ?? record.topic);
  }

  async #toRetry(record: StoredRecord, group: SubscriptionGroupConfig, delayLevel: number): Promise<void> {
    const { creation, levels, clock, store, random } = this.#parts;
    const topic = await creation.retryTopic(group);
    if ((topic.config.perm & Perm.WRITE) === 0) {
      throw new MqError('NO_PERMISSION', `the topic[${topic.name}] sending message is forbidden`);
    }
    const level = levels.clamp(delayLevel > 0 ? delayLevel : FIRST_RETRY_LEVEL + record.reconsumeTimes);
    const properties = retryProperties(record);
    properties.set(Property.DELAY, String(level));
    const queue = topic.queue(random.below(group.retryQueueNums));
    const append = record.toAppend(topic.nameBytes, queue, properties);
    append.reconsumeTimes = record.reconsumeTimes + 1;
    divertToDelayQueue(append, level, levels, store.queues, clock);
    await this.#store(append);
  }

  async #toDeadLetters(record: StoredRecord, group: SubscriptionGroupConfig): Promise<void> {
    const topic: Topic = await this.#parts.creation.dlqTopic(group.groupName);
    const properties = retryProperties(record);
    properties.delete(Property.DELAY);
    properties.set(Property.DLQ_ORIGIN_TOPIC, properties.get(Property.RETRY_TOPIC) ?? record.topic);
    properties.set(Property.DLQ_ORIGIN_MESSAGE_ID, properties.get(Property.ORIGIN_MESSAGE_ID) ?? '');
    const append = record.toAppend(topic.nameBytes, topic.queue(0), properties);
    append.reconsumeTimes = record.reconsumeTimes + 1;
    await this.#store(append);
  }

  async #store(append: ReturnType<StoredRecord['toAppend']>): Promise<void> {
    const { store, durability } = this.#parts;
    store.append(append, durability, { physicalOffset: 0, queueOffset: 0, storeTimestamp: 0 });
    await store.whenDurable(durability);
  }
}

/** The message's properties plus where it came from, set once; without what an earlier delay left. */
function retryProperties(record: StoredRecord): Map<string, string> {
  const properties = record.properties();
  if (!properties.has(Property.RETRY_TOPIC)) properties.set(Property.RETRY_TOPIC, record.topic);
  if (!properties.has(Property.ORIGIN_MESSAGE_ID)) {
    const physicalOffset = Number(record.bytes.readBigInt64BE(28));
    properties.set(Property.ORIGIN_MESSAGE_ID, encodeOffsetMessageId(record.storeHost, physicalOffset));
  }
  properties.delete(Property.REAL_TOPIC);
  properties.delete(Property.REAL_QUEUE_ID);
  return properties;
}
