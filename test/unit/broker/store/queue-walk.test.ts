import { expect, test } from 'vitest';
import { walkQueue } from '@cometmq/broker/store/queue-walk';
import { StoreWorld } from '../../../support/store-world.ts';

const QUEUE_FILE = '/data/store/consumequeue/orders/0/00000000000000000000';
const ENTRY_SIZE = 32;

async function walked(world: StoreWorld, from: number): Promise<(readonly [number, string | undefined])[]> {
  const found: (readonly [number, string | undefined])[] = [];
  const queue = world.store.queues.get('orders', 0);
  for await (const { queueOffset, record } of walkQueue(world.store, queue, from)) {
    const body = record?.bytes.toString(
      'utf8',
      record.layout.bodyAt,
      record.layout.bodyAt + record.layout.bodySize,
    );
    found.push([queueOffset, body]);
  }
  return found;
}

test('goes through a queue from an offset to its end', async () => {
  const world = new StoreWorld();
  await world.open();
  for (let index = 0; index < 600; index++) world.append({ body: `${index}` });
  await world.store.whenDurable('synced');
  const found = await walked(world, 100);
  expect(found).toEqual(Array.from({ length: 500 }, (_, index) => [index + 100, `${index + 100}`]));
});

test('sees what arrives while it is under way', async () => {
  const world = new StoreWorld();
  await world.open();
  await world.send({ body: 'first' });
  const seen: number[] = [];
  for await (const { queueOffset } of walkQueue(world.store, world.store.queues.get('orders', 0), 0)) {
    seen.push(queueOffset);
    if (queueOffset < 2) await world.send({ body: 'more' });
  }
  expect(seen).toEqual([0, 1, 2]);
});

test('waits for the repair of an entry that can not be read', async () => {
  const world = new StoreWorld();
  await world.open();
  for (const body of ['a', 'b', 'c']) await world.send({ body });
  await world.close();
  const file = world.disk.openSync(QUEUE_FILE, 'update');
  file.writeSync(Buffer.alloc(4, 0xff), 0, 4, ENTRY_SIZE);
  await file.close();
  await world.open();
  expect(await walked(world, 0)).toEqual([
    [0, 'a'],
    [1, 'b'],
    [2, 'c'],
  ]);
});
