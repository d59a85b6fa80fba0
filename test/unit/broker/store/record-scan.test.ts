import { RecordProperties } from '@cometmq/broker/store/record-properties';
import { RecordScan } from '@cometmq/broker/store/record-scan';
import { planRead } from '@cometmq/broker/store/read-plan';
import { beforeEach, expect, test } from 'vitest';
import { StoreWorld } from '../../../support/store-world.ts';

let world: StoreWorld;
let properties: RecordProperties;

beforeEach(async () => {
  world = new StoreWorld({ segmentSizeBytes: 1024 * 1024, tailChunkBytes: 1024 * 1024 });
  await world.open();
  properties = new RecordProperties(world.store.reader);
});

function scan(color: string): RecordScan {
  return new RecordScan(properties, { matches: (of) => of.get('color') === color });
}

/** What a read from `offset` on finds: status, where to go on, sizes. */
function read(offset: number, records: RecordScan, countMax = 32, sizeMax = 1_000_000) {
  const queue = world.store.queues.get('orders', 0);
  const { status, nextOffset, offsets } = planRead(queue, offset, countMax, sizeMax, undefined, 0, records);
  return [status, nextOffset, offsets.length];
}

test('messages are chosen by their properties; next is behind the last one looked at', async () => {
  for (const color of ['red', 'blue', 'red', 'blue']) await world.send({ properties: { color } });
  expect(read(0, scan('red'))).toEqual(['FOUND', 4, 2]);
  expect(read(0, scan('red'), 1)).toEqual(['FOUND', 1, 1]);
  expect(read(1, scan('red'), 1)).toEqual(['FOUND', 3, 1]);
  expect(read(0, scan('green'))).toEqual(['NO_MATCHED_MESSAGE', 4, 0]);
  expect(read(0, scan('blue'), 32, 1)).toEqual(['FOUND', 3, 1]);
});

test('properties of large records, in memory and in files', async () => {
  const sizes = [0, 7_900, 8_100, 8_192, 70_000, 300_000];
  for (const size of sizes)
    await world.send({ body: Buffer.alloc(size), properties: { color: 'red', KEYS: `${size}` } });
  expect(read(0, scan('red'))).toEqual(['FOUND', sizes.length, sizes.length]);
  await world.close();
  await world.open();
  properties = new RecordProperties(world.store.reader);
  expect(read(0, scan('red'))).toEqual(['FOUND', sizes.length, sizes.length]);
  expect(read(0, scan('blue'))).toEqual(['NO_MATCHED_MESSAGE', sizes.length, 0]);
});

test('256 messages are looked at, matching ones or not', async () => {
  for (let index = 0; index < 300; index++)
    world.append({ properties: { color: index === 299 ? 'red' : 'blue' } });
  await world.store.whenDurable('synced');
  expect(read(0, scan('red'))).toEqual(['NO_MATCHED_MESSAGE', 256, 0]);
  expect(read(256, scan('red'))).toEqual(['FOUND', 300, 1]);
  expect(read(0, scan('blue'), 1_000)).toEqual(['FOUND', 256, 256]);
});

test('what was read is bounded as well', () => {
  const big = { read: () => new Map(), lastBytes: 1024 * 1024 } as unknown as RecordProperties;
  const records = new RecordScan(big, { matches: () => false });
  let looked = 0;
  while (!records.isSpent) {
    records.matches(looked, 1);
    looked++;
  }
  expect(looked).toBe(4);
});

test('a record that is gone or damaged matches nothing', async () => {
  const { physicalOffset } = await world.send({ properties: { color: 'red' } });
  expect(properties.read(physicalOffset, 60)).toBeUndefined();
  expect(properties.read(physicalOffset + 10_000, 200)).toBeUndefined();
  expect(properties.read(physicalOffset + 1, 100)?.get('color')).toBeUndefined();
});
