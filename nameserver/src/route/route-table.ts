import { Perm } from '@cometmq/common/message/sys-flag';
import type { DataVersion, TopicConfig } from '@cometmq/common/topic/topic-config';
import { sameDataVersion } from '@cometmq/common/topic/topic-config';
import type { QueueData } from '@cometmq/remoting/protocol/body/route';
import type { NameServerConfig } from '../config/name-server-config.ts';
import type {
  Admission,
  BrokerChannel,
  BrokerGroup,
  BrokerIdentity,
  BrokerRegistration,
} from './broker-table.ts';
import { BrokerTable } from './broker-table.ts';
import { TopicTable } from './topic-table.ts';

/** A broker's request to be known, with its topics. */
export interface RegistrationRequest extends BrokerIdentity {
  readonly haServerAddr: string;
  readonly heartbeatTimeoutMs: number;
  /** Undefined from brokers before 5.0. */
  readonly enableActingMaster: boolean | undefined;
  readonly dataVersion: DataVersion;
  readonly topics: readonly TopicConfig[];
}

export type RegistrationResult =
  | {
      readonly status: 'REGISTERED';
      readonly master: BrokerRegistration | undefined;
      /** The registration was held by another open connection until now: a broker that came back, or a twin. */
      readonly tookOver: boolean;
    }
  | Exclude<Admission, { status: 'ADMITTED' }>
  | { readonly status: 'TOPICS_FULL' | 'UNKNOWN_BROKER' };

export type UnregistrationResult =
  | { readonly status: 'REMOVED' | 'UNKNOWN_BROKER' }
  | { readonly status: 'NOT_HOLDER'; readonly holder: BrokerRegistration };

/** Who a later request says it comes from; heartbeats leave out the id. */
export type ClaimedIdentity = Omit<BrokerIdentity, 'brokerId'> & { readonly brokerId?: number | undefined };

export type RouteLimits = Pick<NameServerConfig, 'brokersMax' | 'topicsMax' | 'queueDatasMax'>;

const MASTER_ID = 0;

/**
 * Brokers and their topics (Java: RouteInfoManager). Holds no clock and no socket: times are monotonic ms and come with
 * each call. Whatever is asked of a live broker's registration counts only over the connection that holds it.
 */
export class RouteTable {
  readonly brokers: BrokerTable;
  readonly topics: TopicTable;
  /** Version of the topic table that each registered broker last sent. */
  readonly #dataVersions = new WeakMap<BrokerRegistration, DataVersion>();

  constructor(limits: RouteLimits) {
    this.brokers = new BrokerTable(limits.brokersMax);
    this.topics = new TopicTable(limits.topicsMax, limits.queueDatasMax);
  }

  register(request: RegistrationRequest, channel: BrokerChannel, nowMs: number): RegistrationResult {
    const claim = registrationOf(request, channel, nowMs);
    this.#dropExpiredRivals(claim, nowMs);
    const admission = this.brokers.judge(claim);
    if (admission.status !== 'ADMITTED') return admission;
    const known = this.#sameBroker(claim);
    const names = request.topics.map((topic) => topic.topicName);
    // A part of the topics says nothing about a broker whose other topics are unknown.
    if (known === undefined && names.length === 1 && admission.displaced.length === 0)
      return { status: 'UNKNOWN_BROKER' };
    const fits = this.topics.hasRoomFor(names, request.brokerName);
    if (!fits && known === undefined) return { status: 'TOPICS_FULL' };

    for (const displaced of admission.displaced) this.#displace(displaced, claim);
    const group = this.brokers.put(claim, request.enableActingMaster === true);
    const before = known === undefined ? undefined : this.#dataVersions.get(known);
    // A live broker whose topics no longer fit stays, with the topics it had.
    if (!fits) {
      if (before !== undefined) this.#dataVersions.set(claim, before);
      return { status: 'TOPICS_FULL' };
    }
    this.#dataVersions.set(claim, request.dataVersion);
    if (speaksForGroup(claim, group, request)) this.#takeTopics(request, before);
    const tookOver = known !== undefined && known.channel !== channel;
    return { status: 'REGISTERED', master: group.members.get(MASTER_ID), tookOver };
  }

  /** A broker says goodbye. */
  unregister(identity: ClaimedIdentity, channel: BrokerChannel): UnregistrationResult {
    const holder = this.brokers.at(identity.brokerAddr);
    if (holder === undefined) return { status: 'UNKNOWN_BROKER' };
    if (!speaksFor(channel, holder, identity)) return { status: 'NOT_HOLDER', holder };
    this.#remove(holder);
    return { status: 'REMOVED' };
  }

  /** A sign of life. False when this connection does not hold the registration: the broker must register again. */
  heard(identity: ClaimedIdentity, channel: BrokerChannel, nowMs: number): boolean {
    const holder = this.brokers.at(identity.brokerAddr);
    if (holder === undefined || !speaksFor(channel, holder, identity)) return false;
    holder.lastHeardMs = nowMs;
    return true;
  }

  /** Version of the topic table that the broker at this address last registered. */
  dataVersionAt(brokerAddr: string): DataVersion | undefined {
    const registration = this.brokers.at(brokerAddr);
    return registration && this.#dataVersions.get(registration);
  }

  /** Forgets the brokers that a closed connection spoke for, and returns them. */
  channelClosed(channel: BrokerChannel): BrokerRegistration[] {
    return this.#removeAll((registration) => registration.channel === channel);
  }

