import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import { compareQueues, compareText } from '../route/topic-queues.ts';

/**
 * This member's share of a topic's queues (Java: AllocateMessageQueueAveragely): blocks of neighbours, the first
 * members get one more when it does not come out even. All members agree because all sort alike.
 */
export function allocateAveragely(
  queues: readonly MessageQueue[],
  members: readonly string[],
  self: string,
): MessageQueue[] {
  const sortedQueues = [...queues].sort(compareQueues);
  const index = [...new Set(members)].sort(compareText).indexOf(self);
  const count = new Set(members).size;
  if (index < 0) return [];
  const share = Math.floor(sortedQueues.length / count);
  const extra = sortedQueues.length % count;
  const start = index * share + Math.min(index, extra);
  return sortedQueues.slice(start, start + share + (index < extra ? 1 : 0));
}
