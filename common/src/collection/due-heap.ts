import { MqError } from '../error/mq-error.ts';

const CAPACITY_MIN = 1024;

/**
 * What is due when, the earliest first; of equal times the lower id first. A binary heap on typed arrays: 16 bytes an
 * entry, and a million of them are two objects for the garbage collector. Entries are not removed from the middle: who
 * cancels one ignores its id when it comes up, and calls `keepOnly` when too many of them are stale.
 */
export class DueHeap {
  readonly #sizeMax: number;
  #dueAt = new Float64Array(CAPACITY_MIN);
  #ids = new Float64Array(CAPACITY_MIN);
  #size = 0;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  get size(): number {
    return this.#size;
  }

  /** Time of the first entry, `Infinity` when there is none. */
  get firstDueAt(): number {
    return this.#size === 0 ? Infinity : (this.#dueAt[0] ?? 0);
  }

  /** Id of the first entry, −1 when there is none. */
  get firstId(): number {
    return this.#size === 0 ? -1 : (this.#ids[0] ?? 0);
  }

  /**
   * @param dueAt any finite number: one that has no order would hide all behind it.
   * @param id a whole number up to 2^53.
   * @throws MqError `SYSTEM_BUSY` when the heap is full, `INTERNAL` for a time that is none.
   */
  push(dueAt: number, id: number): void {
    if (!Number.isFinite(dueAt)) throw new MqError('INTERNAL', `${dueAt} is no time`);
    if (this.#size === this.#sizeMax) {
      throw new MqError('SYSTEM_BUSY', `${this.#sizeMax} entries wait for their time, which is the limit`);
    }
    if (this.#size === this.#dueAt.length) this.#resize(this.#size * 2);
    this.#rise(this.#size++, dueAt, id);
  }

  /** Removes the first entry and returns its id; −1 when there is none. */
  pop(): number {
    if (this.#size === 0) return -1;
    const id = this.#ids[0] ?? 0;
    const last = --this.#size;
    if (last > 0) this.#sink(0, this.#dueAt[last] ?? 0, this.#ids[last] ?? 0);
    if (this.#dueAt.length > CAPACITY_MIN && last < this.#dueAt.length / 4) {
      this.#resize(this.#dueAt.length / 2);
    }
    return id;
  }

  /** Drops entries that `isWanted` does not want. Takes time in proportion to the size. */
  keepOnly(isWanted: (id: number, dueAt: number) => boolean): void {
    let kept = 0;
    for (let index = 0; index < this.#size; index++) {
      const dueAt = this.#dueAt[index] ?? 0;
      const id = this.#ids[index] ?? 0;
      if (!isWanted(id, dueAt)) continue;
      this.#dueAt[kept] = dueAt;
      this.#ids[kept++] = id;
    }
    this.#size = kept;
    for (let index = (kept >> 1) - 1; index >= 0; index--) {
      this.#sink(index, this.#dueAt[index] ?? 0, this.#ids[index] ?? 0);
    }
  }

  #isBefore(dueAt: number, id: number, index: number): boolean {
    const other = this.#dueAt[index] ?? 0;
    return dueAt < other || (dueAt === other && id < (this.#ids[index] ?? 0));
  }

  #rise(from: number, dueAt: number, id: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#isBefore(dueAt, id, parent)) break;
      this.#move(parent, index);
      index = parent;
    }
    this.#dueAt[index] = dueAt;
    this.#ids[index] = id;
  }

  #sink(from: number, dueAt: number, id: number): void {
    let index = from;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= this.#size) break;
      const right = child + 1;
      if (right < this.#size && this.#isBefore(this.#dueAt[right] ?? 0, this.#ids[right] ?? 0, child)) {
        child = right;
      }
      if (this.#isBefore(dueAt, id, child)) break;
      this.#move(child, index);
      index = child;
    }
    this.#dueAt[index] = dueAt;
    this.#ids[index] = id;
  }

  #move(from: number, to: number): void {
    this.#dueAt[to] = this.#dueAt[from] ?? 0;
    this.#ids[to] = this.#ids[from] ?? 0;
  }

  #resize(capacity: number): void {
    const dueAt = new Float64Array(capacity);
    const ids = new Float64Array(capacity);
    dueAt.set(this.#dueAt.subarray(0, this.#size));
    ids.set(this.#ids.subarray(0, this.#size));
    this.#dueAt = dueAt;
    this.#ids = ids;
  }
}
