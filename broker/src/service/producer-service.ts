import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import type { BatchMember } from '@cometmq/common/message/batch-codec';
import { decodeBatch } from '@cometmq/common/message/batch-codec';
import { encodeHost } from '@cometmq/common/message/host';
import type { UniqueKeyGenerator } from '@cometmq/common/message/message-id';
import { encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import {
  NAME_VALUE_SEPARATOR,
  PROPERTIES_SIZE_MAX,
  PROPERTY_SEPARATOR,
} from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { Perm, SysFlag } from '@cometmq/common/message/sys-flag';
import type { RandomSource } from '@cometmq/common/random/random';
import { SystemTopic, isRetryTopic } from '@cometmq/common/topic/names';
import { Limits } from '../config/limits.ts';
import { delayLevelOf, divertToDelayQueue } from '../delay/delay-queue.ts';
import type { DelayLevels } from '../delay/delay-levels.ts';
import { buildRecallHandle } from '@cometmq/common/message/recall-handle';
import type { Schedules } from '../delay/schedules.ts';
import type { RetryPolicy } from '../retry/retry-policy.ts';
import type { BrokerStats } from '../stats/broker-stats.ts';
import type { AppendRequest, AppendResult } from '../store/append-request.ts';
import type { Durability } from '../store/log/durability.ts';
import type { MessageStore } from '../store/message-store.ts';
import { PropertyScan, PropertyTrait } from '../store/property-scan.ts';
import { recordSize } from '../store/record-writer.ts';
import type { Topic } from '../topic/topic.ts';
import type { TopicCreation } from '../topic/topic-creation.ts';
import { toHalf } from '../transaction/half-message.ts';
import type { TransactionService } from './transaction-service.ts';
import type { SendOutcome, SendRequest } from './request-types.ts';

export interface ProducerSettings {
  readonly brokerName: string;
  readonly clusterName: string;
  readonly maxMessageSizeBytes: number;
  readonly durability: Durability;
  readonly storeHost: Uint8Array;
}

export interface ProducerParts {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly store: MessageStore;
  readonly creation: TopicCreation;
  readonly levels: DelayLevels;
  readonly schedules: Schedules;
  readonly retryPolicy: RetryPolicy;
  readonly transactions: TransactionService;
  readonly uniqueKeys: UniqueKeyGenerator;
  readonly stats: BrokerStats;
}

/** Where every stored message says it comes from. */
export const REGION = 'DefaultRegion';

/** Takes messages in: checks, diverts delayed ones, stores, and answers when the promised durability is reached. */
export class ProducerService {
  readonly settings: ProducerSettings;
  readonly #parts: ProducerParts;
  /** Properties that the broker adds to each message. */
  readonly stamp: Buffer;

  constructor(settings: ProducerSettings, parts: ProducerParts) {
    this.settings = settings;
    this.#parts = parts;
    this.stamp = Buffer.from(
      entry(Property.MSG_REGION, REGION) +
        entry(Property.TRACE_ON, 'true') +
        entry(Property.CLUSTER, settings.clusterName),
    );
  }

  /** @throws MqError with the reason of the refusal. */
  async send(request: SendRequest): Promise<SendOutcome> {
    this.#checkLoad();
    let topic = await this.#topicOf(request);
    let queueId = this.#chooseQueue(topic, request.queueId);
    let noDelay = false;
    if (isRetryTopic(request.topic)) {
      const dead = await this.#parts.retryPolicy.deadLetterTopic(request);
      if (dead !== undefined) {
        topic = dead;
        queueId = 0;
        noDelay = true;
      }
    }
    this.#checkBody(request.body);
    const append = this.#appendRequest(
      request,
      topic,
      queueId,
      request.body,
      this.#stamped(request.properties),
      request.flag,
    );
    if (isTransactional(append)) return this.#sendHalf(append, request.producerGroup, topic, queueId);
    if (!noDelay) this.#delay(append);
    const durability = this.#durabilityOf(append.propertyScan);
    const result = this.#append(append, durability, topic);
    await this.#parts.store.whenDurable(durability);
    return {
      queueId,
      queueOffset: result.queueOffset,
      messageId: this.#messageId(result),
      uniqueKey: uniqueKeyOf(append),
      recallHandle: this.#recallHandle(append, topic),
      durability,
    };
  }

  /** Stores the members of a batch with consecutive offsets in one queue. */
  async sendBatch(request: SendRequest): Promise<SendOutcome> {
    this.#checkLoad();
    if (isRetryTopic(request.topic)) {
      throw new MqError('MESSAGE_ILLEGAL', `batch request does not support retry group ${request.topic}`);
    }
    const topic = await this.#topicOf(request);
    const queueId = this.#chooseQueue(topic, request.queueId);
    if (request.body.length > this.settings.maxMessageSizeBytes) throw tooLarge(request.body.length);
    const members = decodeBatch(request.body, Limits.batchMembers);
    if (members.length === 0) throw new MqError('MESSAGE_ILLEGAL', 'a batch without messages');
    const appends = members.map((member) => this.#batchAppend(request, topic, queueId, member));
    const durability: Durability = appends.some((a) => this.#durabilityOf(a.propertyScan) === 'synced')
      ? 'synced'
      : 'written';
    // A batch is stored as a whole or refused as a whole.
    const results = this.#parts.store.appendTogether(appends, durability);
    for (const append of appends) this.#parts.stats.put(topic, append.bodyEnd - append.bodyStart);
    await this.#parts.store.whenDurable(durability);
    return {
      queueId,
      queueOffset: results[0]?.queueOffset ?? 0,
      messageId: results.map((result) => this.#messageId(result)).join(','),
      uniqueKey: outerUniqueKey(request.properties),
      durability,
    };
  }

  async #sendHalf(append: AppendRequest, group: string, topic: Topic, queueId: number): Promise<SendOutcome> {
    const { transactions, store } = this.#parts;
    const properties = toHalf(append, group, store.queues);
    // A half message is decided by where it is, so it must be there for certain.
    const { durability } = this.settings;
    const uniqueKey = uniqueKeyOf(append);
    const first = transactions.namesake(properties);
    if (first !== undefined && (await transactions.isRepeated(first, append))) {
      return {
        queueId,
        queueOffset: first.queueOffset,
        messageId: this.#messageId(first),
        uniqueKey,
        durability,
      };
    }
    transactions.checkRoom();
    const result = this.#append(append, durability, topic);
    transactions.opened({ ...result, properties, sizeBytes: recordSize(append, this.settings.storeHost) });
    await store.whenDurable(durability);
    return {
      queueId,
      queueOffset: result.queueOffset,
      messageId: this.#messageId(result),
      uniqueKey,
      durability,
    };
  }

  #batchAppend(request: SendRequest, topic: Topic, queueId: number, member: BatchMember): AppendRequest {
    this.#checkBody(member.body);
    const append = this.#appendRequest(
      request,
      topic,
      queueId,
      member.body,
      this.#withUniqueKey(member.properties),
      member.flag,
    );
    const special = PropertyTrait.DELAYED | PropertyTrait.TRANSACTION | PropertyTrait.TIMED;
    if ((append.propertyScan.traits & special) !== 0) {
      throw new MqError('MESSAGE_ILLEGAL', 'messages of a batch can not be delayed or transactional');
    }
    return append;
  }

  /** What a producer takes a timed message back with. */
  #recallHandle(append: AppendRequest, topic: Topic): string | undefined {
    if (append.queue.topic !== SystemTopic.WHEEL_TIMER) return undefined;
    const { brokerName } = this.settings;
    return buildRecallHandle({
      topic: topic.name,
      brokerName,
      dueAt: append.tagsCode ?? 0,
      uniqueKey: uniqueKeyOf(append),
    });
  }

  #append(append: AppendRequest, durability: Durability, topic: Topic): AppendResult {
    const result: AppendResult = { physicalOffset: 0, queueOffset: 0, storeTimestamp: 0 };
    this.#parts.store.append(append, durability, result);
    this.#parts.stats.put(topic, append.bodyEnd - append.bodyStart);
    return result;
  }

  #delay(append: AppendRequest): void {
    const { traits } = append.propertyScan;
    const { levels, schedules, store, clock } = this.#parts;
    const level = (traits & PropertyTrait.DELAYED) === 0 ? 0 : delayLevelOf(append, levels);
    // A level wins over a time, as in RocketMQ.
    if (level > 0) divertToDelayQueue(append, level, levels, store.queues, clock);
    else if ((traits & PropertyTrait.TIMED) !== 0) schedules.divert(append);
  }

  async #topicOf(request: SendRequest): Promise<Topic> {
    const topic = await this.#parts.creation.forSend(
      request.topic,
      request.defaultTopic,
      request.defaultTopicQueues,
    );
    if ((topic.config.perm & Perm.WRITE) === 0) {
      throw new MqError('NO_PERMISSION', `the topic[${request.topic}] sending message is forbidden`);
    }
    return topic;
  }

  #chooseQueue(topic: Topic, queueId: number): number {
    const { writeQueueNums } = topic.config;
    if (queueId >= topic.queueCount) {
      throw new MqError(
        'INVALID_ARGUMENT',
        `request queueId[${queueId}] is illegal, ${JSON.stringify(topic.config)}`,
      );
    }
    return queueId >= 0 ? queueId : this.#parts.random.below(Math.max(writeQueueNums, 1));
  }

  #checkLoad(): void {
    const { store } = this.#parts;
    if (store.failure !== undefined) throw store.failure;
    if (store.unsyncedBytes > Limits.unsyncedBytes) {
      throw new MqError('SYSTEM_BUSY', '[OVERLOAD]system busy, start flow control for a while');
    }
  }

  #checkBody(body: Buffer): void {
    if (body.length === 0) throw new MqError('MESSAGE_ILLEGAL', 'the message has no body');
    if (body.length > this.settings.maxMessageSizeBytes) throw tooLarge(body.length);
  }

  #appendRequest(
    request: SendRequest,
    topic: Topic,
    queueId: number,
    body: Buffer,
    properties: Buffer,
    flag: number,
  ): AppendRequest {
    if (properties.length > PROPERTIES_SIZE_MAX) {
      throw new MqError(
        'MESSAGE_ILLEGAL',
        `the message is illegal, maybe msg body or properties length not matched: properties take ${properties.length} bytes of at most ${PROPERTIES_SIZE_MAX}`,
      );
    }
    const bornHost = encodeHost(request.bornAddress, request.bornPort);
    const propertyScan = new PropertyScan();
    propertyScan.scan(properties, 0, properties.length);
    return {
      queue: topic.queue(queueId),
      topic: topic.nameBytes,
      flag,
      sysFlag: storedSysFlag(request.sysFlag, bornHost, this.settings.storeHost, topic),
      bornTimestamp: request.bornTimestamp,
      bornHost,
      reconsumeTimes: request.reconsumeTimes,
      preparedTransactionOffset: 0,
      body,
      bodyStart: 0,
      bodyEnd: body.length,
      properties,
      propertiesStart: 0,
      propertiesEnd: properties.length,
      propertyScan,
      tagsCode: undefined,
    };
  }

  #stamped(properties: Buffer): Buffer {
    const whole = this.#withUniqueKey(properties);
    // What clients must be able to send is measured without what the broker adds.
    if (whole.length + this.stamp.length > PROPERTIES_SIZE_MAX) return whole;
    return Buffer.concat([whole, this.stamp]);
  }

  /** The properties with a final separator and with a unique key, which ali-ons does not set. */
  #withUniqueKey(properties: Buffer): Buffer {
    const scan = new PropertyScan();
    scan.scan(properties, 0, properties.length);
    const isEnded = properties.length === 0 || properties[properties.length - 1] === PROPERTY_SEPARATOR;
    if (scan.uniqKeyStart >= 0 && isEnded) return properties;
    const end = isEnded ? '' : String.fromCharCode(PROPERTY_SEPARATOR);
    const key = scan.uniqKeyStart >= 0 ? '' : entry(Property.UNIQ_KEY, this.#parts.uniqueKeys.next());
    const whole = Buffer.concat([properties, Buffer.from(end + key)]);
    return whole.length > PROPERTIES_SIZE_MAX && scan.uniqKeyStart >= 0 ? properties : whole;
  }

  #durabilityOf(scan: PropertyScan): Durability {
    return (scan.traits & PropertyTrait.NO_WAIT) === 0 ? this.settings.durability : 'written';
  }

  #messageId(result: Pick<AppendResult, 'physicalOffset'>): string {
    return encodeOffsetMessageId(this.settings.storeHost, result.physicalOffset);
  }
}

