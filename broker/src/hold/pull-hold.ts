import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { Limits } from '../config/limits.ts';
import { ENTRY_SIZE, entryPhysicalOffset, entrySize, entryTagsCode } from '../store/queue/queue-entry.ts';
import type { EntryFilter } from '../store/read-plan.ts';
import type { RecordScan } from '../store/record-scan.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';

/** A pull that waits for a message. */
export interface HeldPull {
  readonly queue: StoreQueue;
  /** The queue's end when the pull came: messages before it were looked at. */
  readonly offset: number;
  readonly filter: EntryFilter | undefined;
  /** Begins a look at the messages themselves; undefined when the entries are enough. */
  readonly scan?: (() => RecordScan) | undefined;
  /** How long to wait, ms. */
  readonly timeoutMs: number;
  /** Whose connection it came on; the pull is forgotten with it. */
  readonly owner: object;
  /** Answers now: a matching message came, or the time is over. */
  readonly resume: () => void;
}

interface Waiter extends HeldPull {
  /** Entries before it are known not to match. */
  checked: number;
  readonly tick: number;
}

/** Deadlines are kept in steps of this size: one timer for all of them. */
const TICK_MS = 200;
/** Entries that one wake-up looks at for one waiter. */
const CHECK_MAX = 1024;

/** Holds pulls (long polling) by queue. Waiting ones cost nothing until their queue gets a message. */
export class PullHold {
  readonly #clock: Clock;
  readonly #byQueue = new Map<StoreQueue, Set<Waiter>>();
  readonly #listeners = new Map<StoreQueue, () => void>();
  readonly #byOwner = new Map<object, Set<Waiter>>();
  readonly #byTick = new Map<number, Set<Waiter>>();
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

  /** Holds a pull; false when too many are held already. */
  hold(pull: HeldPull): boolean {
    if (this.#count >= Limits.heldPulls) return false;
    const waitMs = Math.min(Math.max(pull.timeoutMs, 0), Limits.holdTimeoutMs);
    const waiter = { ...pull, checked: pull.offset, tick: this.#tickOf(waitMs) + 1 };
    this.#count++;
    add(this.#byOwner, pull.owner, waiter);
    add(this.#byTick, waiter.tick, waiter);
    if (add(this.#byQueue, pull.queue, waiter) === 1) this.#listen(pull.queue);
    this.#timer ??= this.#arm();
    return true;
  }

  /** Answers all waiting pulls of a queue, for example because its group's offsets were moved. */
  wake(queue: StoreQueue): void {
    for (const waiter of [...(this.#byQueue.get(queue) ?? [])]) this.#resume(waiter);
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
    for (const waiter of [...(this.#byQueue.get(queue) ?? [])])
      if (this.#matches(waiter)) this.#resume(waiter);
  }

  #matches(waiter: Waiter): boolean {
    if (waiter.scan !== undefined) return this.#matchesRecord(waiter, waiter.scan());
    if (waiter.filter === undefined) return waiter.queue.max > waiter.offset;
    const view = waiter.queue.view(waiter.checked, CHECK_MAX);
    for (let index = 0; index < view.count; index++) {
      if (waiter.filter(entryTagsCode(view.bytes, view.at + index * ENTRY_SIZE))) return true;
    }
    waiter.checked += view.count;
    // Far behind: the pull itself advances better than this look does.
    return view.count === CHECK_MAX;
  }

  #matchesRecord(waiter: Waiter, scan: RecordScan): boolean {
    const view = waiter.queue.view(waiter.checked, CHECK_MAX);
    for (let index = 0; index < view.count; index++) {
      const at = view.at + index * ENTRY_SIZE;
      const size = entrySize(view.bytes, at);
      if (size < 0) continue;
      if (scan.isSpent || scan.matches(entryPhysicalOffset(view.bytes, at), size)) return true;
    }
    waiter.checked += view.count;
    return view.count === CHECK_MAX;
  }

  #resume(waiter: Waiter): void {
    this.#release(waiter);
    waiter.resume();
  }

  #release(waiter: Waiter): void {
    if (!remove(this.#byOwner, waiter.owner, waiter)) return;
    this.#count--;
    remove(this.#byTick, waiter.tick, waiter);
    remove(this.#byQueue, waiter.queue, waiter);
    if (!this.#byQueue.has(waiter.queue)) this.#unlisten(waiter.queue);
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
        for (const waiter of [...(this.#byTick.get(this.#lastTick + 1) ?? [])]) this.#resume(waiter);
      }
      this.#timer = this.#count > 0 ? this.#arm() : undefined;
    });
  }
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
