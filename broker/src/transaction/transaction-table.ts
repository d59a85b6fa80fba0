import { DueHeap } from '@cometmq/common/collection/due-heap';
import type { OpenTransaction } from './transaction.ts';

/** Stale entries of the heap are dropped when there are more of them than open transactions, and than this. */
const STALE_MAX = 4_096;
/** Names of groups and topics that are kept to be shared. */
const NAMES_MAX = 10_000;

interface Scheduled {
  readonly open: OpenTransaction;
  /** Monotonic time of the next question, ms; `Infinity` when there is none. */
  dueAt: number;
  /** Monotonic time from which on it may be asked about, ms. */
  checkableAt: number;
}

/**
 * The open transactions in memory: what all notes and half messages of the log, up to the one appended last, amount
 * to. Changed in the same turn in which the message that says so is appended, so that it never waits for anything.
 */
export class TransactionTable {
  readonly #byPlace = new Map<number, Scheduled>();
  readonly #byKey = new Map<string, OpenTransaction>();
  /** Kept small by `schedule`. */
  readonly #heap = new DueHeap(Number.MAX_SAFE_INTEGER);
  /** Places whose transactions were opened, changed or decided since this was last asked. */
  #changed = new Set<number>();
  #bytes = 0;
  /** One string for each name, however many transactions carry it. */
  readonly #names = new Map<string, string>();

  get size(): number {
    return this.#byPlace.size;
  }

  /** Bytes of the open half messages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Entries of the schedule, those included that are out of date. */
  get scheduledCount(): number {
    return this.#heap.size;
  }

  /** The one that was stored first. */
  get oldest(): OpenTransaction | undefined {
    const [oldest] = this.#byPlace.values();
    return oldest?.open;
  }

  /** `dueAt`: monotonic time of the first question, ms. */
  add(opened: OpenTransaction, dueAt: number): void {
    const open = {
      ...opened,
      producerGroup: this.#shared(opened.producerGroup),
      topic: this.#shared(opened.topic),
    };
    this.#byPlace.set(open.physicalOffset, { open, dueAt: Infinity, checkableAt: -Infinity });
    this.#byKey.set(keyOf(open.producerGroup, open.uniqueKey), open);
    this.#bytes += open.sizeBytes;
    this.schedule(open, dueAt);
    this.touch(open);
  }

  /** By the place where it was first stored. */
  find(physicalOffset: number): OpenTransaction | undefined {
    return this.#byPlace.get(physicalOffset)?.open;
  }

  /** The newest one with this id. */
  findByKey(producerGroup: string, uniqueKey: string): OpenTransaction | undefined {
    return this.#byKey.get(keyOf(producerGroup, uniqueKey));
  }

  /** In the order in which they were stored. */
  *all(): Generator<OpenTransaction> {
    for (const { open } of this.#byPlace.values()) yield open;
  }

  remove(open: OpenTransaction): void {
    if (!this.#byPlace.delete(open.physicalOffset)) return;
    const key = keyOf(open.producerGroup, open.uniqueKey);
    if (this.#byKey.get(key) === open) this.#byKey.delete(key);
    this.#bytes -= open.sizeBytes;
    this.#changed.add(open.physicalOffset);
  }

  /** Something of it changed that must outlive a restart. */
  touch(open: OpenTransaction): void {
    this.#changed.add(open.physicalOffset);
  }

  /** The next question is due at this monotonic time, ms; with `Infinity` there is none. */
  schedule(open: OpenTransaction, dueAt: number): void {
    const scheduled = this.#byPlace.get(open.physicalOffset);
    if (scheduled === undefined) return;
    scheduled.dueAt = dueAt;
    if (dueAt === Infinity) return;
    if (open.checkedAt === 0 && scheduled.checkableAt === -Infinity) scheduled.checkableAt = dueAt;
    this.#heap.push(dueAt, open.physicalOffset);
    if (this.#heap.size > 2 * this.#byPlace.size + STALE_MAX) {
      this.#heap.keepOnly((place, at) => this.#byPlace.get(place)?.dueAt === at);
    }
  }

  /** Monotonic time of the next question, ms. */
  dueAt(open: OpenTransaction): number {
    return this.#byPlace.get(open.physicalOffset)?.dueAt ?? Infinity;
  }

  /** True when its time without questions is over. */
  isCheckable(open: OpenTransaction, nowMs: number): boolean {
    return nowMs > (this.#byPlace.get(open.physicalOffset)?.checkableAt ?? -Infinity);
  }

  /** A transaction whose question is due at `nowMs`; it has no further one until it is scheduled again. */
  takeDue(nowMs: number): OpenTransaction | undefined {
    while (this.#heap.firstDueAt <= nowMs) {
      const dueAt = this.#heap.firstDueAt;
      const scheduled = this.#byPlace.get(this.#heap.pop());
      if (scheduled?.dueAt !== dueAt) continue;
      scheduled.dueAt = Infinity;
      return scheduled.open;
    }
    return undefined;
  }

  /** Places of what changed since the last call. */
  takeChanged(): Set<number> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  /** What `takeChanged` gave could not be saved. */
  giveBack(changed: ReadonlySet<number>): void {
    for (const place of changed) this.#changed.add(place);
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0;
  }

  #shared(name: string): string {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    // Names come from producers. Those in use stay alive by themselves.
    if (this.#names.size >= NAMES_MAX) this.#names.clear();
    this.#names.set(name, name);
    return name;
  }
}

function keyOf(producerGroup: string, uniqueKey: string): string {
  return `${producerGroup}\n${uniqueKey}`;
}
