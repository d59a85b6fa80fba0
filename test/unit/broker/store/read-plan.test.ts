import { HOLE_SIZE } from '@cometmq/broker/store/queue/queue-entry';
import type { StoreQueue } from '@cometmq/broker/store/queue/store-queue';
import { planRead } from '@cometmq/broker/store/read-plan';
import { beforeEach, expect, test } from 'vitest';
import { StoreWorld } from '../../../support/store-world.ts';

let world: StoreWorld;
let queue: StoreQueue;

beforeEach(async () => {
  world = new StoreWorld();
  await world.open();
  queue = world.store.queues.get('orders', 0);
});

function fill(count: number, size = 100): void {
  for (let index = 0; index < count; index++)
    queue.append(1_000 + queue.assigned * size, size, queue.assigned % 2, 0);
  queue.publish(queue.assigned);
}

function plan(
  offset: number,
  countMax = 32,
  sizeMax = 1_000_000,
  filter?: (tag: number) => boolean,
  logStart = 0,
) {
  const { status, nextOffset, minOffset, maxOffset, offsets } = planRead(
    queue,
    offset,
    countMax,
    sizeMax,
    filter,
    logStart,
  );
  return [status, nextOffset, minOffset, maxOffset, offsets.length];
}

test('no queue, empty queue', () => {
  expect(planRead(undefined, 5, 1, 1, undefined, 0)).toMatchObject({
    status: 'NO_MATCHED_LOGIC_QUEUE',
    nextOffset: 0,
  });
  expect(plan(5)).toEqual(['NO_MESSAGE_IN_QUEUE', 0, 0, 0, 0]);
});

test('before, at and behind the end', () => {
  fill(10);
  queue.trimTo(1_300);
  expect(plan(2)).toEqual(['OFFSET_TOO_SMALL', 3, 3, 10, 0]);
  expect(plan(3)).toEqual(['FOUND', 10, 3, 10, 7]);
  expect(plan(9)).toEqual(['FOUND', 10, 3, 10, 1]);
  expect(plan(10)).toEqual(['OFFSET_OVERFLOW_ONE', 10, 3, 10, 0]);
  expect(plan(11)).toEqual(['OFFSET_OVERFLOW_BADLY', 10, 3, 10, 0]);
});

test('limits: count, size; the first message is always taken', () => {
  fill(10);
  expect(plan(0, 4)).toEqual(['FOUND', 4, 0, 10, 4]);
  expect(plan(0, 32, 350)).toEqual(['FOUND', 3, 0, 10, 3]);
  expect(plan(0, 32, 1)).toEqual(['FOUND', 1, 0, 10, 1]);
});

test('a filter: next is behind the last one looked at; 800 are looked at', () => {
  fill(1_000);
  expect(plan(0, 32, 1e6, (tag) => tag === 1)).toEqual(['FOUND', 64, 0, 1_000, 32]);
  expect(plan(0, 32, 1e6, () => false)).toEqual(['NO_MATCHED_MESSAGE', 800, 0, 1_000, 0]);
  expect(plan(900, 32, 1e6, () => false)).toEqual(['NO_MATCHED_MESSAGE', 1_000, 0, 1_000, 0]);
});

test('messages that left the log meanwhile', () => {
  fill(10);
  expect(plan(0, 5, 1e6, undefined, 5_000)).toEqual(['MESSAGE_WAS_REMOVING', 5, 0, 10, 0]);
  expect(plan(0, 5, 1e6, undefined, 1_300)).toEqual(['FOUND', 5, 0, 10, 2]);
});

test('holes are stepped over', () => {
  fill(2);
  queue.append(1_200, HOLE_SIZE, 0, 0);
  fill(1);
  expect(plan(0)).toEqual(['FOUND', 4, 0, 4, 3]);
  expect(plan(2, 1)).toEqual(['NO_MATCHED_MESSAGE', 3, 0, 4, 0]);
});

test('an entry that can not be read: the reader waits for its repair', async () => {
  for (let index = 0; index < 3; index++) await world.send();
  await world.close();
  const path = '/data/store/consumequeue/orders/0/00000000000000000000';
  world.disk.damage(path, 32, Buffer.from([1]));
  world.disk.gate = ({ kind }) => (kind === 'read' ? new Promise(() => undefined) : undefined);
  await world.open();
  queue = world.store.queues.get('orders', 0);
  expect(plan(0)).toEqual(['FOUND', 1, 0, 3, 1]);
  expect(plan(1)).toEqual(['OFFSET_FOUND_NULL', 1, 0, 3, 0]);
});
