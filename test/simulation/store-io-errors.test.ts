import { MqError } from '@cometmq/common/error/mq-error';
import type { Durability } from '@cometmq/broker/store/log/durability';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Fault, Made } from '../support/faulty-disk.ts';
import { CALLS, FaultyDisk, faultsOf } from '../support/faulty-disk.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import type { SimulatedDisk } from '../support/simulated-disk.ts';
import { StoreWorld } from '../support/store-world.ts';

// Runs the same script again and again, each time with another call of the disk that fails, and judges what senders were
// told and what the next start finds, with and without a power cut. COMETMQ_IO_ERRORS_SCRIPTS=100 runs more scripts.

const OPTIONS = { segmentSizeBytes: 8192, tailChunkBytes: 16_384 };
const SCRIPTS = Number(process.env['COMETMQ_IO_ERRORS_SCRIPTS'] ?? 10);

interface Sent {
  readonly name: string;
  readonly body: string;
  isAcknowledged: boolean;
}

interface Run {
  readonly disk: SimulatedDisk;
  readonly durability: Durability;
  readonly sent: readonly Sent[];
  /** All calls of the script, when none was to fail. */
  readonly calls: readonly Made[];
  readonly failed: Made | undefined;
  readonly isPoisoned: boolean;
}

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);

beforeAll(() => {
  process.on('unhandledRejection', note);
});

afterAll(() => {
  process.off('unhandledRejection', note);
});

/** Two lives of a store with rolls, checkpoints, retention and a deleted topic. The n-th call fails. */
async function run(script: number, fault: Fault | undefined): Promise<Run> {
  const random = new SeededRandom(script + 1);
  const durability: Durability = script % 3 === 2 ? 'written' : 'synced';
  const options = { ...OPTIONS, durability, logSizeMaxBytes: (3 + (script % 3)) * OPTIONS.segmentSizeBytes };
  const faulty: { disk?: FaultyDisk } = {};
  const world = new StoreWorld(options);
  const disk = (faulty.disk = new FaultyDisk(world.disk, fault));
  Object.assign(world.options, { disk });
  const sent: Sent[] = [];
  const state = { isPoisoned: false };
  for (let life = 0; life < 2; life++) {
    if (!(await tolerant(() => world.open()))) {
      // Whoever starts the broker sees the error and tries again.
      await world.open();
    }
    await world.clock.advance(30);
    for (let round = 0; round < 9; round++) {
      const sizes = Array.from({ length: 3 }, () => 200 + random.below(900));
      const waiting = sendSome(world, sent, round, sizes, durability);
      await world.clock.advance(40);
      await waiting;
      if (round % 4 === 2) await tolerant(() => world.store.checkpoint());
      if (round === 5 && life === 0) await tolerant(() => world.store.dropTopic('gone'));
      if (round === 7) await tolerant(() => world.store.expire());
    }
    await readOn(world);
    state.isPoisoned = world.store.failure !== undefined;
    if (state.isPoisoned) break;
    // Every other script is killed between its lives.
    if (life === 0 && script % 2 === 0) await closeWith(world);
  }
  return {
    disk: world.disk,
    durability,
    sent,
    calls: disk.calls,
    failed: disk.failed,
    isPoisoned: state.isPoisoned,
  };
}

/** What was readable stays readable, whatever happened to the log. The one call that fails may be one of these. */
async function readOn(world: StoreWorld): Promise<void> {
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      // Again what failed before, as the timer would.
      await world.store.expire();
      world.bodies('orders');
      return;
    } catch (error) {
      if (attempt > 0) throw error;
      // An entry that could not be read is made anew meanwhile.
      await world.clock.advance(10);
    }
  }
}

/** False when it failed with an error of the disk or of ours. */
async function tolerant(work: () => Promise<unknown>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof MqError || (error instanceof Error && 'code' in error)) return false;
    throw error;
  }
}

async function closeWith(world: StoreWorld): Promise<void> {
  const state = { isClosed: false };
  const closing = tolerant(() => world.close()).finally(() => {
    state.isClosed = true;
  });
  while (!state.isClosed) await world.clock.advance(10);
  await closing;
}

