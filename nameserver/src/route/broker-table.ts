/** A broker's connection; what counts is which one it is. */
export interface BrokerChannel {
  close(): void;
}

/** Who a broker says it is. */
export interface BrokerIdentity {
  readonly clusterName: string;
  readonly brokerName: string;
  /** 0 is the master. */
  readonly brokerId: number;
  /** `host:port` that clients connect to. */
  readonly brokerAddr: string;
}

export interface BrokerRegistration extends BrokerIdentity {
  readonly haServerAddr: string;
  /** It is forgotten when nothing was heard for longer than this. */
  readonly heartbeatTimeoutMs: number;
  /** Epoch of its leadership, 0 without elections (Java: DataVersion.stateVersion). */
  readonly stateVersion: number;
  /** The connection that speaks for it. */
  readonly channel: BrokerChannel;
  /** Monotonic, ms. */
  lastHeardMs: number;
}

/** Brokers of one name: a master and its replicas. */
export interface BrokerGroup {
  readonly clusterName: string;
  readonly brokerName: string;
  readonly members: Map<number, BrokerRegistration>;
  /** The lowest replica stands in, without write permission, while there is no master. */
  enableActingMaster: boolean;
  /** An operator took away the write permission, until it is given back or the group is gone. */
  writeWiped: boolean;
}

export type Admission =
  | { readonly status: 'ADMITTED'; readonly displaced: readonly BrokerRegistration[] }
  | {
      readonly status: 'IDENTITY_TAKEN' | 'ADDRESS_TAKEN' | 'NAME_IN_OTHER_CLUSTER';
      readonly holder: BrokerRegistration;
    }
  | { readonly status: 'BROKERS_FULL' };

/**
 * The live brokers, and the rule who may become or replace one (docs/name-server.md, "Who may register"): a live
 * registration gives way to the same address, to its own connection and to a higher epoch, and to nothing else.
 */
export class BrokerTable {
  readonly #brokersMax: number;
  readonly #groups = new Map<string, BrokerGroup>();
  readonly #byAddress = new Map<string, BrokerRegistration>();

  constructor(brokersMax: number) {
    this.#brokersMax = brokersMax;
  }

  get groups(): Iterable<BrokerGroup> {
    return this.#groups.values();
  }

  get registrations(): Iterable<BrokerRegistration> {
    return this.#byAddress.values();
  }

  group(brokerName: string): BrokerGroup | undefined {
    return this.#groups.get(brokerName);
  }

  /** The live broker that has this address. */
  at(brokerAddr: string): BrokerRegistration | undefined {
    return this.#byAddress.get(brokerAddr);
  }

  /** Whether a claim may be added, and which registrations must be removed first. Changes nothing. */
  judge(claim: BrokerRegistration): Admission {
    const displaced: BrokerRegistration[] = [];
    const atAddress = this.#byAddress.get(claim.brokerAddr);
    if (atAddress !== undefined && !sameIdentity(atAddress, claim)) {
      // The same process under another id (a replica became the master) or renamed; not another broker.
      const moved = atAddress.channel === claim.channel || atAddress.brokerName === claim.brokerName;
      if (!moved) return { status: 'ADDRESS_TAKEN', holder: atAddress };
      displaced.push(atAddress);
    }
    const group = this.#groups.get(claim.brokerName);
    const holder = group?.members.get(claim.brokerId);
    if (holder !== undefined && holder !== atAddress) {
      const yields = holder.channel === claim.channel || holder.stateVersion < claim.stateVersion;
      if (!yields) return { status: 'IDENTITY_TAKEN', holder };
      displaced.push(holder);
    }
    if (group !== undefined && group.clusterName !== claim.clusterName) {
      const stranger = [...group.members.values()].find((member) => !displaced.includes(member));
      if (stranger !== undefined) return { status: 'NAME_IN_OTHER_CLUSTER', holder: stranger };
    }
    const sizeAfter =
      this.#byAddress.size -
      displaced.length +
      (atAddress === undefined || displaced.includes(atAddress) ? 1 : 0);
    if (sizeAfter > this.#brokersMax) return { status: 'BROKERS_FULL' };
    return { status: 'ADMITTED', displaced };
  }

  /** Adds or replaces an admitted registration; what it displaces was removed before. */
  put(registration: BrokerRegistration, enableActingMaster: boolean): BrokerGroup {
    const { clusterName, brokerName, brokerId, brokerAddr } = registration;
    let group = this.#groups.get(brokerName);
    if (group === undefined) {
      group = { clusterName, brokerName, members: new Map(), enableActingMaster, writeWiped: false };
      this.#groups.set(brokerName, group);
    }
    group.enableActingMaster = enableActingMaster;
    group.members.set(brokerId, registration);
    this.#byAddress.set(brokerAddr, registration);
    return group;
  }

  /** Removes a registration. True when it was the last one of its name. */
  remove(registration: BrokerRegistration): boolean {
    const { brokerName, brokerId, brokerAddr } = registration;
    this.#byAddress.delete(brokerAddr);
    const group = this.#groups.get(brokerName);
    if (group?.members.get(brokerId) !== registration) return false;
    group.members.delete(brokerId);
    return group.members.size === 0 && this.#groups.delete(brokerName);
  }
}

export function sameIdentity(a: BrokerIdentity, b: BrokerIdentity): boolean {
  return (
    a.clusterName === b.clusterName &&
    a.brokerName === b.brokerName &&
    a.brokerId === b.brokerId &&
    a.brokerAddr === b.brokerAddr
  );
}

/** False when clients must not write: an operator said so, or only a stand-in for the master is left. */
export function isWritable(group: BrokerGroup): boolean {
  return !group.writeWiped && (group.members.has(0) || !group.enableActingMaster);
}
