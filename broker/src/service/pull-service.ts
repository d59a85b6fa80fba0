import type { ClientChannel } from '../client/client-channel.ts';
import type { ConsumerTable } from '../client/consumer-table.ts';
import type { GroupGuard } from '../client/group-guard.ts';
import type { Subscription } from '../client/subscription.ts';
import { subscription } from '../client/subscription.ts';
import { MqError } from '@cometmq/common/error/mq-error';
import { Perm } from '@cometmq/common/message/sys-flag';
import { isRetryTopic } from '@cometmq/common/topic/names';
import type { PropertyFilters } from '../filter/property-filters.ts';
import type { GroupTable } from '../group/group-table.ts';
import type { PullHold } from '../hold/pull-hold.ts';
import type { ConsumerOffsets } from '../offset/consumer-offsets.ts';
import type { BrokerStats } from '../stats/broker-stats.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { ReadPlan, ReadStatus } from '../store/read-plan.ts';
import { planRead } from '../store/read-plan.ts';
import { RecordProperties } from '../store/record-properties.ts';
import { RecordScan } from '../store/record-scan.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import type { TopicTable } from '../topic/topic-table.ts';

export type { ReadPlan, ReadStatus };

export interface PullRequest {
  readonly group: string;
  readonly topic: string;
  readonly queueId: number;
  readonly offset: number;
  readonly countMax: number;
  /** Undefined: the broker's limit. */
  readonly bytesMax: number | undefined;
  /** What the group has consumed, to be noted on the way; undefined for nothing. */
  readonly commitOffset: number | undefined;
  /** How long the answer may wait for a message, ms; 0: not at all. */
  readonly waitMs: number;
  /** The client's own subscription; undefined: the one of its group's heartbeats. */
  readonly expression: string | undefined;
  readonly expressionType: string;
  readonly subscriptionVersion: number;
}

/** Why a pull is refused for reasons that clients meet in normal operation. */
export type PullRefusal = 'SUBSCRIPTION_NOT_EXIST' | 'SUBSCRIPTION_NOT_LATEST' | 'FILTER_DATA_NOT_EXIST';

export type PullOutcome =
  | { readonly kind: 'read'; readonly plan: ReadPlan }
  | {
      readonly kind: 'reset';
      readonly offset: number;
      readonly minOffset: number;
      readonly maxOffset: number;
    }
  | { readonly kind: 'refused'; readonly reason: PullRefusal; readonly remark: string }
  /** `resume` of the request was kept; it is called once the answer can be found by pulling again. */
  | { readonly kind: 'held' };

export interface PullSettings {
  readonly permission: number;
  readonly batchMax: number;
  readonly bytesMax: number;
}

export interface PullParts {
  readonly store: MessageStore;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly consumers: ConsumerTable;
  readonly offsets: ConsumerOffsets;
  readonly hold: PullHold;
  readonly stats: BrokerStats;
  readonly filters: PropertyFilters;
  readonly guard: GroupGuard;
}

/** Reads messages for consumers that keep their own offset (RocketMQ's pull and push consumers). */
export class PullService {
  readonly #settings: PullSettings;
  readonly #parts: PullParts;
  readonly #recordProperties: RecordProperties;

  constructor(settings: PullSettings, parts: PullParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#recordProperties = new RecordProperties(parts.store.reader);
  }

