import { DueHeap } from '@cometmq/common/collection/due-heap';
import { expect, test } from 'vitest';
import { SeededRandom } from '../../../support/seeded-random.ts';

function drain(heap: DueHeap): [number, number][] {
  const popped: [number, number][] = [];
  for (let dueAt = heap.firstDueAt; dueAt !== Infinity; dueAt = heap.firstDueAt)
    popped.push([dueAt, heap.pop()]);
  return popped;
}

const byTime = (a: [number, number], b: [number, number]): number => a[0] - b[0] || a[1] - b[1];

test('entries come out in the order of their time, equal ones in the order of their ids', () => {
  const random = new SeededRandom(7);
  const heap = new DueHeap(10_000);
  const pushed: [number, number][] = [];
  for (let id = 0; id < 5_000; id++) pushed.push([random.below(500), id]);
  for (const [dueAt, id] of pushed) heap.push(dueAt, id);
  expect(drain(heap)).toEqual(pushed.sort(byTime));
  expect(heap.firstId).toBe(-1);
  expect(heap.pop()).toBe(-1);
});

test('pushing and popping by turns, across growing and shrinking', () => {
  const random = new SeededRandom(8);
  const heap = new DueHeap(100_000);
  let model: [number, number][] = [];
  for (let id = 0; id < 20_000; id++) {
    const dueAt = random.below(1_000_000);
    heap.push(dueAt, id);
    model.push([dueAt, id]);
    if (id % 5_000 === 4_999) {
      model.sort(byTime);
      for (let count = 0; count < 500; count++) {
        expect([heap.firstDueAt, heap.firstId]).toEqual(model[0]);
        expect(heap.pop()).toBe(model.shift()?.[1]);
      }
    }
  }
  model = model.sort(byTime);
  expect(heap.size).toBe(model.length);
  expect(drain(heap)).toEqual(model);
});

test('stale entries are dropped and the order is kept', () => {
  const random = new SeededRandom(9);
  const heap = new DueHeap(10_000);
  const pushed: [number, number][] = [];
  for (let id = 0; id < 3_000; id++) pushed.push([random.below(400), id]);
  for (const [dueAt, id] of pushed) heap.push(dueAt, id);
  heap.keepOnly((id) => id % 3 !== 0);
  expect(drain(heap)).toEqual(pushed.filter(([, id]) => id % 3 !== 0).sort(byTime));
});

test('a full heap refuses', () => {
  const heap = new DueHeap(2);
  heap.push(1, 1);
  heap.push(2, 2);
  expect(() => {
    heap.push(3, 3);
  }).toThrow('2 entries wait for their time');
  expect(heap.size).toBe(2);
});

test('refuses what is no time: it would hide all that is behind it', () => {
  const heap = new DueHeap(10);
  for (const dueAt of [NaN, Infinity]) expect(() => heap.push(dueAt, 1)).toThrow('is no time');
  expect(heap.size).toBe(0);
});
