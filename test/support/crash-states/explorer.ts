import type { StoreOptions } from '@cometmq/broker/store/store-options';
import type { CrashChoice, SimulatedDisk } from '../simulated-disk.ts';
import { StoreWorld } from '../store-world.ts';
import type { Expectation, Outcome } from './model.ts';
import { ModelQueue, checkOutcome } from './model.ts';
import { readOutcome, recordAt } from './reader.ts';
import type { WorkloadPlan } from './plan.ts';
import { SMALL_STORE } from './plan.ts';
import type { Moment } from './workload.ts';

/** With at most so many choices all subsets of what is unsynced are tried; else some at random. */
const SUBSETS_MAX = 32;
const RANDOM_CHOICES = 16;
/** Choices for a crash within a recovery. */
const INNER_CHOICES = 6;
/** One in so many images is recovered with a crash before each of the recovery's syncs. */
const RECOVERY_EVERY = 60;
/** One in so many images that recoveries leave is started a further time. */
const AGAIN_EVERY = 4;
/** One in so many gets a further message, and all its keys are looked for. */
const THOROUGH_EVERY = 4;
/** The process dies, without a power cut, at one in so many moments. */
const KILL_EVERY = 6;
/** A crash in the recovery from a crash in a recovery, and so on. */
const DEPTH_MAX = 2;

export interface Counts {
  /** Distinct disk images that were recovered, read and judged. */
  images: number;
  /** Pairs of an image and what was known when the power went. */
  judged: number;
  recoveryCrashes: number;
  kills: number;
  /** Starts that made queues and index anew and were interrupted. */
  rebuilds: number;
}

/** Cuts the power at moments of a workload in every way, and judges what the next starts find. */
export class CrashExplorer {
  readonly counts: Counts = { images: 0, judged: 0, recoveryCrashes: 0, kills: 0, rebuilds: 0 };
  readonly #options: Partial<StoreOptions>;
  readonly #name: string;
  readonly #outcomes = new Map<string, Outcome>();

  constructor(plan: WorkloadPlan) {
    this.#options = { ...SMALL_STORE, ...plan.store };
    this.#name = `${plan.name}-${plan.seed}`;
  }

  /** All ways in which the power can go at a moment. */
  async explore({ disk, expectation }: Moment, index: number): Promise<void> {
    const path = `${this.#name}/${index}`;
    const choices = choicesFor(disk.unsyncedPieces, SUBSETS_MAX, RANDOM_CHOICES);
    for (const [number, choice] of choices.entries()) {
      await this.#powerCut(disk, choice, expectation, `${path}/${number}`, 0);
    }
    if (index % KILL_EVERY === 0) await this.#kill(disk, expectation, `${path}/kill`);
  }

  /** The process dies; the system still has what was written, and loses it in the middle of the next start. */
  async #kill(disk: SimulatedDisk, expectation: Expectation, path: string): Promise<void> {
    this.counts.kills++;
    try {
      await this.#recoverWithCrashes(disk.clone(), expectation, path, 1, 'written');
    } catch (error) {
      throw named(error, path);
    }
  }

  async #powerCut(
    disk: SimulatedDisk,
    choice: CrashChoice,
    expectation: Expectation,
    path: string,
    depth: number,
  ): Promise<Outcome> {
    const image = disk.crash(choice);
    const digest = image.imageDigest;
    this.counts.judged++;
    try {
      let outcome = this.#outcomes.get(digest);
      if (outcome !== undefined) {
        checkOutcome(outcome, expectation, 'synced');
        return outcome;
      }
      this.counts.images++;
      // By the image, so that one moment alone does the same as in a whole run.
      const lot = Buffer.from(digest, 'base64').readUInt16BE(0);
      const isDeep = lot % RECOVERY_EVERY === 0 && depth < DEPTH_MAX;
      const untouched = isDeep ? image.clone() : undefined;
      const world = new StoreWorld(this.#options, image);
      await world.open();
      outcome = readOutcome(world, expectation, lot % THOROUGH_EVERY === 0);
      this.#outcomes.set(digest, outcome);
      checkOutcome(outcome, expectation, 'synced');
      if (depth === 0 || lot % AGAIN_EVERY === 0) await this.#goOn(world, outcome, expectation, lot);
      if (untouched !== undefined) {
        await this.#recoverWithCrashes(untouched, expectation, path, depth + 1, 'synced');
      }
      return outcome;
    } catch (error) {
      throw named(error, path);
    }
  }

  /** A start with a crash before each of its operations, and after it. */
  async #recoverWithCrashes(
    disk: SimulatedDisk,
    expectation: Expectation,
    path: string,
    depth: number,
    promise: 'synced' | 'written',
  ): Promise<void> {
    const moments: SimulatedDisk[] = [];
    // Right before something becomes durable, all the states are possible that were so since the last time.
    let isRebuild = false;
    disk.hook = ({ kind, path: changed }) => {
      isRebuild ||= changed.includes('rebuilding.json');
      if ((kind === 'datasync' || kind === 'syncDirectory') && disk.unsyncedPieces > 0)
        moments.push(disk.clone());
    };
    const world = new StoreWorld(this.#options, disk);
    await world.open();
    disk.hook = undefined;
    this.counts.rebuilds += Number(isRebuild);
    const outcome = readOutcome(world, expectation);
    checkOutcome(outcome, expectation, promise);
    const same = exactly(outcome, expectation);
    for (const [index, moment] of moments.entries()) {
      for (const [number, choice] of innerChoices(moment).entries()) {
        const inner = `${path}/recovery ${index}/${number}`;
        const again = await this.#powerCut(moment, choice, expectation, inner, depth);
        // What was durable before the first recovery is all that there is, however often it is interrupted.
        if (promise === 'synced') checkOutcome(again, same, 'synced');
        this.counts.recoveryCrashes++;
      }
    }
    // What a start shows must stay, even what a killed process had written without a sync.
    for (const [number, choice] of innerChoices(disk).entries()) {
      await this.#powerCut(disk, choice, same, `${path}/recovered/${number}`, depth);
    }
  }

  /** Another crash at once, and for some a crash after another message: nothing changes but that message. */
  async #goOn(world: StoreWorld, outcome: Outcome, expectation: Expectation, lot: number): Promise<void> {
    const same = exactly(outcome, expectation);
    await this.#leaf(world.disk.crash({ seed: lot }), same);
    if (lot % THOROUGH_EVERY !== 0) return;
    const more = await withOneMore(world, same);
    await this.#leaf(world.disk.crash({ seed: lot + 1 }), more);
  }

  async #leaf(image: SimulatedDisk, expectation: Expectation): Promise<void> {
    const digest = image.imageDigest;
    this.counts.judged++;
    let outcome = this.#outcomes.get(digest);
    if (outcome === undefined) {
      this.counts.images++;
      const world = new StoreWorld(this.#options, image);
      await world.open();
      outcome = readOutcome(world, expectation, false);
      this.#outcomes.set(digest, outcome);
    }
    checkOutcome(outcome, expectation, 'synced');
  }
}

