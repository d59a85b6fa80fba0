import { isRetryTopic } from '@cometmq/common/topic/names';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import type { OffsetRequests } from '../connection/offset-requests.ts';
import type { OffsetStore } from './offset-store.ts';

/** Where to begin on a queue without progress; times in ms since the epoch. */
export type StartPosition = 'latest' | 'earliest' | { readonly timeMs: number };

/**
 * Where reading a queue begins (Java: RebalancePushImpl.computePullFromWhere). A retry queue is always read whole: its
 * messages were promised another delivery.
 */
export async function startOffset(
  queue: MessageQueue,
  store: OffsetStore,
  requests: OffsetRequests,
  position: StartPosition,
): Promise<number> {
  const progress = await store.load(queue);
  if (progress !== undefined && progress >= 0) return progress;
  if (isRetryTopic(queue.topic) || position === 'earliest') return requests.min(queue);
  return position === 'latest' ? requests.max(queue) : requests.atTime(queue, position.timeMs);
}
