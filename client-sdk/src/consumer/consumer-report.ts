import type { ConsumerData } from '@cometmq/remoting/protocol/body/heartbeat';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import { objectKeyMap } from '@cometmq/remoting/protocol/body/message-queue';
import { PROTOCOL_VERSION_NAME } from '@cometmq/remoting/protocol/version';
import type { ClientContext } from '../client/client-context.ts';
import type { AssignedQueue } from './assignment.ts';
import type { ConsumerSettings } from './consumer-settings.ts';
import type { ConsumeStats } from './consume-stats.ts';
import type { OffsetStore } from './offset-store.ts';

export interface ReportSource {
  readonly context: ClientContext;
  readonly settings: ConsumerSettings;
  readonly data: ConsumerData;
  readonly startedAtMs: number;
  readonly queues: readonly AssignedQueue[];
  readonly store: OffsetStore;
  readonly stats: ReadonlyMap<string, ConsumeStats>;
  readonly isLocked: (queue: MessageQueue) => boolean;
}

/** Body of the answer to GET_CONSUMER_RUNNING_INFO (Java: ConsumerRunningInfo), in fastjson's object-key form. */
export function runningInfoBody(source: ReportSource): Buffer {
  const members = [
    `"jstack":${JSON.stringify('')}`,
    '"mqPopTable":{}',
    `"mqTable":${objectKeyMap(source.queues.map((assigned) => [assigned.process.queue, queueInfo(source, assigned)]))}`,
    `"properties":${JSON.stringify(properties(source))}`,
    `"statusTable":${JSON.stringify(statusTable(source.stats))}`,
    `"subscriptionSet":${JSON.stringify(source.data.subscriptionDataSet)}`,
    '"userConsumerInfo":{}',
  ];
  return Buffer.from(`{${members.join(',')}}`);
}

/** Body of the answer to GET_CONSUMER_STATUS_FROM_CLIENT: progress by queue. */
export function consumerStatusBody(
  topic: string,
  queues: readonly AssignedQueue[],
  store: OffsetStore,
): Buffer {
  const entries = queues
    .filter(({ process }) => process.queue.topic === topic)
    .map(({ process }) => [process.queue, store.current(process.queue) ?? 0] as const);
  return Buffer.from(`{"messageQueueTable":${objectKeyMap(entries)}}`);
}

function queueInfo(
  { context, store, isLocked }: ReportSource,
  { process }: AssignedQueue,
): Record<string, unknown> {
  const wall = (monotonicMs: number): number =>
    Math.round(context.clock.now() - (context.clock.monotonic() - monotonicMs));
  return {
    cachedMsgCount: process.count,
    cachedMsgMaxOffset: process.maxOffset,
    cachedMsgMinOffset: process.minOffset,
    cachedMsgSizeInMiB: Math.floor(process.bytes / (1024 * 1024)),
    commitOffset: store.current(process.queue) ?? 0,
    droped: process.dropped,
    lastConsumeTimestamp: wall(process.lastConsumeMs),
    lastLockTimestamp: 0,
    lastPullTimestamp: wall(process.lastPullMs),
    locked: isLocked(process.queue),
    transactionMsgCount: 0,
    transactionMsgMaxOffset: 0,
    transactionMsgMinOffset: 0,
    tryUnlockTimes: 0,
  };
}

function properties({ context, settings, data, startedAtMs }: ReportSource): Record<string, string> {
  return {
    PROP_NAMESERVER_ADDR: `${context.nameServers.join(';')};`,
    PROP_CONSUME_TYPE: data.consumeType,
    PROP_CLIENT_VERSION: PROTOCOL_VERSION_NAME,
    PROP_CONSUMEORDERLY: String(settings.ordered),
    PROP_THREADPOOL_CORE_SIZE: String(settings.concurrency),
    PROP_CONSUMER_START_TIMESTAMP: String(startedAtMs),
    consumerGroup: data.groupName,
    messageModel: data.messageModel,
    consumeFromWhere: data.consumeFromWhere,
    pullThresholdForQueue: String(settings.prefetch),
    maxReconsumeTimes: String(settings.maxReconsumeTimes),
    consumeTimeout: String(Math.ceil(settings.timeoutMs / 60_000)),
    consumeMessageBatchMaxSize: String(settings.batchMax),
  };
}

function statusTable(stats: ReadonlyMap<string, ConsumeStats>): Record<string, unknown> {
  return Object.fromEntries([...stats].map(([topic, counters]) => [topic, counters.report()]));
}
