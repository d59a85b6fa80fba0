/** Counts events by second, to tell rates of the last seconds and minutes. */
export class RateWindow {
  readonly #counts: Float64Array;
  #second = -1;
  total = 0;

  /** Remembers up to `seconds`, 8 bytes for each. */
  constructor(seconds: number) {
    this.#counts = new Float64Array(seconds);
  }

  add(nowMs: number, count: number): void {
    this.#advance(Math.floor(nowMs / 1000));
    const slot = this.#second % this.#counts.length;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + count;
    this.total += count;
  }

  /** Sum of the last whole `seconds`, the current second left out. */
  sum(nowMs: number, seconds: number): number {
    this.#advance(Math.floor(nowMs / 1000));
    let sum = 0;
    for (let back = 1; back <= Math.min(seconds, this.#counts.length - 1); back++) {
      if (this.#second - back >= 0) sum += this.#counts[(this.#second - back) % this.#counts.length] ?? 0;
    }
    return sum;
  }

  perSecond(nowMs: number, seconds: number): number {
    return this.sum(nowMs, seconds) / seconds;
  }

  #advance(second: number): void {
    if (this.#second < 0) this.#second = second;
    const size = this.#counts.length;
    const steps = Math.min(second - this.#second, size);
    for (let step = 1; step <= steps; step++) this.#counts[(this.#second + step) % size] = 0;
    if (second > this.#second) this.#second = second;
  }
}