/** Flags that describe the stored record; a producer can't claim another host format. */
export function storedSysFlag(
  sysFlag: number,
  bornHost: Uint8Array,
  storeHost: Uint8Array,
  topic: Topic,
): number {
  let flag =
    sysFlag & ~(SysFlag.BORN_HOST_V6 | SysFlag.STORE_HOST_V6 | SysFlag.NEED_UNWRAP | SysFlag.INNER_BATCH);
  if (bornHost.length > 8) flag |= SysFlag.BORN_HOST_V6;
  if (storeHost.length > 8) flag |= SysFlag.STORE_HOST_V6;
  if (topic.config.topicFilterType === 'MULTI_TAG') flag |= SysFlag.MULTI_TAGS;
  return flag;
}

function isTransactional({ propertyScan, sysFlag, reconsumeTimes }: AppendRequest): boolean {
  // A consumer's own re-send of a message that once was transactional is an ordinary one.
  if (reconsumeTimes > 0) return false;
  const transaction = sysFlag & SysFlag.TRANSACTION_MASK;
  return (
    (propertyScan.traits & PropertyTrait.TRANSACTION) !== 0 || transaction === SysFlag.TRANSACTION_PREPARED
  );
}

function uniqueKeyOf({ properties, propertyScan }: AppendRequest): string {
  if (propertyScan.uniqKeyStart < 0) return '';
  return properties.toString('utf8', propertyScan.uniqKeyStart, propertyScan.uniqKeyEnd);
}

function outerUniqueKey(properties: Buffer): string {
  const scan = new PropertyScan();
  scan.scan(properties, 0, properties.length);
  return scan.uniqKeyStart < 0 ? '' : properties.toString('utf8', scan.uniqKeyStart, scan.uniqKeyEnd);
}

function entry(name: string, value: string): string {
  return name + String.fromCharCode(NAME_VALUE_SEPARATOR) + value + String.fromCharCode(PROPERTY_SEPARATOR);
}

function tooLarge(size: number): MqError {
  return new MqError(
    'MESSAGE_ILLEGAL',
    `the message is illegal, maybe msg body or properties length not matched: the body takes ${size} bytes`,
  );
}
