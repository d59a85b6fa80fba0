import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import type { OffsetRequests } from '../connection/offset-requests.ts';
import { queueKey } from '../route/topic-queues.ts';
import type { OffsetStore } from './offset-store.ts';

interface Progress {
  offset: number;
  /** What the broker has confirmed. */
  kept: number | undefined;
}

/**
 * Progress of a cluster group, kept by the brokers (Java: RemoteBrokerOffsetStore). Unlike Java's one-way commits each
 * is confirmed, so that a commit lost in a restart is repeated.
 */
export class RemoteOffsetStore implements OffsetStore {
  readonly #requests: OffsetRequests;
  readonly #group: string;
  readonly #log: Logger;
  readonly #progress = new Map<string, Progress>();

  constructor(requests: OffsetRequests, group: string, log: Logger) {
    this.#requests = requests;
    this.#group = group;
    this.#log = log;
  }

  async load(queue: MessageQueue): Promise<number | undefined> {
    const offset = await this.#requests.committed(this.#group, queue);
    if (offset !== undefined) this.#progress.set(queueKey(queue), { offset, kept: offset });
    return offset;
  }

  update(queue: MessageQueue, offset: number): void {
    const progress = this.#progress.get(queueKey(queue));
    if (progress === undefined) this.#progress.set(queueKey(queue), { offset, kept: undefined });
    else progress.offset = offset;
  }

  current(queue: MessageQueue): number | undefined {
    return this.#progress.get(queueKey(queue))?.offset;
  }

  async persist(queues: readonly MessageQueue[]): Promise<void> {
    await Promise.all(queues.map((queue) => this.#persistOne(queue)));
  }

  forget(queue: MessageQueue): void {
    this.#progress.delete(queueKey(queue));
  }

  async #persistOne(queue: MessageQueue): Promise<void> {
    const progress = this.#progress.get(queueKey(queue));
    if (progress === undefined || progress.offset === progress.kept) return;
    const { offset } = progress;
    try {
      await this.#requests.commit(this.#group, queue, offset);
      progress.kept = offset;
    } catch (error) {
      this.#log.warn({ queue, offset, reason: errorText(error) }, 'offset not committed');
    }
  }
}
