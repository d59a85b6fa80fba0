import { expect, test } from 'vitest';
import { QueueSelector, queueOfKey } from '@cometmq/client/producer/queue-selector';
import { SeededRandom } from '../../../support/seeded-random.ts';

const queues = ['a', 'b'].flatMap((brokerName) =>
  [0, 1].map((queueId) => ({ topic: 't', brokerName, queueId })),
);
const always = (): boolean => true;

test('all queues take turns', () => {
  const selector = new QueueSelector(new SeededRandom());
  const chosen = Array.from({ length: 8 }, () => selector.next('t', queues, always, undefined));
  expect(new Set(chosen.slice(0, 4)).size).toBe(4);
  expect(chosen.slice(4)).toEqual(chosen.slice(0, 4));
});

test('a broker that failed or can not be reached is passed over while there is another', () => {
  const selector = new QueueSelector(new SeededRandom());
  for (let n = 0; n < 8; n++) {
    expect(selector.next('t', queues, always, 'a')?.brokerName).toBe('b');
    expect(selector.next('t', queues, (name) => name === 'a', 'a')?.brokerName).toBe('a');
    expect(selector.next('t', queues, () => false, 'a')?.brokerName).toBe('b');
  }
  expect(selector.next('t', [], always, undefined)).toBeUndefined();
});

test('a key always has the same queue, the one that Java chooses', () => {
  // Java: "order-1".hashCode() = -1207111310, Math.abs(-1207111310 % 4) = 2
  expect(queueOfKey('order-1', queues)).toBe(queues[2]);
  expect(queueOfKey('', queues)).toBe(queues[0]);
  expect(queueOfKey('x', [])).toBeUndefined();
});
