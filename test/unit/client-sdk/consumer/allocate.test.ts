import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allocateAveragely } from '@cometmq/client/consumer/allocate';

function queues(count: number, broker = 'b') {
  return Array.from({ length: count }, (_, queueId) => ({ topic: 't', brokerName: broker, queueId }));
}

test('neighbouring blocks, the first members get one more (as Java)', () => {
  const shares = ['c2', 'c1', 'c3'].map((self) => [
    self,
    allocateAveragely(queues(8), ['c3', 'c1', 'c2'], self).map((q) => q.queueId),
  ]);
  expect(Object.fromEntries(shares)).toEqual({ c1: [0, 1, 2], c2: [3, 4, 5], c3: [6, 7] });
});

test('more members than queues: the last go without; a stranger gets nothing', () => {
  expect(allocateAveragely(queues(2), ['a', 'b', 'c'], 'c')).toEqual([]);
  expect(allocateAveragely(queues(2), ['a'], 'x')).toEqual([]);
});

test('every queue has exactly one owner, whatever order each member sees', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 9 }),
      fc.nat(20),
      fc.nat(5),
      (members, m, n) => {
        const all = [...queues(m, 'b'), ...queues(n, 'a')];
        const owned = members.flatMap((self, index) =>
          allocateAveragely(
            index % 2 === 0 ? all : all.toReversed(),
            index % 2 === 0 ? members : members.toReversed(),
            self,
          ),
        );
        expect(owned.map((q) => `${q.brokerName}${q.queueId}`).sort()).toEqual(
          all.map((q) => `${q.brokerName}${q.queueId}`).sort(),
        );
      },
    ),
  );
});
