import { describe, expect, test } from 'vitest';
import type { KeyValueChange } from '@cometmq/broker/store/kv/key-value-store';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { reviveTopic } from '@cometmq/common/topic/names';
import { BrokerWorld } from '../../../support/broker-world.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { GROUP, acknowledge, pop, sendTexts } from '../../../support/pop-world.ts';
import { SimulatedDisk } from '../../../support/simulated-disk.ts';
import { appendRequest } from '../../../support/store-world.ts';

/** Looks at the world before each write. */
class WatchedStore extends MemoryKeyValueStore {
  onWrite: ((changes: readonly KeyValueChange[]) => void) | undefined;

  override write(changes: readonly KeyValueChange[]): Promise<void> {
    this.onWrite?.(changes);
    return super.write(changes);
  }
}

/** Keeps rows of leases waiting. */
class SlowStore extends MemoryKeyValueStore {
  until: Promise<void> | undefined;

  override async write(changes: readonly KeyValueChange[]): Promise<void> {
    if (changes.some(({ key }) => key.startsWith('pop-'))) await this.until;
    await super.write(changes);
  }
}

test('rows of leases are written when the log has their notes on the disk, not before', async () => {
  const kv = new WatchedStore();
  const world = await BrokerWorld.open({}, { clock: new ManualClock(), disk: new SimulatedDisk(), kv });
  await sendTexts(world, ['a']);
  const unsynced: number[] = [];
  kv.onWrite = (changes) => {
    if (changes.some(({ key }) => key.startsWith('pop-'))) unsynced.push(world.store.unsyncedBytes);
  };
  expect(pop(world)).toHaveLength(1);
  await world.services.pops.stop();
  expect(unsynced).toEqual([0]);
  await world.close();
});

test('acknowledgements of one turn share a note', async () => {
  const world = await BrokerWorld.open();
  await sendTexts(
    world,
    Array.from({ length: 20 }, (_, index) => `m${index}`),
  );
  const popped = pop(world);
  const notes = (): number =>
    Array.from(
      { length: 8 },
      (_, queueId) => world.read(reviveTopic('DefaultCluster'), queueId).length,
    ).reduce((sum, count) => sum + count);
  await world.store.whenDurable('synced');
  expect(notes()).toBe(1);
  await Promise.all(popped.map((message) => acknowledge(world, [message])));
  expect(notes()).toBe(2);
  await world.services.pops.stop();
  await world.close();
});

test('a note that nobody can read is passed over, and so is one about leases that are gone', async () => {
  const left = { clock: new ManualClock(), disk: new SimulatedDisk(), kv: new MemoryKeyValueStore() };
  const world = await BrokerWorld.open({}, left);
  await sendTexts(world, ['a', 'b']);
  const [first] = pop(world, { countMax: 1 });
  await acknowledge(world, [first!]);
  const topic = reviveTopic('DefaultCluster');
  for (const [index, body] of [
    '',
    '{',
    '[]',
    '{"pop":[["g"]]}',
    '{"end":[["g","t",0,1,2,3]]}',
    '{"ext":7}',
  ].entries()) {
    const request = world.services.topics.get(topic).queue(index % 8);
    await appendBody(world, request, body);
  }
  await world.close();
  const again = await BrokerWorld.open({}, left);
  expect(pop(again).map(({ body }) => body)).toEqual(['b']);
  await again.close();
});

async function appendBody(
  world: BrokerWorld,
  queue: ReturnType<BrokerWorld['store']['queues']['get']>,
  body: string,
): Promise<void> {
  const result = { physicalOffset: 0, queueOffset: 0, storeTimestamp: 0 };
  world.store.append(appendRequest(queue, Buffer.from(body), Buffer.alloc(0)), 'synced', result);
  await world.store.whenDurable('synced');
}

test('a topic whose removal a crash cut off leaves no positions for the next one of its name', async () => {
  const left = { clock: new ManualClock(), disk: new SimulatedDisk(), kv: new MemoryKeyValueStore() };
  let world = await BrokerWorld.open({}, left);
  await sendTexts(world, ['a', 'b', 'c', 'd']);
  await acknowledge(world, pop(world, { countMax: 2 }));
  await world.services.pops.stop();
  // As far as the removal came: noted, nothing cleaned up.
  const never = new Promise<void>(() => undefined);
  void world.services.topics.remove('orders', () => never);
  await world.clock.settle();
  await world.close();
  world = await BrokerWorld.open({}, left);
  expect(world.services.offsets.find(GROUP, 'orders', 0)).toBeUndefined();
  expect(world.services.pops.service.inFlight(GROUP, 'orders', 0)).toBe(0);
  await sendTexts(world, ['new 1', 'new 2', 'new 3']);
  expect(pop(world).map(({ body }) => body)).toEqual(['new 1', 'new 2', 'new 3']);
  await world.services.pops.stop();
  await world.close();
});

describe('an offset is not what a save began with when meanwhile', () => {
  test.each([
    ['the group was moved back', 0],
    ['the group was moved forward', 3],
    ['the topic’s offsets were removed', undefined],
  ])('%s', async (_what, expected) => {
    const kv = new SlowStore();
    const world = await BrokerWorld.open({}, { clock: new ManualClock(), disk: new SimulatedDisk(), kv });
    const { pops, offsets } = world.services;
    pops.start();
    await sendTexts(world, ['a', 'b', 'c', 'd']);
    await acknowledge(world, pop(world, { countMax: 2 }));
    let goOn = (): void => undefined;
    kv.until = new Promise((resolve) => {
      goOn = resolve;
    });
    const saved = pops.stop();
    await world.clock.settle();
    if (expected === undefined) await offsets.removeTopic('orders');
    else offsets.move(GROUP, 'orders', 0, expected);
    goOn();
    await saved;
    expect(offsets.find(GROUP, 'orders', 0)).toBe(expected);
    expect(pop(world).map(({ body }) => body)).toEqual(['a', 'b', 'c', 'd'].slice(expected ?? 0));
    await world.close();
  });
});
