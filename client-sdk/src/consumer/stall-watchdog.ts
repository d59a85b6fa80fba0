import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { every } from '@cometmq/common/clock/clock';
import type { Logger } from '@cometmq/common/logging/logger';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import type { AssignedQueue } from './assignment.ts';

export interface StallWatchdogOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly stallAfterMs: number;
  readonly queues: () => readonly AssignedQueue[];
  readonly isLocked: (queue: MessageQueue) => boolean;
  readonly onStall: (queue: MessageQueue, silentMs: number) => void;
}

/**
 * Restarts the pull loop of a queue that had no answer for too long although there is room for messages. This should
 * never be needed; it is here because a consumer that stands still without a word is the worst that can happen.
 */
export class StallWatchdog {
  readonly #options: StallWatchdogOptions;
  #timer: Timer | undefined;

  constructor(options: StallWatchdogOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, stallAfterMs } = this.#options;
    this.#timer = every(clock, stallAfterMs / 2, () => {
      this.#check();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #check(): void {
    const { clock, log, stallAfterMs, queues, isLocked, onStall } = this.#options;
    const nowMs = clock.monotonic();
    for (const { process, loop } of queues()) {
      const silentMs = nowMs - process.lastPullMs;
      if (silentMs < stallAfterMs || process.isFull || !isLocked(process.queue)) continue;
      log.warn(
        { queue: process.queue, silentMs, offset: loop.offset },
        'no answer to a pull for too long, starting again',
      );
      process.lastPullMs = nowMs;
      loop.start();
      onStall(process.queue, silentMs);
    }
  }
}
