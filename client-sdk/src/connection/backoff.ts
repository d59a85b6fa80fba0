import type { RandomSource } from '@cometmq/common/random/random';

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** Exponential back-off with jitter: between half of the step and the whole of it, so that clients spread. */
export class Backoff {
  readonly #random: RandomSource;
  readonly #options: BackoffOptions;
  #failures = 0;

  constructor(random: RandomSource, options: BackoffOptions) {
    this.#random = random;
    this.#options = options;
  }

  get failures(): number {
    return this.#failures;
  }

  /** Counts a failure and returns how long to wait. */
  next(): number {
    const step = Math.min(this.#options.maxMs, this.#options.firstMs * 2 ** Math.min(this.#failures, 30));
    this.#failures++;
    const half = step / 2;
    return half + this.#random.below(Math.floor(half) + 1);
  }

  reset(): void {
    this.#failures = 0;
  }
}