  /**
   * Finds the answer to a pull, or holds it. `resume` undefined means that it was held before and must be answered now.
   * @throws MqError with the reason of a refusal.
   */
  pull(request: PullRequest, channel: ClientChannel, resume: (() => void) | undefined): PullOutcome {
    const { topics, offsets, hold, stats, guard } = this.#parts;
    this.#checkGroup(request.group);
    // A group that pops still pulls its own retries.
    if (!isRetryTopic(request.topic)) guard.pulled(request.group);
    const topic = topics.get(request.topic);
    const { perm, readQueueNums } = topic.config;
    if ((perm & this.#settings.permission & Perm.READ) === 0) {
      throw new MqError('NO_PERMISSION', `the topic[${request.topic}] pulling message is forbidden`);
    }
    if (request.queueId < 0 || request.queueId >= readQueueNums) {
      throw new MqError(
        'INVALID_ARGUMENT',
        `queueId[${request.queueId}] is illegal, topic:[${request.topic}] topicConfig.readQueueNums:[${readQueueNums}] consumer:[${channel.remote}]`,
      );
    }
    const wanted = this.#subscriptionOf(request);
    if (!('topic' in wanted)) return wanted;
    const existing = topic.existingQueue(request.queueId);
    const reset = offsets.takeReset(request.group, request.topic, request.queueId);
    if (reset !== undefined) {
      return { kind: 'reset', offset: reset, minOffset: existing?.min ?? 0, maxOffset: existing?.max ?? 0 };
    }
    const plan = this.#plan(existing, request, wanted);
    if (resume !== undefined && request.commitOffset !== undefined) {
      offsets.commit(request.group, request.topic, request.queueId, request.commitOffset);
    }
    const isWaiting = resume !== undefined && request.waitMs > 0 && canWait(plan, request.offset);
    if (isWaiting && this.#hold(hold, topic.queue(request.queueId), request, wanted, channel, resume))
      return { kind: 'held' };
    if (plan.status === 'FOUND') stats.get(request.topic, request.group, plan.offsets.length, plan.totalSize);
    else stats.missed();
    return { kind: 'read', plan };
  }

  /** Copies the records of a plan back to back; false when one of them has expired since. */
  copyRecords(plan: ReadPlan, target: Buffer, at: number): boolean {
    return this.#parts.store.copyRecords(plan, target, at);
  }

  #plan(queue: StoreQueue | undefined, request: PullRequest, wanted: Subscription): ReadPlan {
    const countMax = Math.max(1, Math.min(request.countMax, this.#settings.batchMax));
    const bytesMax = Math.min(request.bytesMax ?? this.#settings.bytesMax, this.#settings.bytesMax);
    const records = this.#scan(wanted)?.();
    const { logStart } = this.#parts.store;
    return planRead(queue, request.offset, countMax, bytesMax, wanted.filter, logStart, records);
  }

  /** How to look at the messages themselves, if that is needed. */
  #scan({ propertyFilter }: Subscription): (() => RecordScan) | undefined {
    if (propertyFilter === undefined) return undefined;
    return () => new RecordScan(this.#recordProperties, propertyFilter);
  }

  #hold(
    hold: PullHold,
    queue: StoreQueue,
    request: PullRequest,
    wanted: Subscription,
    channel: ClientChannel,
    resume: () => void,
  ): boolean {
    return hold.hold({
      queue,
      offset: Math.max(request.offset, queue.max),
      filter: wanted.filter,
      scan: this.#scan(wanted),
      timeoutMs: request.waitMs,
      owner: channel,
      resume,
    });
  }

  #checkGroup(name: string): void {
    const group = this.#parts.groups.findOrCreate(name);
    if (group === undefined) {
      throw new MqError('GROUP_NOT_EXIST', `subscription group [${name}] does not exist`, {
        hint: 'create the group, or allow automatic creation',
      });
    }
    if (!group.consumeEnable) throw new MqError('NO_PERMISSION', `subscription group no permission, ${name}`);
    const online = this.#parts.consumers.find(name);
    if (online?.messageModel === 'BROADCASTING' && !group.consumeBroadcastEnable) {
      throw new MqError('NO_PERMISSION', `the consumer group[${name}] can not consume by broadcast way`);
    }
  }

  #subscriptionOf(request: PullRequest): Subscription | Extract<PullOutcome, { kind: 'refused' }> {
    const { consumers, filters } = this.#parts;
    if (request.expression !== undefined) {
      const { topic, expression, expressionType, subscriptionVersion } = request;
      const own = subscription(topic, expression, expressionType, subscriptionVersion, filters);
      consumers.compensate(request.group, own);
      return own;
    }
    const group = consumers.find(request.group);
    if (group === undefined) {
      return refusal(
        'SUBSCRIPTION_NOT_EXIST',
        `the consumer's group info not exist, group: ${request.group}`,
      );
    }
    const present = group.subscriptions.get(request.topic);
    if (present === undefined) {
      return refusal(
        'SUBSCRIPTION_NOT_EXIST',
        `the consumer's subscription not exist, topic: ${request.topic}`,
      );
    }
    if (present.version >= request.subscriptionVersion) return usable(present);
    if (present.expressionType !== 'TAG' || request.expressionType !== 'TAG')
      return refusal('SUBSCRIPTION_NOT_LATEST', "the consumer's subscription not latest");
    // Java 5 makes a new version in every rebalance, and may tell it only in its next heartbeat, 30 s later. Where Java's
    // broker refuses until then, this one leaves the choice to the client, which compares tags in any case.
    return subscription(request.topic, '*', 'TAG', request.subscriptionVersion, filters);
  }
}

function usable(present: Subscription): Subscription | Extract<PullOutcome, { kind: 'refused' }> {
  const { problem } = present;
  if (problem === undefined) return present;
  if (present.expressionType === 'TAG' || problem.kind === 'NOT_SUPPORTED') throw problem;
  return refusal(
    'FILTER_DATA_NOT_EXIST',
    `The broker's consumer filter data is not exist! Your expression may be wrong: ${problem.message}`,
  );
}

/** Nothing is there yet, and the offset is where the next message will be. */
function canWait(plan: ReadPlan, offset: number): boolean {
  if (plan.status === 'OFFSET_OVERFLOW_ONE' || plan.status === 'OFFSET_FOUND_NULL') return true;
  return (plan.status === 'NO_MATCHED_LOGIC_QUEUE' || plan.status === 'NO_MESSAGE_IN_QUEUE') && offset === 0;
}

function refusal(reason: PullRefusal, remark: string): Extract<PullOutcome, { kind: 'refused' }> {
  return { kind: 'refused', reason, remark };
}
