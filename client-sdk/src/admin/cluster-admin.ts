import type { AdminSession, BrokerNode } from './admin-session.ts';
import { nodesOf } from './admin-session.ts';
import type { RuntimeInfo } from './broker-admin.ts';
import { readRuntime } from './broker-admin.ts';
import type { Merged } from './partial.ts';
import { gather } from './partial.ts';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';

export interface ClusterNode {
  readonly cluster: string;
  readonly brokers: readonly BrokerNode[];
}

export interface ClusterView {
  readonly nameServers: readonly string[];
  readonly clusters: readonly ClusterNode[];
}

export interface BrokerStatus extends BrokerNode {
  /** Undefined when the broker did not answer; then `failures` says why. */
  readonly runtime: RuntimeInfo | undefined;
}

export interface ClusterStatus extends Merged {
  readonly nameServers: readonly NameServerStatus[];
  readonly brokers: readonly BrokerStatus[];
}

export interface NameServerStatus {
  readonly address: string;
  readonly reachable: boolean;
}

/** Who is there. */
export class ClusterAdmin {
  readonly #session: AdminSession;

  constructor(session: AdminSession) {
    this.#session = session;
  }

  /** Clusters and their brokers as the name servers know them. */
  async view(): Promise<ClusterView> {
    const { brokerAddrTable, clusterAddrTable } = await this.#session.clusterInfo();
    const clusters = Object.keys(clusterAddrTable)
      .sort()
      .map((cluster) => ({
        cluster,
        brokers: Object.keys(brokerAddrTable)
          .sort()
          .flatMap((name) => {
            const data = brokerAddrTable[name];
            return data?.cluster === cluster ? nodesOf(data) : [];
          }),
      }));
    return { nameServers: this.#session.nameServers, clusters };
  }

  /** Every broker with what it says of itself, and which name servers answer. */
  async status(): Promise<ClusterStatus> {
    const { clusters } = await this.view();
    const nodes = clusters.flatMap(({ brokers }) => brokers);
    const nameServers = await gather(this.#session.nameServerTargets(), ({ address }) =>
      this.#session.ask(address, { code: RequestCode.GET_BROKER_CLUSTER_INFO }),
    );
    const runtimes = await gather(nodes, ({ address }) =>
      this.#session.askBody(address, { code: RequestCode.GET_BROKER_RUNTIME_INFO }),
    );
    const byAddress = new Map(runtimes.answers.map(({ address, value }) => [address, readRuntime(value)]));
    const failures = [...nameServers.failures, ...runtimes.failures];
    const up = new Set(nameServers.answers.map(({ address }) => address));
    return {
      nameServers: this.#session.nameServers.map((address) => ({ address, reachable: up.has(address) })),
      brokers: nodes.map((node) => ({ ...node, runtime: byAddress.get(node.address) })),
      complete: failures.length === 0,
      failures,
    };
  }
}
