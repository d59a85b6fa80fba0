import { expect, test } from 'vitest';
import type { KeyValueChange } from '@cometmq/broker/store/kv/key-value-store';
import { WriteQueue } from '@cometmq/broker/store/kv/write-queue';

interface Batch {
  readonly changes: readonly KeyValueChange[];
  readonly sync: boolean;
  readonly finish: () => void;
  readonly fail: (error: Error) => void;
}

/** A store whose batches finish when the test says so. */
function slowStore(): { queue: WriteQueue; batches: Batch[] } {
  const batches: Batch[] = [];
  const queue = new WriteQueue(
    (changes, sync) =>
      new Promise((finish, fail) => {
        batches.push({ changes: [...changes], sync, finish, fail });
      }),
  );
  return { queue, batches };
}

const set = (key: string, value: string): KeyValueChange[] => [{ key, value }];
async function turn(): Promise<void> {
  for (let step = 0; step < 20; step++) await Promise.resolve();
}

test('what comes during a write goes into one batch after it, in order', async () => {
  const { queue, batches } = slowStore();
  const first = queue.write(set('a', '1'), false);
  await turn();
  const second = queue.write(set('a', '2'), false);
  const third = queue.write(set('a', '3'), true);
  await turn();
  expect(batches).toHaveLength(1);
  batches[0]?.finish();
  await first;
  await turn();
  expect(batches).toHaveLength(2);
  expect(batches[1]).toMatchObject({ changes: [...set('a', '2'), ...set('a', '3')], sync: true });
  batches[1]?.finish();
  await Promise.all([second, third]);
});

test('a failed write is told to its callers and does not stop the next', async () => {
  const { queue, batches } = slowStore();
  const first = queue.write(set('a', '1'), true);
  await turn();
  const second = queue.write(set('b', '1'), true);
  batches[0]?.fail(new Error('disk'));
  await expect(first).rejects.toThrow('disk');
  await turn();
  batches[1]?.finish();
  await expect(second).resolves.toBeUndefined();
});

test('idle waits for everything', async () => {
  const { queue, batches } = slowStore();
  const done: string[] = [];
  void queue.write(set('a', '1'), false);
  await turn();
  void queue.write(set('b', '1'), false);
  const idle = queue.idle().then(() => done.push('idle'));
  batches[0]?.finish();
  await turn();
  expect(done).toEqual([]);
  batches[1]?.finish();
  await idle;
  expect(done).toEqual(['idle']);
});
