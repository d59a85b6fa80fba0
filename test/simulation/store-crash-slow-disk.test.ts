import { expect, test } from 'vitest';
import { judgeCase, judgeStates, statesWanted } from '../support/crash-states/run.ts';

// As store-crash.test.ts, over disks that take a while for syncs, for names or for derived files: several frames, names
// and checkpoints are under way at once.

const MINUTES = 60_000;
const only = process.env['COMET_CRASH_CASE'];

if (only === undefined)
  test('no crash state of a slow disk breaks a promise', { timeout: 600 * MINUTES }, allStates);
else
  test('the named case', { timeout: 10 * MINUTES }, async () => {
    expect(await judgeCase('slow', only)).toBeTypeOf('boolean');
  });

async function allStates(): Promise<void> {
  const wanted = statesWanted();
  const run = await judgeStates('slow', wanted);
  console.log({ ...run, coverage: run.coverage.size });
  expect(run.images).toBeGreaterThanOrEqual(wanted);
  expect(Math.min(run.kills, run.recoveryCrashes)).toBeGreaterThan(0);
}
