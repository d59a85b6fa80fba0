// What the console's HTTP API takes and answers. The pages import these as types only.
// A member that is missing is unknown (the broker did not say); it is never replaced by 0.

export interface ApiErrorBody {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

/** How much of the question an answer covers. */
export interface Completeness {
  /** Messages looked at. */
  readonly scanned: number;
  readonly matched: number;
  /** False when a bound was reached or a broker did not answer; `notes` says which. */
  readonly complete: boolean;
  readonly notes: readonly string[];
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly total: number;
  readonly offset: number;
  readonly limit: number;
  /** Brokers or items that could not be read, one sentence each. */
  readonly notes: readonly string[];
}

// Cluster

export interface BrokerView {
  readonly name: string;
  readonly cluster: string;
  readonly id: number;
  readonly address: string;
  readonly role: 'master' | 'replica';
  readonly online: boolean;
  readonly fault?: string;
  readonly version?: string;
  readonly startedAtMs?: number;
  readonly putPerSecond?: number;
  readonly getPerSecond?: number;
  readonly putTotal?: number;
  readonly getTotal?: number;
  /** Share of the disk that is full, 0 to 1. */
  readonly diskUsedRatio?: number;
  readonly oldestMessageAtMs?: number;
}

export interface RateSample {
  readonly atMs: number;
  readonly inPerSecond?: number;
  readonly outPerSecond?: number;
}

export interface ClusterView {
  readonly atMs: number;
  readonly nameServers: readonly { readonly address: string; readonly reachable: boolean }[];
  readonly brokers: readonly BrokerView[];
  readonly inPerSecond?: number;
  readonly outPerSecond?: number;
  readonly inTotal?: number;
  readonly outTotal?: number;
  readonly topicCount?: number;
  readonly groupCount?: number;
  /** Over all groups that are not the system's. */
  readonly lag?: number;
  /** Groups whose lag nobody knows; `lag` is the sum of the others. */
  readonly lagUnknownGroups?: number;
  readonly delayMs?: number;
  readonly deadLetters?: number;
  readonly clients?: number;
  /** Oldest first, one sample for each `historyStepMs` since this console started, at most an hour. */
  readonly history: readonly RateSample[];
  readonly historyStepMs: number;
  readonly attention: readonly Attention[];
  readonly notes: readonly string[];
  readonly consoleVersion: string;
}

/** Something a person should look at, worst first. */
export interface Attention {
  readonly severity: 'bad' | 'warn';
  readonly kind:
    'broker-offline' | 'disk' | 'no-broker' | 'group-behind' | 'group-unattended' | 'dead-letters';
  /** Broker or group. */
  readonly subject: string;
  /** What `kind` counts or measures: a share, a lag. */
  readonly value?: number;
  readonly detail?: string;
}

// Topics

export type TopicKind = 'user' | 'retry' | 'dlq' | 'system';
export type MessageType = 'NORMAL' | 'FIFO' | 'DELAY' | 'TRANSACTION' | 'MIXED' | 'LITE' | 'UNSPECIFIED';

export interface TopicSummary {
  readonly name: string;
  readonly kind: TopicKind;
  /** The group that a retry or dead-letter topic belongs to. */
  readonly owner?: string;
  readonly messageType?: MessageType;
  readonly readQueues?: number;
  readonly writeQueues?: number;
  readonly messages?: number;
  readonly inPerSecond?: number;
  readonly lastWriteAtMs?: number;
  readonly groups?: readonly string[];
  /** Why numbers are missing. */
  readonly fault?: string;
}

export interface TopicQueue {
  readonly broker: string;
  readonly queueId: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly inPerSecond?: number;
  readonly lastWriteAtMs?: number;
}

export interface TopicRouteView {
  readonly broker: string;
  readonly cluster: string;
  readonly addresses: Readonly<Record<string, string>>;
  readonly readQueues: number;
  readonly writeQueues: number;
  readonly readable: boolean;
  readonly writable: boolean;
}

export interface ProducerView {
  readonly group: string;
  readonly clientId: string;
  readonly address: string;
  readonly language: string;
  readonly version: string;
}

export interface TopicDetail extends TopicSummary {
  readonly atMs: number;
  readonly queues: readonly TopicQueue[];
  readonly route: readonly TopicRouteView[];
  readonly consumers: readonly GroupOnTopic[];
  /** Of the whole cluster: brokers know who produces, not to which topic. */
  readonly producers?: readonly ProducerView[];
  readonly notes: readonly string[];
}

export interface GroupOnTopic {
  readonly group: string;
  readonly lag?: number;
  readonly clients?: number;
}

export interface TopicCreate {
  readonly name: string;
  readonly queues: number;
  readonly messageType: 'NORMAL' | 'FIFO' | 'DELAY' | 'TRANSACTION';
  /** Broker names; all masters when left out. */
  readonly brokers?: readonly string[] | undefined;
}

export interface TopicDelete {
  /** The topic's name once more. */
  readonly confirm: string;
}

/** Outcome for each broker asked. `complete` is true when every one did it. */
export interface ChangeResult {
  readonly complete: boolean;
  readonly outcomes: readonly { readonly target: string; readonly ok: boolean; readonly detail?: string }[];
}

// Groups

export type ConsumeModel = 'CLUSTERING' | 'BROADCASTING';

export interface GroupSummary {
  readonly name: string;
  readonly system: boolean;
  readonly topics?: readonly string[];
  readonly lag?: number;
  /** Age of the oldest message not consumed yet, as far as the broker tells. */
  readonly delayMs?: number;
  readonly clients?: number;
  readonly model?: ConsumeModel;
  readonly consumeType?: string;
  readonly outPerSecond?: number;
  readonly deadLetters?: number;
  readonly fault?: string;
}

export interface GroupQueue {
  readonly topic: string;
  readonly broker: string;
  readonly queueId: number;
  readonly brokerOffset: number;
  /** Missing when the group never committed on this queue. */
  readonly consumerOffset?: number;
  readonly lag: number;
  readonly ownerClientId?: string;
  /** Store time of the last message that was consumed. */
  readonly lastConsumedStoredAtMs?: number;
}

export interface SubscriptionView {
  readonly topic: string;
  readonly expression: string;
  readonly type: string;
}

export interface ConsumerClientView {
  readonly clientId: string;
  readonly address: string;
  readonly language: string;
  readonly version: string;
}

export interface GroupDetail extends GroupSummary {
  readonly atMs: number;
  readonly queues: readonly GroupQueue[];
  readonly connections: readonly ConsumerClientView[];
  readonly subscriptions: readonly SubscriptionView[];
  readonly consumeFrom?: string;
  /** Messages written per second to the topics the group reads. */
  readonly inPerSecond?: number;
  readonly notes: readonly string[];
}

export interface ClientRunningInfo {
  readonly clientId: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly subscriptions: readonly SubscriptionView[];
  readonly queues: readonly {
    readonly queue: string;
    readonly info: Readonly<Record<string, string | number | boolean>>;
  }[];
  /** Milliseconds and messages a second, as the client measured. */
  readonly rates: readonly {
    readonly topic: string;
    readonly pullRT: number;
    readonly pullTPS: number;
    readonly consumeRT: number;
    readonly consumeOKTPS: number;
    readonly consumeFailedTPS: number;
    readonly consumeFailedMsgs: number;
  }[];
  readonly stack?: string;
}

// Rewind

export type RewindTarget =
  | { readonly kind: 'earliest' }
  | { readonly kind: 'latest' }
  | { readonly kind: 'time'; readonly atMs: number };

export interface RewindPreviewRequest {
  readonly topic: string;
  readonly target: RewindTarget;
}

export interface RewindQueue {
  readonly broker: string;
  readonly queueId: number;
  /** Missing when the group never committed on this queue. */
  readonly from?: number;
  readonly to: number;
  /** Messages that will be delivered again. */
  readonly replayed: number;
  /** Messages that will not be delivered any more. */
  readonly skipped: number;
  readonly minOffset: number;
  readonly maxOffset: number;
}

export interface RewindPreview {
  /** Good for one apply until `expiresAtMs`. */
  readonly token: string;
  readonly expiresAtMs: number;
  readonly group: string;
  readonly topic: string;
  readonly target: RewindTarget;
  readonly queues: readonly RewindQueue[];
  readonly replayed: number;
  readonly skipped: number;
  readonly onlineClients: number;
  /** Online groups are told by the broker, offline ones get their stored offsets changed. */
  readonly path: 'online' | 'offline';
}

export interface RewindApplyRequest {
  readonly token: string;
  /** The group's name, typed. */
  readonly confirm: string;
}

export interface RewindResult {
  readonly group: string;
  readonly topic: string;
  readonly path: 'online' | 'offline';
  readonly complete: boolean;
  readonly notes: readonly string[];
  readonly queues: readonly {
    readonly broker: string;
    readonly queueId: number;
    readonly from?: number;
    /** What was planned. */
    readonly to: number;
    /** What is in force now, as the broker says; missing when it did not answer. */
    readonly now?: number;
  }[];
}

// Messages

export interface MessageSummary {
  readonly topic: string;
  readonly broker: string;
  readonly queueId: number;
  readonly queueOffset: number;
  /** The id the sender got (UNIQ_KEY), else the offset id. */
  readonly messageId: string;
  readonly offsetMessageId: string;
  readonly keys: readonly string[];
  readonly tag?: string;
  readonly bornAtMs: number;
  readonly storedAtMs: number;
  /** As the producer gave it; missing when it can't be unpacked. */
  readonly bodyBytes?: number;
  readonly reconsumeTimes: number;
  /** The first characters of a body that is text. */
  readonly bodyPreview?: string;
}

export interface MessageList extends Completeness {
  readonly items: readonly MessageSummary[];
  /** Give it back to go on where this answer stopped. */
  readonly nextCursor?: string;
}

export interface MessageDetail extends MessageSummary {
  readonly userProperties: Readonly<Record<string, string>>;
  readonly systemProperties: Readonly<Record<string, string>>;
  readonly bornHost: string;
  readonly storeHost: string;
  readonly physicalOffset: number;
  readonly sizeBytes: number;
  readonly bodyCrc: number;
  readonly sysFlag: number;
  readonly flag: number;
  readonly transactional: boolean;
  readonly deliverAtMs?: number;
  readonly bodyBase64: string;
  readonly bodyTruncated: boolean;
  readonly compressed: boolean;
  /** The body says it is compressed but can't be unpacked; `bodyBase64` is what is stored. */
  readonly bodyDamaged: boolean;
}
