import { asArray, asInteger, asObject, asString } from './shape.ts';

export interface QueueData {
  readonly brokerName: string;
  readonly perm: number;
  readonly readQueueNums: number;
  readonly topicSysFlag: number;
  readonly writeQueueNums: number;
}

export interface BrokerData {
  /** Broker id to `host:port`; 0 is the master. */
  readonly brokerAddrs: Readonly<Record<string, string>>;
  readonly brokerName: string;
  readonly cluster: string;
}

/** Where a topic's queues are: answer of GET_ROUTEINFO_BY_TOPIC. */
export interface TopicRoute {
  readonly brokerDatas: readonly BrokerData[];
  readonly queueDatas: readonly QueueData[];
  /** `broker-a:4;broker-b:4` for ordered topics. */
  readonly orderTopicConf?: string;
}

export function readTopicRoute(value: unknown): TopicRoute {
  const members = asObject(value);
  const route: TopicRoute = {
    brokerDatas: asArray(members['brokerDatas']).map(readBrokerData),
    queueDatas: asArray(members['queueDatas']).map(readQueueData),
  };
  const order = asString(members['orderTopicConf']);
  return order === '' ? route : { ...route, orderTopicConf: order };
}

export function readBrokerData(value: unknown): BrokerData {
  const members = asObject(value);
  const brokerAddrs = Object.create(null) as Record<string, string>;
  for (const [id, address] of Object.entries(asObject(members['brokerAddrs'])))
    brokerAddrs[id] = asString(address);
  return { brokerAddrs, brokerName: asString(members['brokerName']), cluster: asString(members['cluster']) };
}

export function readQueueData(value: unknown): QueueData {
  const members = asObject(value);
  return {
    brokerName: asString(members['brokerName']),
    perm: asInteger(members['perm']),
    readQueueNums: asInteger(members['readQueueNums']),
    topicSysFlag: asInteger(members['topicSysFlag'] ?? members['topicSynFlag']),
    writeQueueNums: asInteger(members['writeQueueNums']),
  };
}

/** Answer of GET_BROKER_CLUSTER_INFO. */
export interface ClusterInfo {
  readonly brokerAddrTable: Readonly<Record<string, BrokerData>>;
  readonly clusterAddrTable: Readonly<Record<string, readonly string[]>>;
}

export function readClusterInfo(value: unknown): ClusterInfo {
  const members = asObject(value);
  const brokers = Object.create(null) as Record<string, BrokerData>;
  for (const [name, data] of Object.entries(asObject(members['brokerAddrTable'])))
    brokers[name] = readBrokerData(data);
  const clusters = Object.create(null) as Record<string, readonly string[]>;
  for (const [name, list] of Object.entries(asObject(members['clusterAddrTable']))) {
    clusters[name] = asArray(list).map((broker) => asString(broker));
  }
  return { brokerAddrTable: brokers, clusterAddrTable: clusters };
}
