import { expect, test } from 'vitest';
import { judgeCase, judgeStates, statesWanted } from '../support/crash-states/run.ts';

// Runs workloads over the real store, cuts the power at every disk operation, each time with other parts of the unsynced
// data surviving, in the starts that follow as well, and judges what each start finds. A state is one disk image that
// was recovered, read and compared with what had been sent, answered and seen; the same image is counted once.
//
//   COMET_CRASH_CASE='quick-3/127' npm test -- --project simulation store-crash     a failure alone
//   COMET_TEST_EXHAUSTIVE=1 npm test -- --project simulation store-crash            some hours of it

const MINUTES = 60_000;
const only = process.env['COMET_CRASH_CASE'];

if (only === undefined)
  test('no crash state of a quick disk breaks a promise', { timeout: 600 * MINUTES }, allStates);
else
  test('the named case', { timeout: 10 * MINUTES }, async () => {
    expect(await judgeCase('quick', only)).toBeTypeOf('boolean');
  });

async function allStates(): Promise<void> {
  const wanted = statesWanted();
  const run = await judgeStates('quick', wanted);
  console.log({ ...run, coverage: run.coverage.size });
  expect(run.images).toBeGreaterThanOrEqual(wanted);
  for (const what of MET) expect(run.coverage.get(what) ?? 0, what).toBeGreaterThan(0);
  expect(Math.min(run.kills, run.recoveryCrashes, run.rebuilds)).toBeGreaterThan(0);
}

/** What the workloads must have met: else a state that matters was not there to be judged. */
const MET = [
  'write commitlog/N',
  'rename commitlog/spare',
  'rename commitlog/spare.preparing',
  'rename commitlog/N',
  'remove commitlog/N',
  'create consumequeue/orders/0/N',
  'remove consumequeue/orders/0/N',
  'rename index/N.slots.tmp',
  'write checkpoint',
  'rename dropped-topics.json.tmp',
  'remove consumequeue/bills/0/N',
  'rename rebuilding.json.tmp',
  'remove rebuilding.json',
];
