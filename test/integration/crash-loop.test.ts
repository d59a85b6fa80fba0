// A real broker is killed again and again under mixed load, at random moments, and its clients write down what they saw.
// `npm run test:crash -- 200` kills as often as it is told.
import { test } from 'vitest';
import type { CrashCycle } from '../support/crash/crash-run.ts';
import { crashRun } from '../support/crash/crash-run.ts';
import { CRASH_CYCLES, CRASH_SEED, judgeRun, tell } from '../support/crash/judge-run.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const LIMIT_MS = 60_000 + CRASH_CYCLES * 4_000;

/** Lives of 20 to 800 ms; each sixth is long enough for a checkpoint and for offsets to be saved. */
function randomCycles(count: number): CrashCycle[] {
  const random = new SeededRandom(CRASH_SEED);
  return Array.from({ length: count }, (_, index) => ({
    afterMs: 20 + random.below(780) + (index % 6 === 5 ? 1_200 : 0),
  }));
}

/** A killed process takes nothing with it that the system has: `flush: async` promises the same here. */
const ASYNC_CYCLES = Math.ceil(CRASH_CYCLES / 6);

test.each([
  ['sync', CRASH_CYCLES],
  ['async', ASYNC_CYCLES],
] as const)('kill -9 under mixed load, flush %s, %i times', { timeout: LIMIT_MS }, async (flush, cycles) => {
  judgeRun(`crash-loop-${flush}`, await crashRun(randomCycles(cycles), flush, CRASH_SEED, tell));
});
