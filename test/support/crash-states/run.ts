import type { Counts } from './explorer.ts';
import { CrashExplorer } from './explorer.ts';
import type { LifeEnd, SlowPart, WorkloadPlan } from './plan.ts';
import { SEGMENT_SIZE } from './plan.ts';
import { CrashWorkload } from './workload.ts';

/** A disk that answers at once, or one that takes its time. */
export type DiskKind = 'quick' | 'slow';

const LIVES: readonly (readonly LifeEnd[])[] = [
  ['close', 'kill', 'power', 'kill'],
  ['power', 'lose index', 'close', 'kill'],
  ['kill', 'power', 'kill', 'close'],
];
const SLOW: readonly (readonly SlowPart[])[] = [
  ['syncs', 'names', 'derived'],
  ['names'],
  ['syncs'],
  ['derived'],
];
const ROUNDS_PER_LIFE = 12;
/** One moment in so many of a workload: more workloads for the same time. */
const MOMENT_STRIDE = 4;
const STATES = 100_000;
const STATES_EXHAUSTIVE = 2_000_000;

/** States that each of the test files judges: COMET_TEST_STATES, or many with COMET_TEST_EXHAUSTIVE=1. */
export function statesWanted(): number {
  const { COMET_TEST_STATES: wanted, COMET_TEST_EXHAUSTIVE: exhaustive } = process.env;
  return wanted === undefined ? (exhaustive === '1' ? STATES_EXHAUSTIVE : STATES) : Number(wanted);
}

/** The workload of a seed. One in five is of a broker that does not sync before it answers. */
export function planOf(kind: DiskKind, seed: number): WorkloadPlan {
  return {
    name: kind,
    seed,
    store: {
      logSizeMaxBytes: (3 + (seed % 3)) * SEGMENT_SIZE,
      durability: seed % 5 === 4 ? 'written' : 'synced',
    },
    slow: kind === 'quick' ? [] : (SLOW[seed % SLOW.length] ?? []),
    isTight: seed % 4 < 2,
    lives: LIVES[seed % LIVES.length] ?? [],
    roundsPerLife: ROUNDS_PER_LIFE,
  };
}

export interface Run extends Counts {
  workloads: number;
  /** Operations of the workloads by what they did. */
  readonly coverage: ReadonlyMap<string, number>;
}

/** Judges crash states of one workload after the other until there are so many. */
export async function judgeStates(kind: DiskKind, states: number): Promise<Run> {
  const coverage = new Map<string, number>();
  const run = { images: 0, judged: 0, recoveryCrashes: 0, kills: 0, rebuilds: 0, workloads: 0, coverage };
  for (let seed = 1; run.images < states; seed++) {
    const workload = new CrashWorkload(planOf(kind, seed));
    await workload.run();
    const explorer = new CrashExplorer(workload.plan);
    const { counts } = explorer;
    for (const [index, moment] of workload.moments.entries()) {
      if (run.images + counts.images >= states) break;
      if (index % MOMENT_STRIDE !== seed % MOMENT_STRIDE) continue;
      await explorer.explore(moment, index);
    }
    for (const name of ['images', 'judged', 'recoveryCrashes', 'kills', 'rebuilds'] as const)
      run[name] += counts[name];
    for (const [what, count] of workload.coverage) coverage.set(what, (coverage.get(what) ?? 0) + count);
    run.workloads++;
  }
  return run;
}

/** One moment alone, as COMET_CRASH_CASE='quick-3/127' names it in a failure. False when it is of another disk. */
export async function judgeCase(kind: DiskKind, name: string): Promise<boolean> {
  const [, disk, seed, index] = /^(\w+)-(\d+)\/(\d+)/.exec(name) ?? [];
  if (seed === undefined || index === undefined) throw new Error(`${name} is not of the form quick-3/127`);
  if (disk !== kind) return false;
  const workload = new CrashWorkload(planOf(kind, Number(seed)));
  await workload.run();
  const moment = workload.moments[Number(index)];
  if (moment === undefined) throw new Error(`workload ${seed} has ${workload.moments.length} moments`);
  await new CrashExplorer(workload.plan).explore(moment, Number(index));
  return true;
}