async function sendSome(
  world: StoreWorld,
  sent: Sent[],
  round: number,
  sizes: readonly number[],
  durability: Durability,
): Promise<void> {
  const waiting: Promise<void>[] = [];
  for (const [index, topic] of ['orders', 'bills', ...(round < 4 ? ['gone'] : [])].entries()) {
    const body = `${sent.length}:`.padEnd(sizes[index] ?? 1, '.');
    try {
      const { queueOffset } = world.append({
        topic,
        body,
        properties: { KEYS: `k${sent.length}` },
        durability,
      });
      const message = { name: `${topic}/${queueOffset}`, body, isAcknowledged: false };
      sent.push(message);
      waiting.push(
        world.store.whenDurable(durability).then(
          () => {
            // After a failed write or sync nobody may be told that anything is durable.
            expect(world.store.failure).toBeUndefined();
            message.isAcknowledged = true;
          },
          (error: unknown) => {
            expect(error).toMatchObject({ kind: 'STORE_FAILED' });
          },
        ),
      );
    } catch (error) {
      expect(['STORE_FAILED', 'SERVICE_NOT_AVAILABLE', 'SYSTEM_BUSY']).toContain((error as MqError).kind);
    }
  }
  await Promise.all(waiting);
}

async function judge({ sent, isPoisoned }: Run, disk: SimulatedDisk, isTwice: boolean): Promise<void> {
  const world = new StoreWorld(OPTIONS, disk);
  await world.open();
  expect(world.store.damaged).toEqual([]);
  for (const topic of ['orders', 'bills']) {
    const queue = world.store.queues.find(topic, 0);
    const bodies = world.bodies(topic);
    const min = queue?.min ?? 0;
    for (const { name, body, isAcknowledged } of sent) {
      const [ofTopic, offset] = name.split('/');
      if (ofTopic !== topic || !isAcknowledged || Number(offset) < min) continue;
      if (bodies[Number(offset) - min] !== body) throw new Error(`acknowledged ${name} is lost`);
    }
    const known = new Set(sent.filter(({ name }) => name.startsWith(`${topic}/`)).map(({ body }) => body));
    for (const body of bodies)
      if (body === undefined || !known.has(body)) throw new Error(`a hole or a phantom in ${topic}`);
    if (new Set(bodies).size !== bodies.length) throw new Error(`a message twice in ${topic}`);
  }
  // What a start found and shows stays, even when it was never synced before: consumers may have committed offsets.
  if (isTwice) {
    const again = new StoreWorld(OPTIONS, world.disk.crash({ seed: 0, keep: 0 }));
    await again.open();
    for (const topic of ['orders', 'bills'])
      if (again.bodies(topic).join() !== world.bodies(topic).join())
        throw new Error(`shown ${topic} are lost`);
  }
  // Sending goes on after the restart.
  await world.clock.advance(30);
  await world.send({ body: isPoisoned ? 'after the failure' : 'after the restart' });
}

/** A segment of the log is written or synced. Zeros that are filled in ahead, and a start's own syncs, may fail. */
function isOfLog({ call, path }: Made): boolean {
  return (call === 'write' || call === 'datasync') && /commitlog\/\d{20}$/.test(path);
}

async function judgeRun(result: Run, number: number): Promise<void> {
  const isTwice = number % 4 === 0;
  await judge(result, result.disk.clone(), isTwice);
  if (result.durability === 'synced')
    await judge(result, result.disk.crash({ seed: number }), !isTwice && number % 2 === 0);
  if (unhandled.length > 0) throw new Error(`unhandled: ${String(unhandled.pop())}`);
}

test('every call of the disk fails, in many scripts', { timeout: 3_600_000 }, async () => {
  const faults: string[] = [];
  const totals = { cases: 0, poisoned: 0, ofLog: 0 };
  for (let script = 0; script < SCRIPTS; script++) {
    const whole = await run(script, undefined);
    expect(whole.sent.every(({ isAcknowledged }) => isAcknowledged)).toBe(true);
    expect(new Set(whole.calls.map(({ call }) => call)).size).toBe(CALLS.length);
    await judgeRun(whole, 1);
    for (const [index, made] of whole.calls.entries()) {
      for (const kind of faultsOf(made)) {
        totals.cases++;
        const number = index + 1;
        try {
          const result = await run(script, { number, kind });
          if (isOfLog(result.failed ?? made)) totals.ofLog++;
          if (result.isPoisoned) totals.poisoned++;
          await judgeRun(result, number);
        } catch (error) {
          faults.push(`script ${script}, ${number} ${made.call} ${made.path} ${kind}: ${String(error)}`);
        }
      }
    }
  }
  expect(faults).toEqual([]);
  console.log(`${totals.cases} failures, ${totals.poisoned} of them the end of the log`);
  // Most failures of the log's own files are met while senders wait.
  expect(totals.poisoned).toBeGreaterThan(totals.ofLog / 2);
});
