import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';

/** Where a consumer's progress is kept. */
export interface OffsetStore {
  /** Progress so far; undefined when this group never read the queue. Rejects when that can't be found out. */
  load(queue: MessageQueue): Promise<number | undefined>;
  /** Notes progress, to be kept by the next `persist`. */
  update(queue: MessageQueue, offset: number): void;
  /** As noted last. */
  current(queue: MessageQueue): number | undefined;
  /** Keeps what was noted since the last time. Failures are logged and tried again the next time. */
  persist(queues: readonly MessageQueue[]): Promise<void>;
  /** Forgets what was noted of a queue that belongs to another member now. */
  forget(queue: MessageQueue): void;
}
