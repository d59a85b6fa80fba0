import type { Clock } from '@cometmq/common/clock/clock';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import type { Logger } from '@cometmq/common/logging/logger';
import { silentLogger } from '@cometmq/common/logging/logger';
import type { Net } from '@cometmq/common/net/net';
import { NodeNet } from '@cometmq/common/net/node-net';
import type { RandomSource } from '@cometmq/common/random/random';
import { SystemRandom } from '@cometmq/common/random/system-random';
import { ChannelPool } from '@cometmq/remoting/transport/channel-pool';
import type { AdminTransport } from './admin-session.ts';
import { AdminSession } from './admin-session.ts';
import { BrokerAdmin } from './broker-admin.ts';
import { ClientAdmin } from './client-admin.ts';
import { ClusterAdmin } from './cluster-admin.ts';
import { GroupAdmin } from './group-admin.ts';
import type { GroupProgress, ProgressOptions } from './group-progress.ts';
import { groupProgress } from './group-progress.ts';
import { MessageAdmin } from './message-admin.ts';
import { MessageBrowser } from './message-browser.ts';
import type { FoundMessage } from './message-admin.ts';
import { MessageSender } from './message-sender.ts';
import type { MessageTracks } from './message-tracks.ts';
import { messageTracks } from './message-tracks.ts';
import { NameServerAdmin } from './name-server-admin.ts';
import { OffsetAdmin } from './offset-admin.ts';
import { OffsetClone } from './offset-clone.ts';
import { OffsetReset } from './offset-reset.ts';
import { ScheduleAdmin } from './schedule-admin.ts';
import { TopicAdmin } from './topic-admin.ts';
import { TransactionAdmin } from './transaction-admin.ts';

export interface AdminOptions {
  /** `host:port`, several as a list or separated by `;`. */
  readonly nameServers: string | readonly string[];
  /** How long one request may take, ms; 5000 unless told. */
  readonly timeoutMs?: number;
  readonly connectTimeoutMs?: number;
  readonly log?: Logger;
  readonly net?: Net;
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /** Carries requests instead of TCP connections of its own. */
  readonly transport?: AdminTransport;
}

const TIMEOUT_MS = 5000;
const CONNECT_TIMEOUT_MS = 3000;

/**
 * Administration of a cluster, CometMQ's or Apache RocketMQ's, over name servers and brokers. Offsets and times are
 * numbers (exact to 2^53; times in milliseconds). Results that were put together from several brokers say whether they
 * are complete and which broker is missing. Failures are `MqError`s; `ResponseError` when a server refused.
 */
export class MqAdmin {
  readonly cluster: ClusterAdmin;
  readonly brokers: BrokerAdmin;
  readonly nameServers: NameServerAdmin;
  readonly topics: TopicAdmin;
  readonly groups: GroupAdmin;
  readonly clients: ClientAdmin;
  readonly offsets: OffsetAdmin;
  readonly reset: OffsetReset;
  readonly clone: OffsetClone;
  readonly messages: MessageAdmin;
  readonly browser: MessageBrowser;
  readonly sender: MessageSender;
  readonly transactions: TransactionAdmin;
  readonly schedules: ScheduleAdmin;
  readonly #session: AdminSession;

  constructor(options: AdminOptions) {
    const clock = options.clock ?? new SystemClock();
    const transport = options.transport ?? channelPool(options, clock);
    const session = new AdminSession(
      transport,
      nameServerList(options.nameServers),
      options.timeoutMs ?? TIMEOUT_MS,
    );
    this.#session = session;
    this.cluster = new ClusterAdmin(session);
    this.brokers = new BrokerAdmin(session);
    this.nameServers = new NameServerAdmin(session);
    this.topics = new TopicAdmin(session);
    this.groups = new GroupAdmin(session, this.topics);
    this.clients = new ClientAdmin(session);
    this.offsets = new OffsetAdmin(session);
    this.reset = new OffsetReset(session, this.offsets, this.clients);
    this.clone = new OffsetClone(this.offsets, this.clients);
    this.messages = new MessageAdmin(session);
    this.browser = new MessageBrowser(session, this.offsets);
    this.transactions = new TransactionAdmin(session);
    this.schedules = new ScheduleAdmin(session);
    this.sender = new MessageSender(session, clock, options.random ?? new SystemRandom());
  }

  /** How far a group is in all its topics. */
  progress(group: string, options: ProgressOptions = {}): Promise<GroupProgress> {
    return groupProgress(this.#session, this.clients, group, options);
  }

  /** Which groups consumed a message. */
  tracks(message: FoundMessage): Promise<MessageTracks> {
    return messageTracks(this.topics, this.clients, this.offsets, message);
  }

  /** Closes all connections. */
  close(): Promise<void> {
    return this.#session.close();
  }
}

export function createAdmin(options: AdminOptions): MqAdmin {
  return new MqAdmin(options);
}

/** Name servers of a list or of text such as `a:9876;b:9876`. */
export function nameServerList(nameServers: string | readonly string[]): string[] {
  const texts = typeof nameServers === 'string' ? nameServers.split(/[;,\s]+/) : nameServers;
  return texts.map((text) => text.trim()).filter((text) => text !== '');
}

function channelPool(options: AdminOptions, clock: Clock): ChannelPool {
  return new ChannelPool({
    net: options.net ?? new NodeNet(),
    clock,
    log: options.log ?? silentLogger,
    connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
    handleRequest: () => undefined,
  });
}
