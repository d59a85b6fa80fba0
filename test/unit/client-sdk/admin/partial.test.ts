import { expect, test } from 'vitest';
import { MqError } from '@cometmq/common/error/mq-error';
import { gather, gatherSome, mapBounded } from '@cometmq/client/admin/partial';

const target = (server: string): { server: string; address: string } => ({ server, address: `${server}:1` });

test('mapBounded keeps the order and never runs more than 16 at once', async () => {
  let running = 0;
  let most = 0;
  const items = Array.from({ length: 50 }, (_, index) => index);
  const results = await mapBounded(items, async (item) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn <= item % 5; turn++) await Promise.resolve();
    running--;
    return item * 2;
  });
  expect(results).toEqual(items.map((item) => item * 2));
  expect(most).toBe(16);
});

test('gather lists failures beside the answers', async () => {
  const { answers, failures } = await gather([target('a'), target('b')], ({ server }) =>
    server === 'a' ? Promise.resolve(undefined) : Promise.reject(new MqError('TIMEOUT', 'late')),
  );
  expect(answers).toEqual([{ server: 'a', address: 'a:1', value: undefined }]);
  expect(failures).toEqual([{ server: 'b', address: 'b:1', kind: 'TIMEOUT', message: 'late' }]);
});

test('gatherSome fails when nobody answered, but not without targets', async () => {
  const fail = (): Promise<never> => Promise.reject(new MqError('TIMEOUT', 'late'));
  await expect(gatherSome([target('a')], fail)).rejects.toMatchObject({ kind: 'TIMEOUT' });
  expect(await gatherSome([], fail)).toEqual({ answers: [], failures: [] });
});

test('a bug is not a failure of a server', async () => {
  await expect(gather([target('a')], () => Promise.reject(new TypeError('bug')))).rejects.toBeInstanceOf(
    TypeError,
  );
});
