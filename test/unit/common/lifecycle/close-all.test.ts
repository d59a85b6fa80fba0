import { closeAll } from '@cometmq/common/lifecycle/close-all';
import { expect, test } from 'vitest';

test('every step is taken in order, and the first failure is told at the end', async () => {
  const taken: string[] = [];
  const closing = closeAll(
    () => Promise.resolve(taken.push('a')),
    () => Promise.reject(new Error('disk full')),
    () => {
      taken.push('b');
      throw new Error('later');
    },
    () => undefined,
    () => taken.push('c'),
  );
  await expect(closing).rejects.toThrow('disk full');
  expect(taken).toEqual(['a', 'b', 'c']);
});
