import { DueHeap } from '@cometmq/common/collection/due-heap';

/** A message that waits for its time: its queue offset in the timer topic, when, and where its record lies. */
export interface WaitingTimer {
  readonly id: number;
  /** ms. */
  readonly dueAt: number;
  readonly physicalOffset: number;
  readonly size: number;
}

/** Heap entries of timers that were moved or cancelled, beyond which they are swept out. */
const STALE_MIN = 4_096;

/**
 * The timers that are due next, in memory: a heap for the order and typed arrays for the rest, about 90 bytes each. Holds
 * all timers before its border, and perhaps some behind it.
 */
export class NearTimers {
  readonly capacity: number;
  readonly #heap: DueHeap;
  /** Id to place in the arrays. */
  readonly #places = new Map<number, number>();
  readonly #free: number[] = [];
  #dueAt = new Float64Array(1024);
  #physicalOffsets = new Float64Array(1024);
  #sizes = new Int32Array(1024);
  #used = 0;
  /** All timers before it (by time, then by id) are here. */
  #borderDueAt = -Infinity;
  #borderId = 0;

  constructor(capacity: number) {
    this.capacity = capacity;
    this.#heap = new DueHeap(4 * capacity + STALE_MIN);
  }

  get size(): number {
    return this.#places.size;
  }

  get borderDueAt(): number {
    return this.#borderDueAt;
  }

  get borderId(): number {
    return this.#borderId;
  }

  moveBorder(dueAt: number, id: number): void {
    this.#borderDueAt = dueAt;
    this.#borderId = id;
  }

  isBeforeBorder(dueAt: number, id: number): boolean {
    return dueAt < this.#borderDueAt || (dueAt === this.#borderDueAt && id < this.#borderId);
  }

  /** Time of the first timer, `Infinity` without one. */
  get firstDueAt(): number {
    this.#dropStale();
    return this.#heap.firstDueAt;
  }

  has(id: number): boolean {
    return this.#places.has(id);
  }

  /** Takes a timer in; one that is here already keeps its place unless its time is another. */
  add({ id, dueAt, physicalOffset, size }: WaitingTimer): void {
    const present = this.#places.get(id);
    if (present !== undefined && this.#dueAt[present] === dueAt) return;
    const place = present ?? this.#free.pop() ?? this.#newPlace();
    this.#dueAt[place] = dueAt;
    this.#physicalOffsets[place] = physicalOffset;
    this.#sizes[place] = size;
    this.#places.set(id, place);
    if (this.#heap.size > 2 * this.#places.size + STALE_MIN) this.#sweep();
    this.#heap.push(dueAt, id);
  }

  /** Forgets a timer that was cancelled or moved. */
  remove(id: number): void {
    const place = this.#places.get(id);
    if (place === undefined) return;
    this.#places.delete(id);
    this.#free.push(place);
  }

  /** Removes and returns the first timer. */
  take(): WaitingTimer | undefined {
    this.#dropStale();
    const dueAt = this.#heap.firstDueAt;
    const id = this.#heap.pop();
    const place = this.#places.get(id);
    if (place === undefined) return undefined;
    const timer = {
      id,
      dueAt,
      physicalOffset: this.#physicalOffsets[place] ?? 0,
      size: this.#sizes[place] ?? 0,
    };
    this.remove(id);
    return timer;
  }

  /** Gives up the later half, or more: their rows are in the table, from where they come back in time. */
  shrink(): void {
    const times = [...this.#places.values()].map((place) => this.#dueAt[place] ?? 0).sort((a, b) => a - b);
    const middle = times[times.length >> 1] ?? 0;
    if (middle < this.#borderDueAt) this.moveBorder(middle, 0);
    this.dropBehindBorder();
  }

  dropBehindBorder(): void {
    for (const [id, place] of this.#places)
      if (!this.isBeforeBorder(this.#dueAt[place] ?? 0, id)) this.remove(id);
    this.#sweep();
  }

  /** Due times of all timers here before the border, in no order. */
  *dueTimes(): Generator<number> {
    for (const [id, place] of this.#places) {
      const dueAt = this.#dueAt[place] ?? 0;
      if (this.isBeforeBorder(dueAt, id)) yield dueAt;
    }
  }

  #isCurrent(id: number, dueAt: number): boolean {
    const place = this.#places.get(id);
    return place !== undefined && this.#dueAt[place] === dueAt;
  }

  #dropStale(): void {
    while (this.#heap.size > 0 && !this.#isCurrent(this.#heap.firstId, this.#heap.firstDueAt))
      this.#heap.pop();
  }

  #sweep(): void {
    this.#heap.keepOnly((id, dueAt) => this.#isCurrent(id, dueAt));
  }

  #newPlace(): number {
    const place = this.#used++;
    if (place === this.#sizes.length) {
      this.#dueAt = grown(this.#dueAt, new Float64Array(place * 2));
      this.#physicalOffsets = grown(this.#physicalOffsets, new Float64Array(place * 2));
      this.#sizes = grown(this.#sizes, new Int32Array(place * 2));
    }
    return place;
  }
}

function grown<T extends Float64Array | Int32Array>(from: T, to: T): T {
  to.set(from);
  return to;
}
