import type { Delivery } from './delivery.ts';

/** Messages of one queue that nobody works on, and which of them are next. */
export interface Backlog {
  /** How many may be handed out now. */
  readonly waiting: number;
  /** The next one. */
  readonly first: Delivery | undefined;
  /** Adds a message behind all earlier ones. */
  add(delivery: Delivery): void;
  take(max: number): Delivery[];
  /** Takes back what was handed out: it comes before what was not. */
  putBack(deliveries: readonly Delivery[]): void;
  /** The call that had these is over, and the rest after it: what it kept waiting may go on. */
  release(deliveries: readonly Delivery[]): void;
}

/** Entries that were handed out are cut off from this many on. */
const COMPACT_OVER = 256;

/** In the order of the queue. */
export class OffsetBacklog implements Backlog {
  readonly #fresh: Delivery[] = [];
  /** Index of the first entry that was never handed out. */
  #next = 0;
  readonly #returned: Delivery[] = [];

  get waiting(): number {
    return this.#returned.length + this.#fresh.length - this.#next;
  }

  get first(): Delivery | undefined {
    return this.#returned[0] ?? this.#fresh[this.#next];
  }

  add(delivery: Delivery): void {
    this.#fresh.push(delivery);
  }

  take(max: number): Delivery[] {
    const taken = this.#returned.splice(0, max);
    const end = Math.min(this.#fresh.length, this.#next + max - taken.length);
    while (this.#next < end) taken.push(this.#fresh[this.#next++] as Delivery);
    if (this.#next > COMPACT_OVER) {
      this.#fresh.splice(0, this.#next);
      this.#next = 0;
    }
    return taken;
  }

  putBack(deliveries: readonly Delivery[]): void {
    this.#returned.push(...deliveries);
    this.#returned.sort((a, b) => a.message.queueOffset - b.message.queueOffset);
  }

  release(): void {
    // Nothing waits for a call to end.
  }
}
