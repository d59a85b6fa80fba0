import type { Clock } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { StoredMessage } from '@cometmq/common/message/message';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import type { Backoff } from '../connection/backoff.ts';
import type { PullAnswer } from '../connection/pull-request.ts';

export interface QueueFetcherOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly queue: MessageQueue;
  readonly backoff: Backoff;
  readonly pull: (queue: MessageQueue, offset: number, suspendMs: number) => Promise<PullAnswer>;
}

/** Reads ahead on one queue: at most one request on its way, at most one answer's messages held. */
export class QueueFetcher {
  readonly queue: MessageQueue;
  readonly #options: QueueFetcherOptions;
  /** Where the next request begins. */
  #fetchOffset: number;
  #messages: StoredMessage[] = [];
  #fetching: Promise<void> | undefined;
  /** Requests of an earlier epoch no longer count. */
  #epoch = 0;
  /** Monotonic ms before which a failing broker is left alone. */
  #retryAtMs = 0;

  constructor(options: QueueFetcherOptions, offset: number) {
    this.#options = options;
    this.queue = options.queue;
    this.#fetchOffset = offset;
  }

  /** Offset of the next message to be delivered. */
  get position(): number {
    return this.#messages[0]?.queueOffset ?? this.#fetchOffset;
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  take(): StoredMessage | undefined {
    return this.#messages.shift();
  }

  seek(offset: number): void {
    this.#epoch++;
    this.#messages = [];
    this.#fetching = undefined;
    this.#fetchOffset = offset;
    this.#retryAtMs = 0;
  }

  /**
   * Resolves when a request has come back, with or without messages, or at once while a failing broker is left alone.
   * Failures are logged and tried again later.
   */
  fetch(suspendMs: number): Promise<void> {
    if (!this.isEmpty || this.#retryAtMs > this.#options.clock.monotonic()) return Promise.resolve();
    this.#fetching ??= this.#fetchOnce(suspendMs, this.#epoch);
    return this.#fetching;
  }

  /** Monotonic ms when fetching makes sense again. */
  get retryAtMs(): number {
    return this.#retryAtMs;
  }

  async #fetchOnce(suspendMs: number, epoch: number): Promise<void> {
    const { clock, log, pull, queue, backoff } = this.#options;
    try {
      const answer = await pull(queue, this.#fetchOffset, suspendMs);
      if (epoch !== this.#epoch) return;
      backoff.reset();
      if (answer.status === 'illegal') {
        log.warn(
          { queue, offset: this.#fetchOffset, nextOffset: answer.nextOffset },
          'reader offset corrected',
        );
      }
      this.#messages.push(...answer.messages);
      this.#fetchOffset = answer.nextOffset;
    } catch (error) {
      if (epoch !== this.#epoch) return;
      this.#retryAtMs = clock.monotonic() + backoff.next();
      log.debug({ queue, reason: errorText(error) }, 'reader could not pull');
      if (backoff.failures % 10 === 3) log.warn({ queue, reason: errorText(error) }, 'reader can not pull');
    } finally {
      if (epoch === this.#epoch) this.#fetching = undefined;
    }
  }
}
