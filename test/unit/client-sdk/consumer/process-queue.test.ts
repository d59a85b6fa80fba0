import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { StoredMessage } from '@cometmq/common/message/message';
import { ProcessQueue } from '@cometmq/client/consumer/process-queue';

const queue = { topic: 't', brokerName: 'b', queueId: 0 };
const limits = { countMax: 10, bytesMax: 1000, spanMax: 100 };

function message(queueOffset: number, storeSize = 10): StoredMessage {
  return { queueOffset, storeSize, reconsumeTimes: 0 } as StoredMessage;
}

function filled(...offsets: number[]): ProcessQueue {
  const process = new ProcessQueue(queue, limits, 0);
  process.put(
    offsets.map((offset) => message(offset)),
    0,
  );
  return process;
}

describe('the offset to commit', () => {
  test('is that of the first unfinished message', () => {
    const process = filled(5, 6, 8);
    const [five, six, eight] = process.take(3);
    expect(process.commitOffset).toBe(5);
    process.finish([six!, eight!]);
    expect(process.commitOffset).toBe(5);
    process.finish([five!]);
    expect(process.commitOffset).toBe(9);
    expect(process.isEmpty).toBe(true);
  });

  test('is unknown before anything came', () => {
    expect(new ProcessQueue(queue, limits, 0).commitOffset).toBeUndefined();
  });

  test('never passes an unfinished message, in whatever order messages end or come back', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(20)), { maxLength: 300 }), (steps) => {
        const process = new ProcessQueue(queue, { countMax: 1e9, bytesMax: 1e9, spanMax: 1e9 }, 0);
        const running = new Map<number, ReturnType<ProcessQueue['take']>[number]>();
        const unfinished = new Set<number>();
        let next = 0;
        for (const [kind, value] of steps) {
          if (kind === 0) {
            process.put([message(next)], 0);
            unfinished.add(next++);
          } else if (kind === 1) {
            for (const delivery of process.take(value)) running.set(delivery.message.queueOffset, delivery);
          } else {
            const chosen = [...running.values()][value % Math.max(1, running.size)];
            if (chosen === undefined) continue;
            running.delete(chosen.message.queueOffset);
            if (value % 3 === 0) process.putBack([chosen]);
            else {
              process.finish([chosen]);
              unfinished.delete(chosen.message.queueOffset);
            }
          }
        }
        expect(process.commitOffset ?? 0).toBe(Math.min(next, ...unfinished));
        expect(process.count).toBe(unfinished.size);
        expect(process.bytes).toBe(unfinished.size * 10);
        expect(process.waiting + running.size).toBe(unfinished.size);
      }),
    );
  });
});

describe('limits', () => {
  test('count, bytes and span each stop pulling', async () => {
    expect(filled(...Array(10).keys()).isFull).toBe(true);
    const heavy = new ProcessQueue(queue, limits, 0);
    heavy.put([message(0, 1000)], 0);
    expect(heavy.isFull).toBe(true);
    expect(filled(0, 101).isFull).toBe(true);
    const process = filled(0, 100, 200);
    let room = false;
    const waiting = process.space().then(() => (room = true));
    const [first] = process.take(1);
    expect(room).toBe(false);
    process.finish([first!]);
    await waiting;
    expect(process.isFull).toBe(false);
  });
});

test('what comes back is handed out first, in order, as a further attempt', () => {
  const process = filled(1, 2, 3, 4);
  const [one, two, three] = process.take(3);
  process.putBack([three!, one!]);
  expect(process.take(9).map(({ message: m, attempt }) => [m.queueOffset, attempt])).toEqual([
    [1, 2],
    [3, 2],
    [4, 1],
  ]);
  expect(two?.attempt).toBe(1);
});

test('dropping tells the handlers and frees a waiting puller', async () => {
  const process = filled(...Array(10).keys());
  const handler = new AbortController();
  process.handlers.add(handler);
  const waiting = process.space();
  process.drop(new Error('gone'));
  await waiting;
  expect(handler.signal.aborted).toBe(true);
  expect(process.dropped).toBe(true);
});
