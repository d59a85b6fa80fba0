// A real broker is killed under mixed load at every named point: before, after and in the middle of its disk operations,
// those of its recovery included.
import { expect, test } from 'vitest';
import { CRASH_POINTS, crashPointName } from '../support/crash/crash-points.ts';
import { crashRun } from '../support/crash/crash-run.ts';
import { CRASH_CYCLES, CRASH_SEED, judgeRun, tell } from '../support/crash/judge-run.ts';

/** Time for a point to strike, ms. */
const POINT_LIMIT_MS = 10_000;
/** Each point is visited once in an ordinary run, five times when 200 kills are asked for. */
const ROUNDS = Math.max(1, Math.floor(CRASH_CYCLES / 40));
const CYCLES = Array.from({ length: ROUNDS }, () => CRASH_POINTS)
  .flat()
  .map((point) => ({ point, afterMs: POINT_LIMIT_MS }));

test(`kill at ${CYCLES.length} points`, { timeout: 60_000 + CYCLES.length * 12_000 }, async () => {
  const run = await crashRun(CYCLES, 'sync', CRASH_SEED, tell);
  judgeRun('crash-points', run);
  // A point that no longer exists must leave the list.
  expect(CRASH_POINTS.map(crashPointName).filter((name) => !run.struck.has(name))).toEqual([]);
});
