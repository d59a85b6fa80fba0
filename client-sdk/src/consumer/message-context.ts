import type { Queue } from '../message/received-message.ts';
import type { Duration } from '../options/duration.ts';
import { durationMs } from '../options/duration.ts';

/** "Deliver this again after a while", made by `ctx.retryIn`. */
export interface RetryDirective {
  readonly retryIn: Duration;
}

/** What a handler is told besides the message. */
export class MessageContext {
  readonly group: string;
  readonly queue: Queue;
  /** 1 for the first delivery. In a batch that of its first message. */
  readonly attempt: number;
  /** Aborts when the handler takes too long, the queue goes to another member, or the client closes. */
  readonly signal: AbortSignal;
  #retryInMs: number | undefined;

  /** @internal */
  constructor(group: string, queue: Queue, attempt: number, signal: AbortSignal) {
    this.group = group;
    this.queue = queue;
    this.attempt = attempt;
    this.signal = signal;
  }

  /**
   * Asks for another delivery after at least `delay`, without counting as an error. It works whether or not its result
   * is returned.
   */
  retryIn(delay: Duration): RetryDirective {
    this.#retryInMs = durationMs(delay, 'delay');
    return { retryIn: delay };
  }

  /** @internal */
  get retryInMs(): number | undefined {
    return this.#retryInMs;
  }
}
