/** Counts events by second, or by longer steps, to tell rates and sums of the recent past. */
export class RateWindow {
  readonly #counts: Float64Array;
  readonly #stepMs: number;
  #step = -1;
  total = 0;

  /** Remembers up to `steps` of `stepMs` each, 8 bytes for each. */
  constructor(steps: number, stepMs = 1000) {
    this.#counts = new Float64Array(steps);
    this.#stepMs = stepMs;
  }

  add(nowMs: number, count: number): void {
    this.#advance(nowMs);
    const slot = this.#step % this.#counts.length;
    this.#counts[slot] = (this.#counts[slot] ?? 0) + count;
    this.total += count;
  }

  /** Sum of the last whole `steps`, the current one left out. */
  sum(nowMs: number, steps: number): number {
    this.#advance(nowMs);
    let sum = 0;
    for (let back = 1; back <= Math.min(steps, this.#counts.length - 1); back++) {
      if (this.#step - back >= 0) sum += this.#counts[(this.#step - back) % this.#counts.length] ?? 0;
    }
    return sum;
  }

  /** Sum of all that is remembered, the current step included. */
  sumOfAll(nowMs: number): number {
    this.#advance(nowMs);
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  perSecond(nowMs: number, steps: number): number {
    return (this.sum(nowMs, steps) * 1000) / (steps * this.#stepMs);
  }

  #advance(nowMs: number): void {
    const step = Math.floor(nowMs / this.#stepMs);
    if (step <= this.#step) return;
    if (this.#step < 0) this.#step = step;
    const size = this.#counts.length;
    const steps = Math.min(step - this.#step, size);
    for (let ahead = 1; ahead <= steps; ahead++) this.#counts[(this.#step + ahead) % size] = 0;
    this.#step = step;
  }
}
