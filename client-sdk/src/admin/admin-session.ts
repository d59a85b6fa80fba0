import { MqError } from '@cometmq/common/error/mq-error';
import { parseHostPort } from '@cometmq/common/message/host';
import type { BrokerData, ClusterInfo, TopicRoute } from '@cometmq/remoting/protocol/body/route';
import { readClusterInfo, readTopicRoute } from '@cometmq/remoting/protocol/body/route';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { RouteHeader } from '@cometmq/remoting/protocol/header/name-server';
import type { RemotingCommand, Request } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { Target } from './partial.ts';
import { ResponseError } from './response-error.ts';

/** How requests travel; a `ChannelPool` is one. */
export interface AdminTransport {
  invoke(address: string, request: Request, timeoutMs: number): Promise<RemotingCommand>;
  close(): Promise<void>;
}

/** A broker as the name servers know it. */
export interface BrokerNode extends Target {
  readonly brokerName: string;
  readonly cluster: string;
  /** 0 is the master. */
  readonly brokerId: number;
}

/** Asks name servers and brokers, and knows who they are. */
export class AdminSession {
  readonly nameServers: readonly string[];
  readonly timeoutMs: number;
  readonly #transport: AdminTransport;
  /** The name server that answered last. */
  #preferred = 0;

  constructor(transport: AdminTransport, nameServers: readonly string[], timeoutMs: number) {
    if (nameServers.length === 0) {
      throw new MqError('INVALID_ARGUMENT', 'no name server is given', {
        hint: 'name one, for example 127.0.0.1:9876',
      });
    }
    this.#transport = transport;
    this.nameServers = nameServers;
    this.timeoutMs = timeoutMs;
  }

  /** The answer whatever its code is. */
  exchange(address: string, request: Request, timeoutMs = this.timeoutMs): Promise<RemotingCommand> {
    return this.#transport.invoke(address, request, timeoutMs);
  }

  /**
   * The answer of a request that succeeded.
   * @throws ResponseError when the server refused; MqError `CONNECTION` or `TIMEOUT` when it can't be reached.
   */
  async ask(address: string, request: Request, timeoutMs = this.timeoutMs): Promise<RemotingCommand> {
    const answer = await this.#transport.invoke(address, request, timeoutMs);
    if (answer.code === ResponseCode.SUCCESS) return answer;
    throw new ResponseError(request.code, answer.code, answer.remark, address);
  }

  /** The parsed body of a request that succeeded; an absent body reads as an empty object. */
  async askBody(address: string, request: Request, timeoutMs = this.timeoutMs): Promise<unknown> {
    const { body } = await this.ask(address, request, timeoutMs);
    return body === undefined ? {} : parseBody(body);
  }

  /** Asks one name server, the next one when it can't be reached. */
  async askNameServer(request: Request): Promise<RemotingCommand> {
    let failure: unknown;
    for (let attempt = 0; attempt < this.nameServers.length; attempt++) {
      const index = (this.#preferred + attempt) % this.nameServers.length;
      try {
        const answer = await this.ask(this.nameServers[index] ?? '', request);
        this.#preferred = index;
        return answer;
      } catch (error) {
        if (!(error instanceof MqError) || error instanceof ResponseError || !error.retryable) throw error;
        failure ??= error;
      }
    }
    throw failure as Error;
  }

  async askNameServerBody(request: Request): Promise<unknown> {
    const { body } = await this.askNameServer(request);
    return body === undefined ? {} : parseBody(body);
  }

  /** All name servers as targets, for what each must be told. */
  nameServerTargets(): Target[] {
    return this.nameServers.map((address) => ({ server: address, address }));
  }

  async clusterInfo(): Promise<ClusterInfo> {
    return readClusterInfo(await this.askNameServerBody({ code: RequestCode.GET_BROKER_CLUSTER_INFO }));
  }

  /** @throws MqError `TOPIC_NOT_EXIST` when no broker has the topic. */
  async route(topic: string): Promise<TopicRoute> {
    const extFields = RouteHeader.encode({ topic, acceptStandardJsonOnly: true });
    try {
      return readTopicRoute(
        await this.askNameServerBody({ code: RequestCode.GET_ROUTEINFO_BY_TOPIC, extFields }),
      );
    } catch (error) {
      if (!(error instanceof ResponseError) || error.kind !== 'TOPIC_NOT_EXIST') throw error;
      throw new MqError('TOPIC_NOT_EXIST', `topic ${topic} does not exist`, { cause: error });
    }
  }

  /** The masters of a topic's route. */
  async routeMasters(topic: string): Promise<BrokerNode[]> {
    return (await this.route(topic)).brokerDatas.flatMap((data) => masterOf(data) ?? []);
  }

  /**
   * The masters of a cluster, or of all clusters.
   * @throws MqError `NOT_FOUND` when there is no such cluster.
   */
  async masters(cluster?: string): Promise<BrokerNode[]> {
    const info = await this.clusterInfo();
    if (cluster !== undefined && info.clusterAddrTable[cluster] === undefined) {
      const known = Object.keys(info.clusterAddrTable).join(', ') || 'none';
      throw new MqError('NOT_FOUND', `there is no cluster ${cluster}`, { hint: `known clusters: ${known}` });
    }
    return Object.values(info.brokerAddrTable)
      .filter((data) => cluster === undefined || data.cluster === cluster)
      .flatMap((data) => masterOf(data) ?? [])
      .sort(byServer);
  }

  /**
   * The broker of a name (its master) or of an address, `host:port`, which may be unknown to the name servers.
   * @throws MqError `NOT_FOUND` when no broker has the name.
   */
  async broker(nameOrAddress: string): Promise<BrokerNode> {
    const info = await this.clusterInfo();
    const nodes = Object.values(info.brokerAddrTable).flatMap(nodesOf);
    const named = info.brokerAddrTable[nameOrAddress];
    const node =
      named === undefined
        ? nodes.find(({ address }) => address === nameOrAddress)
        : (masterOf(named) ?? nodesOf(named)[0]);
    if (node !== undefined) return node;
    if (parseHostPort(nameOrAddress) !== undefined) return unregistered(nameOrAddress);
    const known = Object.keys(info.brokerAddrTable).join(', ') || 'none';
    throw new MqError('NOT_FOUND', `there is no broker ${nameOrAddress}`, {
      hint: `known brokers: ${known}`,
    });
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}

/** All brokers of one name, the master first. */
export function nodesOf({ brokerName, cluster, brokerAddrs }: BrokerData): BrokerNode[] {
  return Object.entries(brokerAddrs)
    .map(([id, address]) => ({ server: brokerName, address, brokerName, cluster, brokerId: Number(id) }))
    .sort((a, b) => a.brokerId - b.brokerId);
}

export function masterOf(data: BrokerData): BrokerNode | undefined {
  return nodesOf(data).find(({ brokerId }) => brokerId === 0);
}

function unregistered(address: string): BrokerNode {
  return { server: address, address, brokerName: address, cluster: '', brokerId: 0 };
}

function byServer(a: Target, b: Target): number {
  return a.server < b.server ? -1 : 1;
}