function innerChoices(disk: SimulatedDisk): CrashChoice[] {
  return choicesFor(disk.unsyncedPieces, INNER_CHOICES, INNER_CHOICES);
}

/** All subsets of so many pieces, each with and without a torn sector; or some choices by seed when that is too many. */
function choicesFor(pieces: number, subsetsMax: number, randomChoices: number): CrashChoice[] {
  if (pieces === 0) return [{ subset: 0 }];
  const subsets = 2 ** (pieces + 1);
  if (subsets <= subsetsMax) return Array.from({ length: subsets }, (_, subset) => ({ subset }));
  return Array.from({ length: randomChoices }, (_, seed) => ({ seed }));
}

/** The same again, and nothing else. */
function exactly(outcome: Outcome, expectation: Expectation): Expectation {
  const queues = new Map(
    [...expectation.queues].map(([name, { queue, state }]) => {
      const end = outcome.queues.get(name)?.[1] ?? 0;
      const isGone = end === 0 && state !== 'live';
      return [
        name,
        { queue, state: isGone ? 'dropped' : 'live', synced: end, written: end, appended: end } as const,
      ];
    }),
  );
  return { queues, openBatches: [], logStartMax: outcome.logStart };
}

/** Sends a message that gets the next offset of its queue, and expects it. */
async function withOneMore(world: StoreWorld, expectation: Expectation): Promise<Expectation> {
  const name = 'orders/0';
  const before = expectation.queues.get(name)?.queue;
  const end = expectation.queues.get(name)?.synced ?? 0;
  const sent = await sendWhenReady(world);
  if (sent.queueOffset !== end)
    throw new Error(`the next message of ${name} got offset ${sent.queueOffset}, not ${end}`);
  const queue = new ModelQueue('orders', 0, before?.messages.slice(0, end));
  queue.messages.push({
    physicalOffset: sent.physicalOffset,
    record: recordAt(world, sent.physicalOffset),
    key: 'after',
  });
  const next = { queue, state: 'live', synced: end + 1, written: end + 1, appended: end + 1 } as const;
  return { ...expectation, queues: new Map([...expectation.queues, [name, next]]) };
}

async function sendWhenReady(world: StoreWorld): Promise<{ physicalOffset: number; queueOffset: number }> {
  const options = { topic: 'orders', queueId: 0, body: 'after', properties: { KEYS: 'after' } };
  try {
    return await world.send(options);
  } catch {
    // The next segment was still being made.
    await world.clock.advance(10);
    return world.send(options);
  }
}

function named(error: unknown, path: string): Error {
  if (error instanceof Error && error.name === 'CrashCase') return error;
  const text = error instanceof Error ? error.message : String(error);
  const failure = new Error(
    `${path}: ${text}\nrun it alone with COMET_CRASH_CASE='${path.split('/', 2).join('/')}'`,
    {
      cause: error,
    },
  );
  failure.name = 'CrashCase';
  return failure;
}
