import type { FoundMessage } from '@cometmq/client/admin/message-admin';
import type { ResetPlan, ResetResult, ResetTarget } from '@cometmq/client/admin/offset-reset';
import type { TopicKind } from './api-contract.ts';

// What the console needs from the admin client, one method a question. `MqAdminSource` answers from a cluster; tests
// answer from memory. Every method rejects with an MqError when nobody could be asked.

/** An answer put together from several brokers. */
export interface Gathered<T> {
  readonly items: readonly T[];
  /** One sentence for each broker that did not answer: then `items` is not all there is. */
  readonly failures: readonly string[];
}

export interface BrokerAddress {
  readonly cluster: string;
  readonly name: string;
  /** 0 is the master. */
  readonly id: number;
  readonly address: string;
}

export interface BrokerStatus extends BrokerAddress {
  /** The broker's own key-value table (Java: BrokerRuntimeInfo); missing when it did not answer. */
  readonly runtime?: Readonly<Record<string, string>>;
  readonly fault?: string;
}

export interface ClusterStatus {
  readonly nameServers: readonly { readonly address: string; readonly reachable: boolean }[];
  readonly brokers: readonly BrokerStatus[];
}

export interface TopicName {
  readonly name: string;
  readonly kind: TopicKind;
}

/** What happened on one server of a change. */
export interface ServerOutcome {
  readonly target: string;
  readonly ok: boolean;
  readonly detail?: string;
}

export interface RouteEntry {
  readonly broker: string;
  readonly cluster: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly readQueues: number;
  readonly writeQueues: number;
  /** Bits of `Perm`. */
  readonly perm: number;
}

export interface QueueId {
  readonly topic: string;
  readonly broker: string;
  readonly queueId: number;
}

export interface QueueStats extends QueueId {
  readonly minOffset: number;
  readonly maxOffset: number;
  /** 0 when nothing was written. */
  readonly lastUpdateTimestamp: number;
}

export interface QueueProgress extends QueueId {
  readonly brokerOffset: number;
  /** -1 when the group never committed on this queue. */
  readonly consumerOffset: number;
  /** Store time of the last consumed message; 0 when unknown. */
  readonly lastTimestamp: number;
}

export interface GroupClient {
  readonly clientId: string;
  readonly address: string;
  readonly language: string;
  readonly version: string;
}

export interface GroupSubscription {
  readonly topic: string;
  readonly expression: string;
  readonly type: string;
}

export interface GroupConnection {
  readonly clients: readonly GroupClient[];
  readonly subscriptions: readonly GroupSubscription[];
  readonly messageModel?: string;
  readonly consumeType?: string;
  readonly consumeFromWhere?: string;
}

export interface TopicProducer extends GroupClient {
  readonly group: string;
}

export interface RunningInfo {
  readonly properties: Readonly<Record<string, string>>;
  readonly subscriptions: readonly GroupSubscription[];
  readonly queues: readonly {
    readonly queue: string;
    readonly info: Readonly<Record<string, string | number | boolean>>;
  }[];
  readonly rates: readonly ClientRates[];
  readonly stack?: string;
}

/** What a consumer says of one topic: milliseconds and messages a second. */
export interface ClientRates {
  readonly topic: string;
  readonly pullRT: number;
  readonly pullTPS: number;
  readonly consumeRT: number;
  readonly consumeOKTPS: number;
  readonly consumeFailedTPS: number;
  readonly consumeFailedMsgs: number;
}

export interface TopicSpec {
  readonly name: string;
  readonly queues: number;
  /** Value of the attribute `message.type`. */
  readonly messageType: string;
}

export interface PulledMessages {
  readonly messages: readonly FoundMessage[];
  /** Where to read on. */
  readonly nextOffset: number;
}

export interface ConsoleAdmin {
  clusterStatus(): Promise<ClusterStatus>;

  topics(): Promise<Gathered<TopicName>>;
  /** Empty when no broker has the topic. */
  topicRoute(topic: string): Promise<readonly RouteEntry[]>;
  /** Attribute `message.type`, when the broker tells. */
  topicType(topic: string): Promise<string | undefined>;
  topicStats(topic: string): Promise<Gathered<QueueStats>>;
  topicGroups(topic: string): Promise<Gathered<string>>;
  /** Of all topics: brokers know who produces, not to which topic. */
  producers(): Promise<Gathered<TopicProducer>>;
  /** On all masters when `brokers` is left out. */
  createTopic(spec: TopicSpec, brokers: readonly string[] | undefined): Promise<readonly ServerOutcome[]>;
  deleteTopic(topic: string): Promise<readonly ServerOutcome[]>;

  groupNames(): Promise<Gathered<string>>;
  groupProgress(group: string): Promise<Gathered<QueueProgress>>;
  /** Undefined when no client of the group is online. */
  groupConnection(group: string): Promise<GroupConnection | undefined>;
  /** Which client owns a queue, keyed by `queueKey`, as far as clients answer. */
  queueOwners(group: string): Promise<ReadonlyMap<string, string>>;
  runningInfo(group: string, clientId: string, withStack: boolean): Promise<RunningInfo>;
  /** Where a reset would lead; changes nothing. */
  planReset(group: string, topic: string, target: ResetTarget): Promise<ResetPlan>;
  applyReset(plan: ResetPlan): Promise<ResetResult>;

  /** The first offset stored at or after `timestamp`. */
  searchOffset(queue: QueueId, timestamp: number): Promise<number>;
  pull(queue: QueueId, offset: number, maxCount: number): Promise<PulledMessages>;
  queryByKey(topic: string, key: string, maxCount: number): Promise<Gathered<FoundMessage>>;
  queryByUniqueKey(topic: string, uniqueKey: string): Promise<Gathered<FoundMessage>>;
  /** By the id that the broker gave; undefined when there is no message at that place. */
  viewMessage(offsetMessageId: string): Promise<FoundMessage | undefined>;
  close(): Promise<void>;
}

/** One text for a queue, for maps. */
export function queueKey(queue: QueueId): string {
  return `${queue.topic} ${queue.broker} ${queue.queueId}`;
}
