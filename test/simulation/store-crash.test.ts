import { expect, test } from 'vitest';
import { SeededRandom } from '../support/seeded-random.ts';
import type { DiskOperation, SimulatedDisk } from '../support/simulated-disk.ts';
import { StoreWorld } from '../support/store-world.ts';
import type { StoreOptions } from '@cometmq/broker/store/store-options';

// Runs a workload over the real store, cuts the power after every single disk operation, several times with another
// part of the unsynced data surviving, and judges what the next start finds.

interface Sent {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly body: string;
  readonly storeTimestamp: number;
  acknowledged: boolean;
}

/** What was known to the outside when the power went. */
interface Moment {
  readonly disk: SimulatedDisk;
  readonly sent: number;
  readonly acknowledged: ReadonlySet<Sent>;
  /** Ends of the queues that consumers had seen. */
  readonly visible: ReadonlyMap<string, number>;
  readonly dropped: boolean;
}

const SEGMENT_SIZE = 8 * 1024;
const TOPICS = ['orders', 'bills', 'rare'];

class Workload {
  readonly world: StoreWorld;
  readonly sent: Sent[] = [];
  readonly moments: Moment[] = [];
  readonly #random: SeededRandom;
  #dropped = false;

  readonly #hasSlowNames: boolean;

  /** With slow names, renames and what makes them durable take longer than syncs of the log. */
  constructor(seed: number, options: Partial<StoreOptions>, hasSlowNames: boolean) {
    this.world = new StoreWorld({ segmentSizeBytes: SEGMENT_SIZE, ...options });
    this.#random = new SeededRandom(seed);
    this.#hasSlowNames = hasSlowNames;
  }

  async run(): Promise<void> {
    this.world.disk.hook = (operation) => {
      if (operation.kind !== 'read' && operation.kind !== 'open') this.note();
    };
    for (let life = 0; life < 3; life++) {
      await this.world.open();
      await this.world.clock.advance(20);
      if (this.#hasSlowNames) this.world.disk.gate = (operation) => this.#waitForNames(operation);
      for (let round = 0; round < 14; round++) await this.#round(life, round);
      this.world.disk.gate = undefined;
      await this.world.clock.advance(20);
      if (life === 0) await this.world.close();
      // Otherwise the process dies here and the system keeps what it had written.
    }
    this.note();
  }

  note(): void {
    const visible = new Map<string, number>();
    for (const queue of this.#queues()) visible.set(`${queue.topic}/${queue.queueId}`, queue.max);
    this.moments.push({
      disk: this.world.disk.clone(),
      sent: this.sent.length,
      acknowledged: new Set(this.sent.filter(({ acknowledged }) => acknowledged)),
      visible,
      dropped: this.#dropped,
    });
  }

  #waitForNames({ kind, path }: DiskOperation): Promise<void> | undefined {
    const isName = path.includes('/commitlog') && (kind === 'rename' || kind === 'syncDirectory');
    if (!isName && !path.endsWith('spare.preparing')) return undefined;
    return new Promise((resolve) => {
      this.world.clock.setTimer(3, resolve);
    });
  }

  #queues(): { topic: string; queueId: number; max: number }[] {
    try {
      return [...this.world.store.queues.all()];
    } catch {
      return [];
    }
  }

  async #round(life: number, round: number): Promise<void> {
    const count = 1 + this.#random.below(4);
    for (let index = 0; index < count; index++) this.#send(round);
    await this.world.clock.settle();
    if (round % 5 === 3) await this.world.store.checkpoint();
    if (round % 7 === 6) await this.world.store.expire();
    if (life === 1 && round === 8) {
      this.#dropped = true;
      await this.world.store.dropTopic('bills');
    }
    await this.world.clock.advance(this.#random.below(3) === 0 ? 150 : 4);
  }

  #send(round: number): void {
    const topic =
      round < 3 && this.#random.below(4) === 0 ? 'rare' : (TOPICS[this.#random.below(2)] ?? 'orders');
    const queueId = this.#random.below(2);
    const body = `${this.sent.length}:`.padEnd(50 + this.#random.below(900), '.');
    try {
      const result = this.world.append({
        topic,
        queueId,
        body,
        properties: { KEYS: `k${this.sent.length}` },
      });
      const sent = { topic, queueId, ...result, body, acknowledged: false };
      this.sent.push(sent);
      this.world.store.whenDurable('synced').then(
        () => {
          sent.acknowledged = true;
          // The power may also go right after an answer.
          this.note();
        },
        () => undefined,
      );
    } catch {
      // The next segment was not ready.
    }
  }
}