  /** Forgets the brokers that were silent for too long, and returns them. */
  expire(nowMs: number): BrokerRegistration[] {
    return this.#removeAll((registration) => isExpired(registration, nowMs));
  }

  /** Does not hold a span of time against anybody: we could not hear. */
  excuse(durationMs: number): void {
    for (const registration of this.brokers.registrations) registration.lastHeardMs += durationMs;
  }

  /** REGISTER_TOPIC_IN_NAMESRV: queues of a topic of brokers that the connection speaks for. */
  registerTopic(
    topic: string,
    queueDatas: readonly QueueData[],
    channel: BrokerChannel,
  ): { readonly status: 'REGISTERED' | 'NOT_HOLDER' | 'TOPICS_FULL' } {
    for (const { brokerName } of queueDatas) {
      const members = [...(this.brokers.group(brokerName)?.members.values() ?? [])];
      if (!members.some((member) => member.channel === channel)) return { status: 'NOT_HOLDER' };
      if (!this.topics.hasRoomFor([topic], brokerName)) return { status: 'TOPICS_FULL' };
    }
    for (const queueData of queueDatas) this.topics.put(topic, queueData);
    return { status: 'REGISTERED' };
  }

  /** DELETE_TOPIC_IN_NAMESRV. A broker that still has the topic brings it back with its next registration. */
  deleteTopic(topic: string, clusterName: string | undefined): void {
    if (clusterName === undefined) {
      this.topics.remove(topic);
      return;
    }
    for (const group of this.brokers.groups) {
      if (group.clusterName === clusterName) this.topics.remove(topic, group.brokerName);
    }
  }

  /** Takes the write permission from all topics of a broker, or gives it back. Returns the number of topics. */
  setWritable(brokerName: string, writable: boolean): number {
    const group = this.brokers.group(brokerName);
    if (group === undefined) return 0;
    group.writeWiped = !writable;
    return this.topics.countOf(brokerName);
  }

  #takeTopics(request: RegistrationRequest, before: DataVersion | undefined): void {
    const changed = before === undefined || !sameDataVersion(before, request.dataVersion);
    for (const config of request.topics) {
      if (changed || !this.topics.has(config.topicName, request.brokerName)) {
        this.topics.put(config.topicName, queueDataOf(config, request.brokerName));
      }
    }
  }

  #sameBroker(claim: BrokerRegistration): BrokerRegistration | undefined {
    const registration = this.brokers.group(claim.brokerName)?.members.get(claim.brokerId);
    return registration?.brokerAddr === claim.brokerAddr ? registration : undefined;
  }

  /** Between two scans the dead may still be listed; they hold nothing any more. */
  #dropExpiredRivals(claim: BrokerRegistration, nowMs: number): void {
    const rivals = [
      this.brokers.at(claim.brokerAddr),
      ...(this.brokers.group(claim.brokerName)?.members.values() ?? []),
    ];
    for (const rival of rivals) {
      if (rival !== undefined && rival.channel !== claim.channel && isExpired(rival, nowMs))
        this.#remove(rival);
    }
  }

  #removeAll(matches: (registration: BrokerRegistration) => boolean): BrokerRegistration[] {
    const removed = [...this.brokers.registrations].filter(matches);
    for (const registration of removed) this.#remove(registration);
    return removed;
  }

  /** As `#remove`, but what moves within its own name keeps the topics of that name. */
  #displace(registration: BrokerRegistration, claim: BrokerRegistration): void {
    const last = this.brokers.remove(registration);
    if (last && registration.brokerName !== claim.brokerName)
      this.topics.removeBroker(registration.brokerName);
  }

  #remove(registration: BrokerRegistration): void {
    const last = this.brokers.remove(registration);
    if (last) this.topics.removeBroker(registration.brokerName);
  }
}

/** True when `channel` holds the registration and the identity is the registered one. */
function speaksFor(channel: BrokerChannel, holder: BrokerRegistration, identity: ClaimedIdentity): boolean {
  return (
    holder.channel === channel &&
    holder.clusterName === identity.clusterName &&
    holder.brokerName === identity.brokerName &&
    (identity.brokerId === undefined || holder.brokerId === identity.brokerId)
  );
}

/** The master's topics count; without one, those of the lowest replica (not before 5.0). */
function speaksForGroup(
  claim: BrokerRegistration,
  group: BrokerGroup,
  request: RegistrationRequest,
): boolean {
  if (claim.brokerId === MASTER_ID) return true;
  return request.enableActingMaster !== undefined && claim.brokerId === Math.min(...group.members.keys());
}

function isExpired(registration: BrokerRegistration, nowMs: number): boolean {
  return registration.lastHeardMs + registration.heartbeatTimeoutMs < nowMs;
}

function registrationOf(
  request: RegistrationRequest,
  channel: BrokerChannel,
  nowMs: number,
): BrokerRegistration {
  const { clusterName, brokerName, brokerId, brokerAddr, haServerAddr, heartbeatTimeoutMs, dataVersion } =
    request;
  const identity = { clusterName, brokerName, brokerId, brokerAddr };
  return {
    ...identity,
    haServerAddr,
    heartbeatTimeoutMs,
    stateVersion: dataVersion.stateVersion,
    channel,
    lastHeardMs: nowMs,
  };
}

function queueDataOf(config: TopicConfig, brokerName: string): QueueData {
  const { perm, readQueueNums, topicSysFlag, writeQueueNums } = config;
  return { brokerName, perm: perm & PERM_BITS, readQueueNums, topicSysFlag, writeQueueNums };
}

/** Inherit, write, read and priority. */
const PERM_BITS = Perm.ALL | 8;
