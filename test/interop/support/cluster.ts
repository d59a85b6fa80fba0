export interface BrokerNode {
  readonly name: string;
  /** host:port of the remoting port P; P-2 (VIP) and P+1 (HA) are the broker's too. */
  readonly address: string;
  readonly running: boolean;
}

/** Settings of a cluster's brokers that differ from the default. */
export interface ClusterOptions {
  /** Sending to an unknown topic makes it (true). */
  readonly autoCreateTopic?: boolean;
}

/** A name server and brokers as child processes on free ports of the loopback interface, data in a temporary folder. */
export interface Cluster {
  readonly target: 'apache' | 'comet' | 'mixed';
  readonly name: string;
  /** host:port */
  readonly namesrv: string;
  readonly brokers: readonly BrokerNode[];
  /** Starts the name server and broker-a, and returns when the broker is registered. */
  start(): Promise<void>;
  /** Stops everything and removes the data. */
  stop(): Promise<void>;
  addBroker(name: string): Promise<void>;
  /** Stops the broker for good. */
  removeBroker(name: string): Promise<void>;
  /** SIGTERM, waits for the end */
  stopBroker(name: string): Promise<void>;
  /** SIGKILL, waits for the end */
  killBroker(name: string): Promise<void>;
  /** Starts a stopped or killed broker on its old data and port; returns when it is registered. */
  restartBroker(name: string): Promise<void>;
  killNamesrv(): Promise<void>;
  /** Starts the name server again on its port; returns when every running broker is registered. */
  restartNamesrv(): Promise<void>;
  /** Waits until the name server knows the topic at each of the running brokers. */
  waitForTopic(topic: string): Promise<void>;
}
