import type { Disk } from '@cometmq/common/disk/disk';
import type { Logger } from '@cometmq/common/logging/logger';
import { silentLogger } from '@cometmq/common/logging/logger';
import type { TopicConfig } from '@cometmq/common/topic/topic-config';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import type { NameServerConfigInput } from '@cometmq/nameserver/config/name-server-config';
import { NameServer } from '@cometmq/nameserver/name-server';
import { registrationCrc, writeRegisterBrokerBody } from '@cometmq/remoting/protocol/body/register-broker';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import { ManualClock } from '../../../support/manual-clock.ts';
import { MemoryNet } from '../../../support/memory-net.ts';
import { FakeDisk } from './fake-disk.ts';

export const PORT = 9876;
const TIMEOUT_MS = 1000;

export interface BrokerOptions {
  readonly clusterName?: string;
  readonly brokerName?: string;
  readonly brokerId?: number;
  readonly brokerAddr?: string;
  readonly topics?: readonly TopicConfig[];
  readonly counter?: number;
  readonly stateVersion?: number;
  readonly heartbeatTimeoutMs?: number;
  readonly enableActingMaster?: boolean;
}

export const TOPICS = [topicConfig('TopicTest', 4), topicConfig('TBW102', 8, 7)];

/** A clock of a process that may stand still: its timers run late by `stalledMs`. */
class StallingClock extends ManualClock {
  stalledMs = 0;

  override monotonic(): number {
    return super.monotonic() + this.stalledMs;
  }
}

/** A name server on a network in memory, with time that the test moves. */
export class Harness {
  readonly clock = new StallingClock();
  readonly net = new MemoryNet(this.clock);
  readonly disk = new FakeDisk();
  readonly warnings: string[] = [];
  server: NameServer | undefined;

  async start(config: NameServerConfigInput = {}, dataDir?: string): Promise<NameServer> {
    const log: Logger = { ...silentLogger, warn: (_fields, text) => void this.warnings.push(text) };
    const disk: Disk = this.disk;
    const { clock, net } = this;
    const server = new NameServer({ net, clock, disk, log, host: '127.0.0.1', port: PORT, dataDir, config });
    await server.start();
    this.server = server;
    return server;
  }

  async connect(): Promise<Peer> {
    let channel: RemotingChannel | undefined;
    await this.net.connect('127.0.0.1', PORT, TIMEOUT_MS, (stream) => {
      channel = new RemotingChannel(stream, {
        clock: this.clock,
        log: silentLogger,
        handleRequest: () => undefined,
      });
      return channel;
    });
    if (channel === undefined) throw new Error('not connected');
    return new Peer(this.clock, channel);
  }

  /** A connected broker that has registered. */
  async broker(options: BrokerOptions = {}): Promise<Peer> {
    const peer = await this.connect();
    const answer = await peer.register(options);
    if (answer.code !== 0) throw new Error(answer.remark);
    return peer;
  }

  /** Route of a topic as any client gets it, undefined when it has none. */
  async route(topic: string): Promise<RouteBody | undefined> {
    const client = await this.connect();
    const answer = await client.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, { topic });
    client.close();
    return answer.code === 0 ? (parseBody(answer.body) as RouteBody) : undefined;
  }
}

export interface RouteBody {
  readonly brokerDatas: readonly {
    brokerName: string;
    cluster: string;
    brokerAddrs: Record<string, string>;
  }[];
  readonly queueDatas: readonly { brokerName: string; perm: number; readQueueNums: number }[];
  readonly orderTopicConf?: string;
}

export class Peer {
  readonly channel: RemotingChannel;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock, channel: RemotingChannel) {
    this.#clock = clock;
    this.channel = channel;
  }

  ask(code: number, fields: Record<string, string> = {}, body?: Buffer): Promise<RemotingCommand> {
    return this.channel.invoke({ code, extFields: fields, body }, TIMEOUT_MS);
  }

  async tell(code: number, fields: Record<string, string>, body?: Buffer): Promise<void> {
    this.channel.invokeOneway({ code, extFields: fields, body });
    await this.#clock.settle();
  }

  register(options: BrokerOptions = {}): Promise<RemotingCommand> {
    const { topics = TOPICS, counter = 1, stateVersion = 0 } = options;
    const body = writeRegisterBrokerBody({ dataVersion: { counter, stateVersion, timestamp: 1 }, topics });
    const fields: Record<string, string> = {
      ...identityFields(options),
      haServerAddr: '10.0.0.1:10912',
      compressed: 'false',
      bodyCrc32: String(registrationCrc(body)),
    };
    if (options.heartbeatTimeoutMs) fields['heartbeatTimeoutMillis'] = String(options.heartbeatTimeoutMs);
    if (options.enableActingMaster !== undefined) {
      fields['enableActingMaster'] = String(options.enableActingMaster);
    }
    return this.ask(RequestCode.REGISTER_BROKER, fields, body);
  }

  unregister(options: BrokerOptions = {}): Promise<RemotingCommand> {
    return this.ask(RequestCode.UNREGISTER_BROKER, identityFields(options));
  }

  heartbeat(options: BrokerOptions = {}): Promise<void> {
    return this.tell(RequestCode.BROKER_HEARTBEAT, identityFields(options));
  }

  close(): void {
    this.channel.close();
  }
}

export function identityFields(options: BrokerOptions): Record<string, string> {
  const {
    clusterName = 'DefaultCluster',
    brokerName = 'broker-a',
    brokerId = 0,
    brokerAddr = '10.0.0.1:10911',
  } = options;
  return { clusterName, brokerName, brokerId: String(brokerId), brokerAddr };
}
