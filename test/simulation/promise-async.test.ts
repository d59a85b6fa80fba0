// What is promised less than a sync: a broker with `flush: async`, and messages that do not want to wait on one with
// `flush: sync`. The power goes after every disk operation; what the next start finds is compared with what was told.
import { expect, test } from 'vitest';
import type { ManualClock } from '../support/manual-clock.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import type { SimulatedDisk } from '../support/simulated-disk.ts';
import { StoreWorld } from '../support/store-world.ts';

const SYNC_INTERVAL_MS = 100;
/** How long a sync takes. */
const SYNC_MS = 25;
const OPTIONS = { segmentSizeBytes: 16 * 1024, syncIntervalMs: SYNC_INTERVAL_MS };
/** Parts of what was not synced that survive. */
const KEPT = [0, 0.3, 0.7, 1];

interface Moment {
  readonly disk: SimulatedDisk;
  readonly now: number;
  readonly told: number;
  /** End of the queue as consumers saw it. */
  readonly visible: number;
}

/** Sends messages that are acknowledged once they are written; notes the state after every disk operation. */
async function run(
  durability: 'written' | 'synced',
): Promise<{ moments: Moment[]; told: { body: string; at: number }[] }> {
  const world = new StoreWorld({ ...OPTIONS, durability });
  const random = new SeededRandom(7);
  await world.open();
  const moments: Moment[] = [];
  const told: { body: string; at: number }[] = [];
  const note = (): void => {
    const visible = world.store.queues.find('orders', 0)?.max ?? 0;
    moments.push({ disk: world.disk.clone(), now: world.clock.now(), told: told.length, visible });
  };
  // The next messages are told while the sync of these is under way.
  world.disk.gate = ({ kind }) => (kind === 'datasync' ? after(world.clock, SYNC_MS) : undefined);
  world.disk.hook = ({ kind }) => {
    if (kind !== 'read' && kind !== 'open') note();
  };
  for (let n = 0; n < 60; n++) {
    const body = `${n}:`.padEnd(200 + random.below(600), 'x');
    await world.send({ body, durability: 'written' });
    told.push({ body, at: world.clock.now() });
    note();
    await world.clock.advance(random.below(20));
  }
  world.disk.hook = undefined;
  return { moments, told };
}

function after(clock: ManualClock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(ms, resolve);
  });
}

async function survivors(
  disk: SimulatedDisk,
  durability: 'written' | 'synced',
): Promise<(string | undefined)[]> {
  const world = new StoreWorld({ ...OPTIONS, durability }, disk);
  await world.open();
  expect(world.store.damaged).toEqual([]);
  return world.bodies();
}

test('async: a power cut takes the newest messages, none older than the sync interval, and leaves no hole', async () => {
  const { moments, told } = await run('written');
  const lost: number[] = [];
  for (const [index, { disk, now, told: count }] of moments.entries()) {
    for (const keep of KEPT) {
      const found = await survivors(disk.crash({ seed: index, keep }), 'written');
      const bodies = told.map(({ body }) => body);
      // One more may have been written than was told.
      expect(found).toEqual(bodies.slice(0, found.length));
      expect(found.length).toBeLessThanOrEqual(count + 1);
      const certain = told
        .slice(0, count)
        .filter(({ at }) => at < now - SYNC_INTERVAL_MS - 2 * SYNC_MS).length;
      expect(found.length).toBeGreaterThanOrEqual(certain);
      lost.push(count - found.length);
    }
  }
  // Otherwise the power went when nothing was at stake.
  expect(Math.max(...lost)).toBeGreaterThan(3);
  expect(Math.min(...lost)).toBeLessThanOrEqual(0);
});

test('sync: messages that did not wait may go, but none that a consumer has seen', async () => {
  const { moments } = await run('synced');
  const lost: number[] = [];
  for (const [index, { disk, visible, told: count }] of moments.entries()) {
    for (const keep of KEPT) {
      const found = await survivors(disk.crash({ seed: index, keep }), 'synced');
      expect(found.length).toBeGreaterThanOrEqual(visible);
      lost.push(count - found.length);
    }
  }
  expect(Math.max(...lost)).toBeGreaterThan(0);
});

test('a wall clock that jumps: store times of a queue never go back, and a search by time finds its message', async () => {
  const world = new StoreWorld(OPTIONS);
  await world.open();
  const begin = world.clock.now();
  for (const [n, jumpMs] of [0, 3_600_000, -3_600_000, -86_400_000, 5_000, 90_000_000].entries()) {
    world.clock.stepWallClock(jumpMs);
    await world.send({ body: `${n}` });
  }
  const times = world.messages().map((message) => message?.storeTimestamp ?? -1);
  expect(times).toEqual([...times].sort((a, b) => a - b));
  expect(times[0]).toBe(begin);
  // After a restart, too: the newest time is remembered, not the clock's.
  await world.close();
  world.clock.stepWallClock(-30 * 86_400_000);
  await world.open();
  await world.send({ body: 'after' });
  const after = world.messages().map((message) => message?.storeTimestamp ?? -1);
  expect(after.at(-1)).toBe(times.at(-1));
  expect(world.bodies()).toEqual(['0', '1', '2', '3', '4', '5', 'after']);
});
