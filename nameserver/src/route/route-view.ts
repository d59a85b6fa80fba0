import { Perm } from '@cometmq/common/message/sys-flag';
import type { BrokerData, QueueData, TopicRoute } from '@cometmq/remoting/protocol/body/route';
import type { BrokerGroup } from './broker-table.ts';
import { isWritable } from './broker-table.ts';
import type { RouteTable } from './route-table.ts';

/** Bits of `topicSysFlag` (Java: TopicSysFlag). */
export const TopicSysFlag = { UNIT: 1, UNIT_SUB: 2 } as const;

interface GroupData extends BrokerData {
  readonly enableActingMaster: boolean;
}

/** As Java writes it; `filterServerTable` is a remnant that old readers expect. */
interface RouteBody extends TopicRoute {
  readonly brokerDatas: readonly GroupData[];
  readonly filterServerTable: Readonly<Record<string, never>>;
}

/**
 * Where a topic is, or undefined when no live broker has it. Members and lists have a fixed order, because ali-ons takes
 * any difference in the text for a new route.
 */
export function pickRoute(
  table: RouteTable,
  topic: string,
  orderTopicConf: string | undefined,
): RouteBody | undefined {
  const queueDatas: QueueData[] = [];
  const brokerDatas: GroupData[] = [];
  for (const [brokerName, queueData] of [...(table.topics.queueDatas(topic) ?? [])].sort(byName)) {
    const group = table.brokers.group(brokerName);
    if (group === undefined) continue;
    brokerDatas.push(groupData(group));
    queueDatas.push(isWritable(group) ? queueData : { ...queueData, perm: queueData.perm & ~Perm.WRITE });
  }
  if (brokerDatas.length === 0) return undefined;
  const order = orderTopicConf === undefined ? {} : { orderTopicConf };
  return { brokerDatas, filterServerTable: {}, ...order, queueDatas };
}

/** Body of GET_BROKER_CLUSTER_INFO. */
export function clusterInfo(table: RouteTable): unknown {
  const groups = sortedGroups(table);
  const clusters = new Map<string, string[]>();
  for (const { clusterName, brokerName } of groups) {
    const names = clusters.get(clusterName) ?? [];
    names.push(brokerName);
    clusters.set(clusterName, names);
  }
  return {
    brokerAddrTable: Object.fromEntries(groups.map((group) => [group.brokerName, groupData(group)])),
    clusterAddrTable: Object.fromEntries([...clusters].sort(byName)),
  };
}

/** Body of GET_BROKER_MEMBER_GROUP; an unknown broker has no addresses. */
export function memberGroup(table: RouteTable, clusterName: string, brokerName: string): unknown {
  const group = table.brokers.group(brokerName);
  const brokerAddrs = group === undefined ? {} : addressesOf(group);
  return { brokerMemberGroup: { brokerAddrs, brokerName, cluster: clusterName } };
}

/** Topics whose queues satisfy `matches`, sorted. */
export function topicNames(
  table: RouteTable,
  matches: (queueData: QueueData) => boolean = () => true,
): string[] {
  const names: string[] = [];
  for (const [topic, queueDatas] of table.topics.topics) {
    if ([...queueDatas.values()].some(matches)) names.push(topic);
  }
  return names.sort();
}

export function topicNamesOfCluster(table: RouteTable, clusterName: string): string[] {
  return topicNames(table, ({ brokerName }) => table.brokers.group(brokerName)?.clusterName === clusterName);
}

/** Body of GET_SYSTEM_TOPIC_LIST_FROM_NS: clusters and brokers are topics too; the address is any broker's. */
export function systemTopics(table: RouteTable): {
  readonly brokerAddr?: string;
  readonly topicList: readonly string[];
} {
  const groups = sortedGroups(table);
  const names = new Set(groups.flatMap(({ clusterName, brokerName }) => [clusterName, brokerName]));
  const members = groups.flatMap((group) => [...group.members.values()]);
  const broker = members.find((member) => member.brokerId === 0) ?? members[0];
  return { ...(broker && { brokerAddr: broker.brokerAddr }), topicList: [...names] };
}

function groupData(group: BrokerGroup): GroupData {
  const { brokerName, clusterName, enableActingMaster } = group;
  return { brokerAddrs: addressesOf(group), brokerName, cluster: clusterName, enableActingMaster };
}

/** Integer-like keys, which JavaScript keeps in ascending order. */
function addressesOf(group: BrokerGroup): Record<string, string> {
  return Object.fromEntries([...group.members].map(([id, member]) => [String(id), member.brokerAddr]));
}

function sortedGroups(table: RouteTable): BrokerGroup[] {
  return [...table.brokers.groups].sort((a, b) => (a.brokerName < b.brokerName ? -1 : 1));
}

function byName(a: readonly [string, unknown], b: readonly [string, unknown]): number {
  return a[0] < b[0] ? -1 : 1;
}
