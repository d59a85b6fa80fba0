// A broker against what it should be: random steps through the remoting door, compared with the reference after each.
// More runs: COMET_MODEL_RUNS=200000. A failure names seed, path and replayPath, and tells what happened; it is run again
// with COMET_MODEL_SEED, COMET_MODEL_PATH and COMET_MODEL_REPLAY_PATH.
import fc from 'fast-check';
import { test } from 'vitest';
import type { Flush } from './support/broker-under-test.ts';
import { World } from './support/world.ts';
import { crash, crashValues, lifeSteps } from './steps/life-steps.ts';
import { progressSteps } from './steps/progress-steps.ts';
import { readSteps } from './steps/read-steps.ts';
import { retrySteps } from './steps/retry-steps.ts';
import { sendSteps } from './steps/send-steps.ts';
import { topicSteps } from './steps/topic-steps.ts';
import { transactionSteps } from './steps/transaction-steps.ts';

const RUNS = Number(process.env['COMET_MODEL_RUNS'] ?? 2_000);
const STEPS_MAX = 60;
/** For one run on a busy machine, shrinking included. */
const RUN_MS = 1_000;
const { COMET_MODEL_SEED: seed, COMET_MODEL_PATH: path, COMET_MODEL_REPLAY_PATH: replayPath } = process.env;

const steps = fc.commands(
  [
    ...sendSteps,
    ...readSteps,
    ...progressSteps,
    ...retrySteps,
    ...transactionSteps,
    ...topicSteps,
    ...lifeSteps,
  ],
  { maxCommands: STEPS_MAX, size: 'max', ...(replayPath === undefined ? {} : { replayPath }) },
);

test(
  `${RUNS} runs of up to ${STEPS_MAX} steps`,
  async () => {
    const flushes: fc.Arbitrary<Flush> = fc.constantFrom('sync', 'sync', 'sync', 'async');
    await fc.assert(
      fc.asyncProperty(flushes, steps, crashValues, async (flush, commands, end) => {
        const world = await World.start(flush);
        try {
          await fc.asyncModelRun(() => ({ model: world.reference, real: world }), commands);
          await crash(world, end);
        } catch (error) {
          throw new Error(`${String(error)}\n${world.story.join('\n')}`, { cause: error });
        }
      }),
      {
        numRuns: RUNS,
        ...(seed === undefined ? {} : { seed: Number(seed) }),
        ...(path === undefined ? {} : { path }),
      },
    );
  },
  Math.max(RUNS, 100) * RUN_MS,
);
