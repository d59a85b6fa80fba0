import type { Clock, Timer } from '@cometmq/common/clock/clock';
import type { HandlerRun, Outcome } from './handler-run.ts';
import type { OrderUnit } from './consumer-settings.ts';
import type { Delivery } from './delivery.ts';
import type { ProcessQueue } from './process-queue.ts';

export interface DispatcherOptions {
  readonly clock: Clock;
  /** Handler calls at the same time. */
  readonly concurrency: number;
  readonly batchMax: number;
  /** How long an incomplete batch waits for more. */
  readonly batchWithinMs: number;
  /** Of each of these there is one call at a time, and it rests after a failure. */
  readonly unit: OrderUnit;
  /** Asked before each call; a queue that may not is woken by its owner later. */
  readonly mayRun: (queue: ProcessQueue) => boolean;
  readonly run: (queue: ProcessQueue, deliveries: readonly Delivery[]) => HandlerRun;
  /** Acts on what the handler decided; returns for how long the unit rests. */
  readonly settle: (
    queue: ProcessQueue,
    deliveries: readonly Delivery[],
    outcomes: readonly Outcome[],
  ) => Promise<number>;
  /** Runs `run` after a while unless the consumer has closed by then. */
  readonly later: (delayMs: number, run: () => void) => void;
}

/** Hands messages to the handler: all queues take turns, never more calls at once than allowed. */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  /** Queues that may have work, in the order of their turns. */
  readonly #ready = new Set<ProcessQueue>();
  /** Queues with a call at work, or resting after one. */
  readonly #occupied = new Map<ProcessQueue, number>();
  /** Queues that rest after a failure. */
  readonly #resting = new Map<ProcessQueue, Timer>();
  /** Queues that wait for their batch to fill up. */
  readonly #filling = new Map<ProcessQueue, Timer>();
  /** Queues that were given up. */
  readonly #retired = new WeakSet<ProcessQueue>();
  readonly #onFree = new Map<ProcessQueue, () => void>();
  #running = 0;
  #unsettled = 0;
  #stopped = false;
  #onIdle: (() => void)[] = [];

  constructor(options: DispatcherOptions) {
    this.#options = options;
  }

  /** Handler calls at work. */
  get running(): number {
    return this.#running;
  }

  /** There may be something to do for this queue. */
  wake(queue: ProcessQueue): void {
    if (this.#stopped || queue.dropped || this.#retired.has(queue)) return;
    this.#ready.add(queue);
    this.#pump();
  }

  /** No further call for this queue; resolves when the calls at work are over and settled. */
  retire(queue: ProcessQueue): Promise<void> {
    this.#retired.add(queue);
    this.#ready.delete(queue);
    cancel(this.#resting, queue);
    cancel(this.#filling, queue);
    if (!this.#occupied.has(queue)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onFree.set(queue, resolve);
    });
  }

  /** No further call at all. */
  stop(): void {
    this.#stopped = true;
    for (const timers of [this.#resting, this.#filling])
      for (const queue of [...timers.keys()]) cancel(timers, queue);
    this.#ready.clear();
  }

  /** Resolves when no handler is at work and all outcomes were acted on. */
  idle(): Promise<void> {
    if (this.#running === 0 && this.#unsettled === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle.push(resolve);
    });
  }

  #pump(): void {
    for (const queue of [...this.#ready]) {
      if (this.#running >= this.#options.concurrency) return;
      this.#ready.delete(queue);
      if (this.#mayStart(queue) && this.#start(queue)) this.#ready.add(queue);
    }
    if (this.#ready.size > 0 && this.#running < this.#options.concurrency) this.#pump();
  }

  #mayStart(queue: ProcessQueue): boolean {
    const { unit, mayRun } = this.#options;
    if (queue.dropped || queue.waiting === 0 || this.#resting.has(queue)) return false;
    if (unit === 'queue' && this.#occupied.has(queue)) return false;
    return mayRun(queue);
  }

  /** Starts one call; false when the queue has to wait for more messages first. */
  #start(queue: ProcessQueue): boolean {
    const { clock, batchMax, batchWithinMs, run } = this.#options;
    const waitedMs = clock.monotonic() - (queue.waitingSinceMs ?? 0);
    if (queue.waiting < batchMax && waitedMs < batchWithinMs) {
      if (!this.#filling.has(queue)) this.#wakeAfter(this.#filling, queue, batchWithinMs - waitedMs);
      return false;
    }
    cancel(this.#filling, queue);
    const deliveries = queue.take(batchMax);
    this.#occupied.set(queue, (this.#occupied.get(queue) ?? 0) + 1);
    this.#running++;
    this.#unsettled++;
    const { outcomes, ended } = run(queue, deliveries);
    const settled = outcomes.then((list) => this.#options.settle(queue, deliveries, list));
    // A handler that ignores its time limit keeps its place: otherwise there would be no bound on how many run.
    void ended.then(() => {
      this.#running--;
      this.#pump();
      this.#checkIdle();
    });
    void Promise.allSettled([settled, ended]).then(([result]) => {
      this.#unsettled--;
      this.#release(queue);
      this.#rest(queue, deliveries, result.status === 'fulfilled' ? result.value : 0);
      this.#checkIdle();
    });
    return true;
  }

  /** The call is over: what must not overtake its messages may go on, after a failure only when the rest is over. */
  #rest(queue: ProcessQueue, deliveries: readonly Delivery[], restMs: number): void {
    const { unit, later } = this.#options;
    const goOn = (): void => {
      queue.release(deliveries);
      this.wake(queue);
    };
    if (unit === 'key' && restMs > 0) {
      later(restMs, goOn);
      return;
    }
    if (restMs > 0) this.#wakeAfter(this.#resting, queue, restMs);
    goOn();
  }

  #release(queue: ProcessQueue): void {
    const left = (this.#occupied.get(queue) ?? 1) - 1;
    if (left > 0) {
      this.#occupied.set(queue, left);
      return;
    }
    this.#occupied.delete(queue);
    this.#onFree.get(queue)?.();
    this.#onFree.delete(queue);
  }

  #wakeAfter(timers: Map<ProcessQueue, Timer>, queue: ProcessQueue, delayMs: number): void {
    if (this.#stopped || queue.dropped || this.#retired.has(queue)) return;
    cancel(timers, queue);
    const timer = this.#options.clock.setTimer(delayMs, () => {
      timers.delete(queue);
      this.wake(queue);
    });
    timers.set(queue, timer);
  }

  #checkIdle(): void {
    if (this.#running > 0 || this.#unsettled > 0) return;
    const waiting = this.#onIdle;
    this.#onIdle = [];
    for (const resolve of waiting) resolve();
  }
}

function cancel(timers: Map<ProcessQueue, Timer>, queue: ProcessQueue): void {
  timers.get(queue)?.cancel();
  timers.delete(queue);
}
