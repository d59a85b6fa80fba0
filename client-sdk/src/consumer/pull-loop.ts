import type { Clock } from '@cometmq/common/clock/clock';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { ResponseError } from '../admin/response-error.ts';
import type { Backoff } from '../connection/backoff.ts';
import type { PullAnswer } from '../connection/pull-request.ts';
import { BrokerBusyError } from '../error/client-error.ts';
import { pause } from '../options/abortable.ts';
import type { ProcessQueue } from './process-queue.ts';

export interface PullLoopOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly queue: ProcessQueue;
  readonly backoff: Backoff;
  readonly startOffset: number;
  readonly pull: (offset: number, brokerId: number) => Promise<PullAnswer>;
  /** False while an ordered queue is not locked. */
  readonly mayPull: () => boolean;
  readonly onMessages: (answer: PullAnswer) => void;
  /** The broker has nothing at the offset; the loop has ended. */
  readonly onIllegalOffset: (nextOffset: number) => void;
  /** The broker does not know the subscription (it restarted). */
  readonly onUnknownSubscription: () => void;
  /** The queue is not where the route says. */
  readonly onWrongRoute: () => void;
}

const NOT_LOCKED_PAUSE_MS = 200;
const SUBSCRIPTION_PAUSE_MS = 1000;
/** A broker that answers "nothing" this quickly this often does not hold requests: it is asked less often. */
const QUICK_MS = 50;
const QUICK_TOLERATED = 3;
const QUICK_PAUSE_MAX_MS = 1000;

const SUBSCRIPTION_CODES: ReadonlySet<number> = new Set<number>([
  ResponseCode.SUBSCRIPTION_NOT_EXIST,
  ResponseCode.SUBSCRIPTION_NOT_LATEST,
  ResponseCode.FILTER_DATA_NOT_EXIST,
  ResponseCode.FILTER_DATA_NOT_LATEST,
]);

/** Pulls one queue, one request after the other, for as long as the queue belongs to this member. */
export class PullLoop {
  readonly #options: PullLoopOptions;
  #offset: number;
  #brokerId = 0;
  #quickAnswers = 0;
  /** Aborting it ends the present run; a restart begins another. */
  #run = new AbortController();

  constructor(options: PullLoopOptions) {
    this.#options = options;
    this.#offset = options.startOffset;
  }

  /** Where the next pull begins. */
  get offset(): number {
    return this.#offset;
  }

  start(): void {
    const run = new AbortController();
    this.#run.abort();
    this.#run = run;
    void this.#loop(run.signal);
  }

  stop(): void {
    this.#run.abort();
  }

  async #loop(signal: AbortSignal): Promise<void> {
    const { clock, log, queue, backoff, mayPull } = this.#options;
    while (!this.#isOver(signal)) {
      if (queue.isFull) {
        await queue.space();
        continue;
      }
      if (!mayPull()) {
        await pause(clock, NOT_LOCKED_PAUSE_MS, signal);
        continue;
      }
      try {
        const delayMs = await this.#pullOnce(signal);
        if (delayMs > 0) await pause(clock, delayMs, signal);
      } catch (error) {
        if (this.#isOver(signal)) return;
        const delayMs = this.#delayAfter(error);
        log.debug({ queue: queue.queue, reason: errorText(error), delayMs }, 'pull failed');
        if (backoff.failures % 10 === 1 && !(error instanceof BrokerBusyError)) {
          log.warn({ queue: queue.queue, reason: errorText(error) }, 'messages can not be pulled');
        }
        await pause(clock, delayMs, signal);
      }
    }
  }

  /** Returns how long to wait before the next pull. */
  async #pullOnce(signal: AbortSignal): Promise<number> {
    const { clock, queue, backoff, pull, onMessages, onIllegalOffset } = this.#options;
    const askedMs = clock.monotonic();
    const answer = await pull(this.#offset, this.#brokerId);
    if (this.#isOver(signal)) return 0;
    const nowMs = clock.monotonic();
    queue.lastPullMs = nowMs;
    backoff.reset();
    this.#brokerId = answer.suggestedBrokerId;
    if (answer.status === 'illegal') {
      this.stop();
      onIllegalOffset(answer.nextOffset);
      return 0;
    }
    const moved = answer.nextOffset !== this.#offset;
    this.#offset = answer.nextOffset;
    onMessages(answer);
    if (moved || nowMs - askedMs > QUICK_MS) {
      this.#quickAnswers = 0;
      return 0;
    }
    this.#quickAnswers++;
    const excess = this.#quickAnswers - QUICK_TOLERATED;
    return excess <= 0 ? 0 : Math.min(QUICK_PAUSE_MAX_MS, 10 * 2 ** Math.min(excess, 10));
  }

  #isOver(signal: AbortSignal): boolean {
    return signal.aborted || this.#options.queue.dropped;
  }

  #delayAfter(error: unknown): number {
    const { backoff, onUnknownSubscription, onWrongRoute } = this.#options;
    if (error instanceof BrokerBusyError) return error.retryAfterMs;
    if (error instanceof ResponseError && SUBSCRIPTION_CODES.has(error.remoteCode)) {
      onUnknownSubscription();
      return SUBSCRIPTION_PAUSE_MS;
    }
    if (error instanceof MqError) onWrongRoute();
    return backoff.next();
  }
}
