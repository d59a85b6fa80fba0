import type { Clock } from '@cometmq/common/clock/clock';

/** Below this mean a sync costs less than the way to the thread pool and back. */
const FAST_MEAN_MS = 0.15;
/** One sync as slow as this stops syncing on the event loop for a while. */
const SLOW_MS = 1;
const SLOW_PAUSE_MS = 10_000;
/** Weight of the newest measurement in the running mean. */
const MEAN_WEIGHT = 0.1;

/**
 * Decides whether a sync runs on the event loop. That nearly doubles the rate of a single waiting client on a fast disk,
 * and would stall everybody on a slow one.
 */
export class InlineSyncPolicy {
  readonly #clock: Clock;
  #meanMs = FAST_MEAN_MS * 2;
  #pausedUntilMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get allowed(): boolean {
    return this.#meanMs < FAST_MEAN_MS && this.#clock.monotonic() >= this.#pausedUntilMs;
  }

  /** Takes a sync's duration into account. */
  measured(durationMs: number): void {
    this.#meanMs += (durationMs - this.#meanMs) * MEAN_WEIGHT;
    if (durationMs > SLOW_MS) this.#pausedUntilMs = this.#clock.monotonic() + SLOW_PAUSE_MS;
  }
}
