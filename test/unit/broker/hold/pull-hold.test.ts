import { Limits } from '@cometmq/broker/config/limits';
import { PullHold } from '@cometmq/broker/hold/pull-hold';
import type { StoreQueue } from '@cometmq/broker/store/queue/store-queue';
import type { RecordScan } from '@cometmq/broker/store/record-scan';
import { beforeEach, expect, test } from 'vitest';
import { StoreWorld } from '../../../support/store-world.ts';

let world: StoreWorld;
let queue: StoreQueue;
let hold: PullHold;
let answers: string[];
const owner = {};

beforeEach(async () => {
  world = new StoreWorld();
  await world.open();
  queue = world.store.queues.get('orders', 0);
  hold = new PullHold(world.clock);
  answers = [];
});

function wait(name: string, change: Partial<Parameters<PullHold['hold']>[0]> = {}): boolean {
  return hold.hold({
    queue,
    offset: queue.max,
    filter: undefined,
    timeoutMs: 15_000,
    owner,
    resume: () => void answers.push(name),
    ...change,
  });
}

test('a message answers all who wait for its queue, once, and nobody else', async () => {
  wait('a');
  wait('b');
  wait('other', { queue: world.store.queues.get('orders', 1) });
  await world.send();
  await world.send();
  expect(answers).toEqual(['a', 'b']);
  expect(hold.count).toBe(1);
});

test('a message that does not match does not answer', async () => {
  wait('a', { filter: (tag) => tag !== 0 });
  await world.send();
  expect(answers).toEqual([]);
  await world.send({ properties: { TAGS: 'A' } });
  expect(answers).toEqual(['a']);
});

test('a filter that needs the messages looks at each new one once, and gives way when there are too many', async () => {
  let looked = 0;
  const scan = () => ({ isSpent: looked >= 3, matches: () => ++looked < 0 }) as unknown as RecordScan;
  wait('a', { scan });
  await world.send();
  await world.send();
  expect([answers, looked]).toEqual([[], 2]);
  await world.send();
  expect([answers, looked]).toEqual([[], 3]);
  await world.send();
  expect([answers, looked]).toEqual([['a'], 3]);
});

test('the time is over: answered within a tick or two', async () => {
  wait('a', { timeoutMs: 1_000 });
  wait('b', { timeoutMs: 0 });
  await world.clock.advance(1_000);
  expect(answers).toEqual(['b']);
  await world.clock.advance(400);
  expect(answers).toEqual(['b', 'a']);
  expect(hold.count).toBe(0);
});

test('also after hours without a pull', async () => {
  await world.clock.advance(7_200_000);
  wait('a', { timeoutMs: 1_000 });
  await world.clock.advance(1_400);
  expect(answers).toEqual(['a']);
});

test('no wait is longer than the limit', async () => {
  wait('a', { timeoutMs: 10 * Limits.holdTimeoutMs });
  await world.clock.advance(Limits.holdTimeoutMs + 400);
  expect(answers).toEqual(['a']);
});

test('a broken connection is forgotten, others of the queue are not', async () => {
  wait('a');
  wait('b', { owner: {} });
  hold.forget(owner);
  await world.send();
  await world.clock.advance(20_000);
  expect(answers).toEqual(['b']);
});

test('wake answers at once', () => {
  wait('a');
  hold.wake(queue);
  expect([answers, hold.count]).toEqual([['a'], 0]);
});

test('another listener of the queue is not disturbed', async () => {
  let others = 0;
  queue.onArrival(() => others++);
  wait('a');
  await world.send();
  wait('b');
  await world.send();
  expect([answers, others]).toEqual([['a', 'b'], 2]);
});

test('more pulls than the limit are not held, and answered ones make room', async () => {
  for (let index = 0; index < Limits.heldPulls; index++) wait('');
  expect(hold.count).toBe(Limits.heldPulls);
  expect(wait('one more')).toBe(false);
  await world.send();
  expect([answers.length, hold.count]).toEqual([Limits.heldPulls, 0]);
  expect(wait('one more')).toBe(true);
});
