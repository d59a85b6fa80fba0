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

const RUNS_DEFAULT = 2_000;
/** The normal run is the same every time; longer ones are new ones. */
const SEED_DEFAULT = 4;
const STEPS_MAX = 60;
/** For one run on a busy machine, shrinking included. */
const RUN_MS = 1_000;
const {
  COMET_MODEL_RUNS: runs,
  COMET_MODEL_SEED: seed = runs === undefined ? SEED_DEFAULT : undefined,
  COMET_MODEL_PATH: path,
  COMET_MODEL_REPLAY_PATH: replayPath,
} = process.env;
const RUNS = Number(runs ?? RUNS_DEFAULT);

const all = [
  ...sendSteps,
  ...readSteps,
  ...progressSteps,
  ...retrySteps,
  ...transactionSteps,
  ...topicSteps,
  ...lifeSteps,
];
const replay = replayPath === undefined ? {} : { replayPath };
/** Mostly short ones: many beginnings find more than long ends. */
const steps = fc.oneof(
  { weight: 2, arbitrary: fc.commands(all, { maxCommands: STEPS_MAX / 2, size: 'max', ...replay }) },
  { weight: 1, arbitrary: fc.commands(all, { maxCommands: STEPS_MAX, size: 'max', ...replay }) },
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
