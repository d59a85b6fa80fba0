import { expect, test } from 'vitest';
import type { OpenTransaction } from '@cometmq/broker/transaction/transaction';
import { TransactionTable } from '@cometmq/broker/transaction/transaction-table';

function transaction(physicalOffset: number): OpenTransaction {
  return {
    ...{ physicalOffset, queueOffset: physicalOffset, uniqueKey: `ID${physicalOffset}`, producerGroup: 'PG' },
    ...{ topic: 'orders', storedAt: 0, immunityMs: undefined, sizeBytes: 10, copyOffset: physicalOffset },
    ...{ checks: 0, checkedAt: 0, isUndecided: false, isExpired: false },
  };
}

test('what is due comes in the order of time, once, and not when it was decided or put off meanwhile', () => {
  const table = new TransactionTable();
  for (const [place, dueAt] of [3, 1, 2, 4].entries()) table.add(transaction(place), dueAt);
  const [decided, putOff] = [table.find(1), table.find(2)];
  if (decided === undefined || putOff === undefined) throw new Error('not there');
  table.remove(decided);
  table.schedule(putOff, 10);
  const due = (nowMs: number): number[] => {
    const places: number[] = [];
    for (let open = table.takeDue(nowMs); open !== undefined; open = table.takeDue(nowMs))
      places.push(open.physicalOffset);
    return places;
  };
  expect(due(3)).toEqual([0]);
  expect(due(9)).toEqual([3]);
  expect(due(10)).toEqual([2]);
  expect(due(1e9)).toEqual([]);
});

test('questions put off a hundred thousand times do not pile up, nor do those about what is decided', () => {
  const table = new TransactionTable();
  table.add(transaction(0), 1);
  const [open] = table.all();
  if (open === undefined) throw new Error('not there');
  for (let dueAt = 2; dueAt < 100_000; dueAt++) table.schedule(open, dueAt);
  for (let place = 1; place < 100_000; place++) {
    table.add(transaction(place), place);
    const decided = table.find(place);
    if (decided !== undefined) table.remove(decided);
  }
  expect(table.scheduledCount).toBeLessThan(10_000);
  expect(table.takeDue(99_998)).toBeUndefined();
  expect(table.takeDue(99_999)).toBe(open);
  expect([table.size, table.bytes]).toEqual([1, 10]);
});

test('the same id of one group means the newest of its transactions', () => {
  const table = new TransactionTable();
  table.add({ ...transaction(1), uniqueKey: 'SAME' }, 1);
  table.add({ ...transaction(2), uniqueKey: 'SAME' }, 1);
  const [older, newer] = table.all();
  if (older === undefined || newer === undefined) throw new Error('not there');
  expect(table.findByKey('PG', 'SAME')).toBe(newer);
  expect(table.findByKey('PG2', 'SAME')).toBeUndefined();
  table.remove(older);
  expect(table.findByKey('PG', 'SAME')).toBe(newer);
  table.remove(newer);
  expect(table.findByKey('PG', 'SAME')).toBeUndefined();
});
