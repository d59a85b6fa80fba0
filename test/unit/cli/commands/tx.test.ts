import { expect, test } from 'vitest';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { Reply } from '@cometmq/remoting/protocol/remoting-command';
import { FakeCluster, ok } from '../../client-sdk/admin/fake-cluster.ts';
import { NOW_MS, runCli } from '../run-cli.ts';

const A = '127.0.0.1:10911';
const B = '127.0.0.1:10921';

function transaction(id: string, storedAt: number, more: object = {}): object {
  const names = { id, group: 'order-tx', topic: 'orders', halfOffset: 7, offsetMessageId: 'AB', storedAt };
  return { ...names, state: 'checking', checks: 2, checkMax: 15, sizeBytes: 300, ...more };
}

function fake(): FakeCluster {
  return new FakeCluster().broker('broker-a', A).broker('broker-b', B);
}

const notFound = (): Reply => ({ code: 22, remark: 'there is no transaction' });

test('list merges the brokers, the oldest first, and says when there is more', async () => {
  const cluster = fake()
    .on(A, RequestCode.LIST_TRANSACTIONS, () => ok({ transactions: [transaction('ID2', NOW_MS - 1000)] }))
    .on(B, RequestCode.LIST_TRANSACTIONS, () =>
      ok({ transactions: [transaction('ID1', NOW_MS - 5000)], cursor: 9 }),
    );
  const run = await runCli('tx list --limit 1 --state checking --older-than 10m -o name', { cluster });
  expect(run).toMatchObject({
    exitCode: 0,
    out: 'ID1\n',
    err: 'there are more: raise --limit, or narrow it\n',
  });
  const asked = cluster.asked.filter(({ request }) => request.code === RequestCode.LIST_TRANSACTIONS);
  expect(asked[0]?.request.extFields).toMatchObject({ state: 'checking', olderThan: '600000', maxNum: '1' });
  const wrong = await runCli('tx list --state done', { cluster });
  expect(wrong).toMatchObject({ exitCode: 2 });
});

test('list follows the pages of a broker', async () => {
  const pages = [
    { transactions: [transaction('ID1', 1)], cursor: 5 },
    { transactions: [transaction('ID2', 2)] },
  ];
  const cluster = new FakeCluster()
    .broker('broker-a', A)
    .on(A, RequestCode.LIST_TRANSACTIONS, () => ok(pages.shift()));
  expect(await runCli('tx list -o name', { cluster })).toMatchObject({ out: 'ID1\nID2\n', err: '' });
});

test('get draws the timeline; what came from outside can not disturb the terminal', async () => {
  const events = [
    { what: 'checked', at: 2000, who: 'c1 10.0.0.7:1', check: 1 },
    { what: 'answered', at: 2100, who: 'c1 10.0.0.7:1', answer: 'unknown' },
    { what: 'decided', at: 3000, outcome: 'commit', by: 'operator', who: 'ops', reason: 'paid\u001b[2J' },
    { what: 'refused', at: 4000, outcome: 'rollback', who: 'c1', reason: 'operator decided commit' },
    { what: 'something new', at: 5000 },
  ];
  const body = transaction('ID1', 1000, { state: 'committed', events, decision: events[2] });
  const cluster = fake()
    .on(A, RequestCode.GET_TRANSACTION, () => ok(body))
    .on(B, RequestCode.GET_TRANSACTION, notFound);
  const { out, exitCode } = await runCli('tx get ID1 --time epoch', { cluster });
  expect(exitCode).toBe(0);
  expect(out).toBe(
    [
      'transaction ID1: committed',
      'topic orders, producer group order-tx, broker broker-a, half offset 7 (AB)',
      '',
      '1000  ● stored',
      '      │',
      '2000  ? check 1: asked c1 10.0.0.7:1',
      '      │',
      '2100  ○ c1 10.0.0.7:1 answered unknown',
      '      │',
      '3000  ■ committed by operator, ops: paid [2J',
      '      │',
      '4000  ✗ rollback by c1 refused: operator decided commit',
      '      │',
      '5000  ○ something new',
      '',
    ].join('\n'),
  );
});

test('get does not choose between two brokers that know the same offset', async () => {
  const cluster = fake().onBrokers(RequestCode.GET_TRANSACTION, () => ok(transaction('ID1', 1)));
  expect(await runCli('tx get 7', { cluster })).toMatchObject({ exitCode: 9 });
});

test('commit goes to the broker that has it, with the reason and who said so', async () => {
  const cluster = fake()
    .on(A, RequestCode.GET_TRANSACTION, notFound)
    .on(B, RequestCode.GET_TRANSACTION, () => ok(transaction('ID1', 1)))
    .on(B, RequestCode.COMMIT_TRANSACTION, () => ok(transaction('ID1', 1, { state: 'committed' })));
  const line = ['tx', 'commit', 'ID1', '--reason', 'paid'];
  const dry = await runCli([...line, '--dry-run'], { cluster });
  expect(dry.err).toContain('would deliver the message of transaction ID1 (being checked) of group order-tx');
  expect(cluster.count(RequestCode.COMMIT_TRANSACTION)).toBe(0);
  const run = await runCli([...line, '--yes'], { cluster, env: { USER: 'ops' } });
  expect(run).toMatchObject({ exitCode: 0, err: 'ID1 is committed\n' });
  const [sent] = cluster.asked.filter(({ request }) => request.code === RequestCode.COMMIT_TRANSACTION);
  expect(sent?.request.extFields).toEqual({ transaction: 'ID1', reason: 'paid', operator: 'ops' });
});
