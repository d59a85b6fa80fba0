import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';

/** Sorts queues by topic, broker and number. */
export function byQueue(a: MessageQueue, b: MessageQueue): number {
  return compare(a.topic, b.topic) || compare(a.brokerName, b.brokerName) || a.queueId - b.queueId;
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Identifies a queue in maps. */
export function queueKey({ topic, brokerName, queueId }: MessageQueue): string {
  return `${topic}@${brokerName}@${queueId}`;
}

/** Items under their key, in the order of first appearance. */
export function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
