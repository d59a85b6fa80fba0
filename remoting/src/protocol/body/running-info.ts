import type { SubscriptionData } from './heartbeat.ts';
import { readSubscriptionData } from './heartbeat.ts';
import type { MessageQueue } from './message-queue.ts';
import { readMessageQueue } from './message-queue.ts';
import { asArray, asBoolean, asInteger, asObject, asString, asStringRecord } from './shape.ts';
import { mapEntries } from './tolerant-json.ts';

/** What a consumer says of one of its queues. */
export interface ProcessQueueInfo extends MessageQueue {
  readonly commitOffset: number;
  readonly cachedMsgMinOffset: number;
  readonly cachedMsgMaxOffset: number;
  readonly cachedMsgCount: number;
  readonly cachedMsgSizeInMiB: number;
  readonly locked: boolean;
  readonly dropped: boolean;
  /** ms. */
  readonly lastPullTimestamp: number;
  readonly lastConsumeTimestamp: number;
}

/** What a consumer says of one topic. */
export interface ConsumeStatus {
  readonly topic: string;
  readonly pullRT: number;
  readonly pullTPS: number;
  readonly consumeRT: number;
  readonly consumeOKTPS: number;
  readonly consumeFailedTPS: number;
  readonly consumeFailedMsgs: number;
}

/** Answer of GET_CONSUMER_RUNNING_INFO (307), written by the client itself. */
export interface ConsumerRunningInfo {
  readonly properties: Readonly<Record<string, string>>;
  readonly subscriptions: readonly SubscriptionData[];
  readonly queues: readonly ProcessQueueInfo[];
  readonly status: readonly ConsumeStatus[];
  readonly jstack?: string;
}

export function readRunningInfo(value: unknown): ConsumerRunningInfo {
  const members = asObject(value);
  const jstack = asString(members['jstack']);
  return {
    properties: asStringRecord(members['properties']),
    subscriptions: asArray(members['subscriptionSet']).map(readSubscriptionData),
    queues: mapEntries(members['mqTable']).map(([queue, info]) => readProcessQueue(queue, info)),
    status: mapEntries(members['statusTable']).map(([topic, status]) => readStatus(asString(topic), status)),
    ...(jstack === '' ? {} : { jstack }),
  };
}

function readProcessQueue(queue: unknown, value: unknown): ProcessQueueInfo {
  const members = asObject(value);
  return {
    ...readMessageQueue(queue),
    commitOffset: asInteger(members['commitOffset']),
    cachedMsgMinOffset: asInteger(members['cachedMsgMinOffset']),
    cachedMsgMaxOffset: asInteger(members['cachedMsgMaxOffset']),
    cachedMsgCount: asInteger(members['cachedMsgCount']),
    cachedMsgSizeInMiB: asInteger(members['cachedMsgSizeInMiB']),
    locked: asBoolean(members['locked']),
    // Java's spelling, then Go's.
    dropped: asBoolean(members['droped'] ?? members['dropped']),
    lastPullTimestamp: asInteger(members['lastPullTimestamp']),
    lastConsumeTimestamp: asInteger(members['lastConsumeTimestamp']),
  };
}

function readStatus(topic: string, value: unknown): ConsumeStatus {
  const members = asObject(value);
  const decimal = (name: string): number => (typeof members[name] === 'number' ? members[name] : 0);
  return {
    topic,
    pullRT: decimal('pullRT'),
    pullTPS: decimal('pullTPS'),
    consumeRT: decimal('consumeRT'),
    consumeOKTPS: decimal('consumeOKTPS'),
    consumeFailedTPS: decimal('consumeFailedTPS'),
    consumeFailedMsgs: asInteger(members['consumeFailedMsgs']),
  };
}