/** Contents of all queues after a start. */
function contents(world: StoreWorld): Map<string, readonly [min: number, bodies: (string | undefined)[]]> {
  const found = new Map<string, readonly [number, (string | undefined)[]]>();
  for (const queue of world.store.queues.all()) {
    if (queue.max > 0)
      found.set(`${queue.topic}/${queue.queueId}`, [queue.min, world.bodies(queue.topic, queue.queueId)]);
  }
  return new Map([...found].sort());
}

async function judge(
  moment: Moment,
  sent: readonly Sent[],
  seed: number,
  options: Partial<StoreOptions>,
): Promise<void> {
  const world = new StoreWorld({ segmentSizeBytes: SEGMENT_SIZE, ...options }, moment.disk.crash({ seed }));
  await world.open();
  const found = contents(world);
  const logStart = world.store.logStart;
  for (const message of moment.acknowledged) {
    if (moment.dropped && message.topic === 'bills') continue;
    const [min, bodies] = found.get(`${message.topic}/${message.queueId}`) ?? [0, []];
    const isExpired = message.queueOffset < min;
    if (isExpired) continue;
    const body = bodies[message.queueOffset - min];
    if (body !== message.body)
      throw new Error(`acknowledged message ${message.body.slice(0, 9)} is ${body?.slice(0, 9) ?? 'lost'}`);
  }
  const known = new Map(sent.slice(0, moment.sent).map((m) => [`${m.topic}/${m.queueId}/${m.body}`, m]));
  for (const [name, [, bodies]] of found) {
    const seen = new Set<string>();
    for (const body of bodies) {
      if (body === undefined) throw new Error(`a hole in ${name}`);
      if (!known.has(`${name}/${body}`))
        throw new Error(`a message in ${name} that nobody sent: ${body.slice(0, 20)}`);
      if (seen.has(body)) throw new Error(`${body.slice(0, 9)} twice in ${name}`);
      seen.add(body);
    }
  }
  for (const [name, max] of moment.visible) {
    if (name.startsWith('bills') && moment.dropped) continue;
    const [min, bodies] = found.get(name) ?? [0, []];
    if (min + bodies.length < max)
      throw new Error(`${name} ends at ${min + bodies.length}, consumers saw ${max}`);
  }
  expect(world.store.damaged).toEqual([]);
  // Again, after another crash at once: the same.
  const again = new StoreWorld(
    { segmentSizeBytes: SEGMENT_SIZE, ...options },
    world.disk.crash({ seed: seed + 1 }),
  );
  await again.open();
  expect(again.store.logStart).toBe(logStart);
  expect(contents(again)).toEqual(found);
  // And it works: a message gets the next offset and survives.
  await again.clock.advance(4);
  const next = await again.send({ topic: 'orders', queueId: 0, body: 'after' });
  const [min, bodies] = found.get('orders/0') ?? [0, []];
  expect(next.queueOffset).toBe(min + bodies.length);
  const last = new StoreWorld(
    { segmentSizeBytes: SEGMENT_SIZE, ...options },
    again.disk.crash({ seed: seed + 2, keep: 0 }),
  );
  await last.open();
  expect(last.bodies('orders', 0).at(-1)).toBe('after');
}

async function explore(
  workloadSeed: number,
  options: Partial<StoreOptions>,
  crashSeeds: number,
  hasSlowNames = false,
): Promise<number> {
  const workload = new Workload(workloadSeed, options, hasSlowNames);
  await workload.run();
  let states = 0;
  for (const [index, moment] of workload.moments.entries()) {
    for (let seed = 0; seed < crashSeeds; seed++) {
      try {
        await judge(moment, workload.sent, index * 31 + seed, options);
      } catch (error) {
        throw new Error(`workload ${workloadSeed}, operation ${index}, crash seed ${index * 31 + seed}`, {
          cause: error,
        });
      }
      states += 3;
    }
  }
  return states;
}

test(
  'a power cut after any disk operation loses nothing that was acknowledged',
  { timeout: 60_000 },
  async () => {
    let states = 0;
    states += await explore(1, {}, 3);
    states += await explore(2, { logSizeMaxBytes: 3 * SEGMENT_SIZE }, 3);
    states += await explore(3, {}, 2, true);
    expect(states).toBeGreaterThan(1_000);
  },
);
