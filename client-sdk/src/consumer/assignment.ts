import { errorText } from '@cometmq/common/error/mq-error';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import type { ClientContext } from '../client/client-context.ts';
import { Backoff } from '../connection/backoff.ts';
import type { OffsetRequests } from '../connection/offset-requests.ts';
import { TimerGroup } from '../options/timer-group.ts';
import { queueKey } from '../route/topic-queues.ts';
import type { Backlog } from './backlog.ts';
import { OffsetBacklog } from './backlog.ts';
import type { ConsumerSettings, OrderUnit } from './consumer-settings.ts';
import type { ConsumeStats } from './consume-stats.ts';
import type { Dispatcher } from './dispatcher.ts';
import { KeyBacklog } from './key-backlog.ts';
import type { OffsetStore } from './offset-store.ts';
import { ProcessQueue } from './process-queue.ts';
import { PullLoop } from './pull-loop.ts';
import { QueueIntake } from './queue-intake.ts';
import type { QueueLocks } from './queue-locks.ts';
import type { StartPosition } from './start-offset.ts';
import { startOffset } from './start-offset.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface AssignmentOptions {
  readonly context: ClientContext;
  readonly group: string;
  readonly settings: ConsumerSettings;
  readonly startedAtMs: number;
  readonly subscriptions: Subscriptions<unknown>;
  readonly store: OffsetStore;
  readonly requests: OffsetRequests;
  readonly dispatcher: Dispatcher;
  /** Only of ordered cluster groups. */
  readonly locks: QueueLocks | undefined;
  readonly statsOf: (topic: string) => ConsumeStats;
  readonly onAssigned: (queues: readonly MessageQueue[]) => void;
  readonly onRevoked: (queues: readonly MessageQueue[]) => void;
}

/** A queue at work. */
export interface AssignedQueue {
  readonly process: ProcessQueue;
  readonly loop: PullLoop;
}

const PULL_BACKOFF = { firstMs: 100, maxMs: 3000 };
/** How far later messages may get ahead of an unfinished one. */
const SPAN_MAX = 2000;
/** An ordered queue's handler may end its message before the queue goes to another member. */
const HAND_OVER_MS = 10_000;
/** A broker that calls every offset illegal is asked this often at most. */
const ILLEGAL_PAUSE_MS = 3000;
const LOCK_RETRY_MS = 1000;
/** How far the broker's clock may be ahead of ours. */
const CLOCK_SKEW_MS = 60_000;

/** The queues this member reads now: takes them, gives them up, sets them elsewhere. */
export class Assignment {
  readonly #options: AssignmentOptions;
  readonly #queues = new Map<string, AssignedQueue>();
  /** Monotonic ms of the last correction, by queue. */
  readonly #corrected = new Map<string, number>();
  readonly #baseline = new Map<string, ReadonlySet<string>>();
  readonly #handovers = new Set<Promise<void>>();
  readonly #timers: TimerGroup;
  readonly #intake: QueueIntake;
  #locking = false;
  #lockAskedMs = -Infinity;
  #closed = false;

  constructor(options: AssignmentOptions) {
    this.#options = options;
    this.#timers = new TimerGroup(options.context.clock);
    this.#intake = new QueueIntake(options);
  }

