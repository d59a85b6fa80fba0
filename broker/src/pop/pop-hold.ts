import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { Limits } from '../config/limits.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';

/** A request that waits for a message of any of a topic's queues. */
export interface HeldPop {
  readonly group: string;
  readonly topic: string;
  /** What it asks for: when nothing is there for it, nothing is for another one that asks for the same. */
  readonly wants: string;
  /** Queues whose new messages could answer it. */
  readonly queues: readonly StoreQueue[];
  /** How long to wait, ms. */
  readonly timeoutMs: number;
  /** Whose connection it came on; the request is forgotten with it. */
  readonly owner: object;
  /** Tries again; true when that answered the request. */
  readonly attempt: () => boolean;
  /** The time is over: answers the request. */
  readonly expire: () => void;
}

interface Waiter extends HeldPop {
  readonly key: string;
  readonly tick: number;
}

/** Deadlines are kept in steps of this size: one timer for all of them. */
const TICK_MS = 200;

/**
 * Holds POP requests (long polling). Those of one group and topic are served in the order in which they came, so that
 * all members get their share.
 */
export class PopHold {
  readonly #clock: Clock;
  readonly #byKey = new Map<string, Set<Waiter>>();
  readonly #byQueue = new Map<StoreQueue, Set<Waiter>>();
  readonly #listeners = new Map<StoreQueue, () => void>();
  readonly #byOwner = new Map<object, Set<Waiter>>();
  readonly #byTick = new Map<number, Set<Waiter>>();
  /** Keys with something new, looked at together at the end of the turn. */
  readonly #woken = new Set<string>();
  #timer: Timer | undefined;
  #lastTick: number;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lastTick = this.#tickOf(0);
  }

  get count(): number {
    return this.#count;
  }

  countOf(group: string, topic: string): number {
    return this.#byKey.get(keyOf(group, topic))?.size ?? 0;
  }

  /** False when too many are held already. */
  hold(pop: HeldPop): boolean {
    const key = keyOf(pop.group, pop.topic);
    const present = this.#byKey.get(key)?.size ?? 0;
    if (present >= Limits.heldPopsPerKey || this.#count >= Limits.heldPops) return false;
    const waitMs = Math.min(Math.max(pop.timeoutMs, 0), Limits.holdTimeoutMs);
    const waiter = { ...pop, key, tick: this.#tickOf(waitMs) + 1 };
    this.#count++;
    add(this.#byKey, key, waiter);
    add(this.#byOwner, pop.owner, waiter);
    add(this.#byTick, waiter.tick, waiter);
    for (const queue of pop.queues) if (add(this.#byQueue, queue, waiter) === 1) this.#listen(queue);
    if (this.#timer === undefined) {
      this.#lastTick = this.#tickOf(0);
      this.#timer = this.#arm();
    }
    return true;
  }

  /** Something may be there for a group: a retry, or a queue that an ordered batch had blocked. */
  wake(group: string, topic: string): void {
    const key = keyOf(group, topic);
    if (this.#byKey.has(key)) this.#wakeSoon(key);
  }

  /** A connection broke: nobody waits for these answers. */
  forget(owner: object): void {
    for (const waiter of [...(this.#byOwner.get(owner) ?? [])]) this.#release(waiter);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #arrived(queue: StoreQueue): void {
    for (const { key } of this.#byQueue.get(queue) ?? []) this.#wakeSoon(key);
  }

  #wakeSoon(key: string): void {
    if (this.#woken.has(key)) return;
    this.#woken.add(key);
    if (this.#woken.size > 1) return;
    this.#clock.defer(() => {
      const keys = [...this.#woken];
      this.#woken.clear();
      for (const woken of keys) this.#serve(woken);
    });
  }

  /** Those who came first are served first; who finds nothing is no hindrance to those who want something else. */
  #serve(key: string): void {
    const inVain = new Set<string>();
    for (const waiter of [...(this.#byKey.get(key) ?? [])]) {
      // An answer may have closed the connection of others.
      if (inVain.has(waiter.wants) || this.#byKey.get(key)?.has(waiter) !== true) continue;
      if (waiter.attempt()) this.#release(waiter);
      else inVain.add(waiter.wants);
    }
  }

  #release(waiter: Waiter): boolean {
    if (!remove(this.#byKey, waiter.key, waiter)) return false;
    this.#count--;
    remove(this.#byOwner, waiter.owner, waiter);
    remove(this.#byTick, waiter.tick, waiter);
    for (const queue of waiter.queues) {
      remove(this.#byQueue, queue, waiter);
      if (!this.#byQueue.has(queue)) this.#unlisten(queue);
    }
    return true;
  }

  #listen(queue: StoreQueue): void {
    const listener = (): void => {
      this.#arrived(queue);
    };
    this.#listeners.set(queue, listener);
    queue.onArrival(listener);
  }

  #unlisten(queue: StoreQueue): void {
    const listener = this.#listeners.get(queue);
    if (listener !== undefined) queue.offArrival(listener);
    this.#listeners.delete(queue);
  }

  #tickOf(delayMs: number): number {
    return Math.floor((this.#clock.monotonic() + delayMs) / TICK_MS);
  }

  #arm(): Timer {
    return this.#clock.setTimer(TICK_MS, () => {
      const now = this.#tickOf(0);
      for (; this.#lastTick < now; this.#lastTick++) {
        for (const waiter of [...(this.#byTick.get(this.#lastTick + 1) ?? [])]) {
          if (this.#release(waiter)) waiter.expire();
        }
      }
      this.#timer = this.#count > 0 ? this.#arm() : undefined;
    });
  }
}

function keyOf(group: string, topic: string): string {
  return `${group}@${topic}`;
}

function add<K>(sets: Map<K, Set<Waiter>>, key: K, waiter: Waiter): number {
  let set = sets.get(key);
  if (set === undefined) sets.set(key, (set = new Set<Waiter>()));
  set.add(waiter);
  return set.size;
}

function remove<K>(sets: Map<K, Set<Waiter>>, key: K, waiter: Waiter): boolean {
  const set = sets.get(key);
  const removed = set?.delete(waiter) ?? false;
  if (set?.size === 0) sets.delete(key);
  return removed;
}
