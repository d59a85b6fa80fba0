import { Perm } from '@cometmq/common/message/sys-flag';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import type { TopicRoute } from '@cometmq/remoting/protocol/body/route';

/** Broker id of the master. */
export const MASTER_ID = '0';

/** Queues to write to: on brokers with a master, ordered by broker and number as all Java clients order them. */
export function writeQueues(topic: string, route: TopicRoute): MessageQueue[] {
  const writable = route.queueDatas.filter(
    ({ perm, brokerName }) => (perm & Perm.WRITE) !== 0 && masterAddress(route, brokerName) !== undefined,
  );
  return enumerate(
    topic,
    route,
    writable.map(({ brokerName, writeQueueNums }) => [brokerName, writeQueueNums]),
  );
}

/** Queues to read from. */
export function readQueues(topic: string, route: TopicRoute): MessageQueue[] {
  const readable = route.queueDatas.filter(({ perm }) => (perm & Perm.READ) !== 0);
  return enumerate(
    topic,
    route,
    readable.map(({ brokerName, readQueueNums }) => [brokerName, readQueueNums]),
  );
}

export function masterAddress(route: TopicRoute, brokerName: string): string | undefined {
  return route.brokerDatas.find((broker) => broker.brokerName === brokerName)?.brokerAddrs[MASTER_ID];
}

/** One text for each queue, fit as a map key. */
export function queueKey({ topic, brokerName, queueId }: MessageQueue): string {
  return `${topic} ${queueId} ${brokerName}`;
}

/** The order in which all clients of a group must see queues: topic, broker, number. */
export function compareQueues(a: MessageQueue, b: MessageQueue): number {
  return compareText(a.topic, b.topic) || compareText(a.brokerName, b.brokerName) || a.queueId - b.queueId;
}

/** By UTF-16 units, as Java compares. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function enumerate(
  topic: string,
  route: TopicRoute,
  counts: readonly (readonly [brokerName: string, queues: number])[],
): MessageQueue[] {
  const ordered = orderConfiguration(route) ?? counts;
  return ordered
    .flatMap(([brokerName, queues]) =>
      Array.from({ length: queues }, (_, queueId) => ({ brokerName, queueId, topic })),
    )
    .sort(compareQueues);
}

/** `broker-a:4;broker-b:4`, which overrides the queue counts of an ordered topic. */
function orderConfiguration({ orderTopicConf }: TopicRoute): (readonly [string, number])[] | undefined {
  if (orderTopicConf === undefined) return undefined;
  return orderTopicConf.split(';').flatMap((part) => {
    const colon = part.lastIndexOf(':');
    const queues = Number(part.slice(colon + 1));
    return colon > 0 && Number.isInteger(queues) && queues > 0
      ? [[part.slice(0, colon), queues] as const]
      : [];
  });
}
