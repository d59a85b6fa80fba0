import type { RandomSource } from '@cometmq/common/random/random';
import { SystemRandom } from '@cometmq/common/random/system-random';
import type { Duration } from '../options/duration.ts';
import { durationMs } from '../options/duration.ts';

const MINUTES = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 30, 60, 120];

/** Waiting time of level n at index n − 1 (Java: messageDelayLevel). */
const LEVELS_MS: readonly number[] = [
  1000,
  5000,
  10_000,
  30_000,
  ...MINUTES.map((minutes) => minutes * 60_000),
];

/** The shortest level that waits at least this long; the longest one (2 h) beyond. */
export function delayLevelFor(delayMs: number): number {
  const index = LEVELS_MS.findIndex((levelMs) => levelMs >= delayMs);
  return index < 0 ? LEVELS_MS.length : index + 1;
}

/** How long the retry after this attempt (1 is the first) waits, ms. */
export type RetryBackoff = (attempt: number) => number;

/**
 * Doubles from `first` up to `max`. Brokers know 18 waiting times (1 s … 2 h): the next longer one is used.
 * @param options.jitter takes off up to half at random
 */
export function exponential(
  first: Duration,
  options: { readonly max?: Duration; readonly jitter?: boolean; readonly random?: RandomSource } = {},
): RetryBackoff {
  const firstMs = durationMs(first, 'first');
  const maxMs = durationMs(options.max ?? '2h', 'max');
  const random = options.random ?? new SystemRandom();
  return (attempt) => {
    const stepMs = Math.min(maxMs, firstMs * 2 ** Math.min(attempt - 1, 40));
    return options.jitter === true ? stepMs - random.below(Math.floor(stepMs / 2) + 1) : stepMs;
  };
}