  /** Which queues a topic had when this member first looked. */
  noteQueues(topic: string, queues: readonly MessageQueue[]): void {
    if (!this.#baseline.has(topic)) this.#baseline.set(topic, new Set(queues.map(queueKey)));
  }

  all(): AssignedQueue[] {
    return [...this.#queues.values()];
  }

  queues(): MessageQueue[] {
    return this.all().map(({ process }) => process.queue);
  }

  /** Makes `mine` this member's queues of the topic; false when some could not be started, to be tried again soon. */
  async assign(topic: string, mine: readonly MessageQueue[]): Promise<boolean> {
    const { locks, onAssigned, onRevoked } = this.#options;
    const keys = new Set(mine.map(queueKey));
    const lost = this.queues().filter((queue) => queue.topic === topic && !keys.has(queueKey(queue)));
    await Promise.all(lost.map((queue) => this.#revoke(queue)));
    if (lost.length > 0) onRevoked(lost);
    const added = mine.filter((queue) => !this.#queues.has(queueKey(queue)));
    if (added.length === 0) return true;
    if (locks !== undefined) await locks.lock(added);
    const granted = locks === undefined ? added : added.filter((queue) => locks.isHeld(queue));
    const started = await Promise.all(granted.map((queue) => this.#start(queue)));
    const taken = granted.filter((_, index) => started[index]);
    if (taken.length > 0) onAssigned(taken);
    return taken.length === added.length;
  }

  /** Continues a queue at another offset; what was pulled of it is forgotten. */
  async moveTo(queue: MessageQueue, offset: number): Promise<void> {
    const { store } = this.#options;
    this.#remove(queue, new Error('the offset was reset'));
    store.update(queue, offset);
    if (!this.#closed) this.#add(queue, offset);
    await store.persist([queue]);
  }

  /** Notes how far a queue has come. */
  progress(process: ProcessQueue): void {
    const { store } = this.#options;
    const offset = process.commitOffset;
    if (process.dropped || offset === undefined) return;
    if (offset > (store.current(process.queue) ?? -1)) store.update(process.queue, offset);
  }

  persist(): Promise<void> {
    return this.#options.store.persist(this.queues());
  }

  /** Keeps the locks of ordered queues. */
  async renewLocks(): Promise<void> {
    const { locks, dispatcher, context } = this.#options;
    if (locks === undefined || this.#locking) return;
    this.#locking = true;
    this.#lockAskedMs = context.clock.monotonic();
    try {
      await locks.lock(this.queues());
    } finally {
      this.#locking = false;
    }
    for (const { process } of this.all()) {
      if (locks.isHeld(process.queue)) dispatcher.wake(process);
      else process.stopHandlers(new Error('the lock of the queue was lost'));
    }
  }

  isLocked(queue: MessageQueue): boolean {
    return this.#options.locks?.isHeld(queue) ?? true;
  }

  stopPulling(): void {
    this.#closed = true;
    this.#timers.cancel();
    for (const { loop } of this.all()) loop.stop();
  }

  /** Keeps progress and gives everything up. */
  async release(reason: Error): Promise<void> {
    const { locks } = this.#options;
    const queues = this.queues();
    await this.persist();
    for (const queue of queues) this.#remove(queue, reason);
    await Promise.all(this.#handovers);
    if (locks !== undefined && queues.length > 0) await locks.unlock(queues);
  }

  async #start(queue: MessageQueue): Promise<boolean> {
    const { store, requests, context, group } = this.#options;
    try {
      const offset = await startOffset(queue, store, requests, this.#startPosition(queue));
      if (this.#closed || this.#queues.has(queueKey(queue))) return true;
      store.update(queue, offset);
      this.#add(queue, offset);
      return true;
    } catch (error) {
      context.log.warn(
        { group, queue, reason: errorText(error) },
        'start offset unknown, queue not started yet',
      );
      return false;
    }
  }

  /** 'latest' means since this member started: a queue that appeared afterwards is not read from its end. */
  #startPosition(queue: MessageQueue): StartPosition {
    const { settings, startedAtMs } = this.#options;
    const isNew = this.#baseline.get(queue.topic)?.has(queueKey(queue)) === false;
    return settings.start === 'latest' && isNew ? { timeMs: startedAtMs - CLOCK_SKEW_MS } : settings.start;
  }

  #add(queue: MessageQueue, offset: number): void {
    const { context, settings } = this.#options;
    const { clock, log, random } = context;
    const limits = {
      countMax: settings.prefetch,
      bytesMax: settings.prefetchBytes,
      spanMax: settings.unit === 'queue' ? Infinity : Math.max(SPAN_MAX, settings.prefetch),
    };
    const process = new ProcessQueue(queue, limits, clock.monotonic(), newBacklog(settings.unit));
    const loop = new PullLoop({
      clock,
      log,
      queue: process,
      backoff: new Backoff(random, PULL_BACKOFF),
      startOffset: offset,
      pull: (from, brokerId) => this.#intake.pull(process, from, brokerId),
      mayPull: () => this.#mayPull(queue),
      onMessages: (answer) => {
        this.#intake.receive(process, answer);
      },
      onIllegalOffset: (nextOffset) => {
        this.#correct(queue, offset, nextOffset);
      },
      onUnknownSubscription: () => void context.heartbeat(),
      onWrongRoute: () => {
        context.routes.expire(queue.topic);
      },
    });
    this.#queues.set(queueKey(queue), { process, loop });
    loop.start();
  }

  #mayPull(queue: MessageQueue): boolean {
    if (this.isLocked(queue)) return true;
    if (this.#options.context.clock.monotonic() - this.#lockAskedMs >= LOCK_RETRY_MS) void this.renewLocks();
    return false;
  }

  /** The broker no longer has, or not yet has, what this member wanted to read next. */
  #correct(queue: MessageQueue, startedAt: number, nextOffset: number): void {
    const { context, group } = this.#options;
    const key = queueKey(queue);
    const nowMs = context.clock.monotonic();
    const again = nowMs - (this.#corrected.get(key) ?? -Infinity) < ILLEGAL_PAUSE_MS;
    this.#corrected.set(key, nowMs);
    context.log.warn({ group, queue, startedAt, nextOffset }, 'offset corrected by the broker');
    const move = (): void => {
      this.moveTo(queue, nextOffset).catch((error: unknown) => {
        context.log.warn({ group, queue, reason: errorText(error) }, 'offset not corrected');
      });
    };
    if (again) this.#timers.later(ILLEGAL_PAUSE_MS, move);
    else move();
  }

  async #revoke(queue: MessageQueue): Promise<void> {
    const { store, locks, dispatcher, context } = this.#options;
    const reason = new Error('the queue went to another member');
    const assigned = this.#queues.get(queueKey(queue));
    if (assigned === undefined) return;
    if (locks === undefined) {
      this.#remove(queue, reason);
      await store.persist([queue]);
      store.forget(queue);
      return;
    }
    // Nobody else may start before the lock is free, so the handler may end its work and keep its result.
    this.#queues.delete(queueKey(queue));
    assigned.loop.stop();
    const free = dispatcher.retire(assigned.process);
    const handover = this.#handOver(assigned.process, free, reason)
      .catch((error: unknown) => {
        context.log.warn({ queue, reason: errorText(error) }, 'queue not handed over cleanly');
      })
      .finally(() => this.#handovers.delete(handover));
    this.#handovers.add(handover);
  }

  async #handOver(process: ProcessQueue, free: Promise<void>, reason: Error): Promise<void> {
    const { store, locks, context } = this.#options;
    const { queue } = process;
    await new Promise<void>((resolve) => {
      const timer = context.clock.setTimer(HAND_OVER_MS, resolve);
      void free.then(() => {
        timer.cancel();
        resolve();
      });
    });
    this.progress(process);
    process.drop(reason);
    await store.persist([queue]);
    // The queue may have come back meanwhile.
    if (this.#queues.has(queueKey(queue))) return;
    store.forget(queue);
    await locks?.unlock([queue]);
  }

  #remove(queue: MessageQueue, reason: Error): void {
    const assigned = this.#queues.get(queueKey(queue));
    if (assigned === undefined) return;
    this.#queues.delete(queueKey(queue));
    this.progress(assigned.process);
    assigned.loop.stop();
    void this.#options.dispatcher.retire(assigned.process);
    assigned.process.drop(reason);
  }
}

function newBacklog(unit: OrderUnit): Backlog {
  return unit === 'key' ? new KeyBacklog() : new OffsetBacklog();
}
