import { MqError } from '@cometmq/common/error/mq-error';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DiskOperation, DiskOperationKind, SimulatedDisk } from '../support/simulated-disk.ts';
import { StoreWorld } from '../support/store-world.ts';

// Runs the same script again and again, each time with another disk operation that fails, and judges what senders were
// told and what the next start finds, with and without a power cut.

const OPTIONS = { segmentSizeBytes: 8192, tailChunkBytes: 16_384 };
const KINDS = ['write', 'datasync', 'rename', 'create', 'open', 'syncDirectory'] as const;
type Kind = (typeof KINDS)[number];
type Code = 'EIO' | 'ENOSPC';

interface Sent {
  readonly name: string;
  readonly body: string;
  isAcknowledged: boolean;
}

interface Run {
  readonly disk: SimulatedDisk;
  readonly sent: readonly Sent[];
  /** Operations of each kind that the script made. */
  readonly counts: ReadonlyMap<DiskOperationKind, number>;
  readonly failed: DiskOperation | undefined;
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

/** Two lives of a store with rolls, checkpoints, retention and a deleted topic. The n-th operation of a kind fails. */
async function run(kind: Kind | undefined, count: number, code: Code): Promise<Run> {
  const world = new StoreWorld({ ...OPTIONS, logSizeMaxBytes: 4 * OPTIONS.segmentSizeBytes });
  const counts = new Map<DiskOperationKind, number>();
  const fault = { operation: undefined as DiskOperation | undefined };
  world.disk.hook = (operation) => {
    const made = (counts.get(operation.kind) ?? 0) + 1;
    counts.set(operation.kind, made);
    if (operation.kind !== kind || made !== count) return;
    fault.operation = operation;
    throw Object.assign(new Error(`${code}: ${operation.kind} '${operation.path}'`), { code });
  };
  const sent: Sent[] = [];
  const state = { isPoisoned: false };
  for (let life = 0; life < 2; life++) {
    if (!(await tolerant(() => world.open()))) {
      // Whoever starts the broker sees the error and tries again.
      await world.open();
    }
    await world.clock.advance(30);
    for (let round = 0; round < 9; round++) {
      const waiting = sendSome(world, sent, round, () => {
        state.isPoisoned = world.store.failure !== undefined;
      });
      await world.clock.advance(40);
      await waiting;
      if (round % 4 === 2) await tolerant(() => world.store.checkpoint());
      if (round === 5 && life === 0) await tolerant(() => world.store.dropTopic('gone'));
      if (round === 7) await tolerant(() => world.store.expire());
    }
    state.isPoisoned = world.store.failure !== undefined;
    if (state.isPoisoned) break;
    if (life === 0) await closeWith(world);
  }
  world.disk.hook = undefined;
  return { disk: world.disk, sent, counts, failed: fault.operation, isPoisoned: state.isPoisoned };
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

async function sendSome(world: StoreWorld, sent: Sent[], round: number, look: () => void): Promise<void> {
  const waiting: Promise<void>[] = [];
  for (const topic of ['orders', 'bills', ...(round < 4 ? ['gone'] : [])]) {
    const body = `${sent.length}:`.padEnd(700, '.');
    try {
      const { queueOffset } = world.append({ topic, body, properties: { KEYS: `k${sent.length}` } });
      const message = { name: `${topic}/${queueOffset}`, body, isAcknowledged: false };
      sent.push(message);
      waiting.push(
        world.store.whenDurable('synced').then(
          () => {
            // After a failed sync nobody may be told that anything is durable.
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
    look();
  }
  await Promise.all(waiting);
}

async function judge({ sent, isPoisoned }: Run, disk: SimulatedDisk): Promise<void> {
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
  const again = new StoreWorld(OPTIONS, world.disk.crash({ seed: 0, keep: 0 }));
  await again.open();
  for (const topic of ['orders', 'bills'])
    if (again.bodies(topic).join() !== world.bodies(topic).join()) throw new Error(`shown ${topic} are lost`);
  // Sending goes on after the restart.
  await world.clock.advance(30);
  await world.send({ body: isPoisoned ? 'after the failure' : 'after the restart' });
}

/** A segment of the log, past the start's own sync of it, is written or synced for senders only. */
function hitsSender(kind: Kind, path: string): boolean {
  return (kind === 'write' || kind === 'datasync') && /commitlog\/\d{20}$/.test(path);
}

test.each<[Kind, Code]>([
  ...KINDS.map((kind): [Kind, Code] => [kind, 'EIO']),
  ['write', 'ENOSPC'],
  ['create', 'ENOSPC'],
])('every %s fails with %s', { timeout: 30_000 }, async (kind, code) => {
  const whole = await run(undefined, 0, code);
  expect(whole.sent.every(({ isAcknowledged }) => isAcknowledged)).toBe(true);
  const total = whole.counts.get(kind) ?? 0;
  expect(total).toBeGreaterThan(3);
  const faults: string[] = [];
  for (let count = 1; count <= total; count++) {
    const at = { path: '' };
    try {
      const result = await run(kind, count, code);
      at.path = result.failed?.path ?? 'nothing';
      if (hitsSender(kind, at.path) && result.sent.length > 0 && !result.isPoisoned)
        throw new Error('the log is not poisoned');
      await judge(result, result.disk.clone());
      for (const seed of [0, 2, 3]) await judge(result, result.disk.crash({ seed }));
    } catch (error) {
      faults.push(`${kind} ${count} ${at.path}: ${String(error)}`);
    }
  }
  expect(faults).toEqual([]);
  expect(unhandled).toEqual([]);
});
