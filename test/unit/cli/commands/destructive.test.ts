import { describe, expect, test } from 'vitest';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import {
  FakeCluster,
  NAME_SERVER,
  objectKeyed,
  offset,
  ok,
  queue,
  topicSettings,
} from '../../client-sdk/admin/fake-cluster.ts';
import { runCli } from '../run-cli.ts';

const A = '127.0.0.1:10911';

function cluster(): FakeCluster {
  const stats = { minOffset: 0, maxOffset: 12, lastUpdateTimestamp: 1 };
  return new FakeCluster()
    .broker('broker-a', A)
    .topic('orders', 1)
    .on(A, RequestCode.GET_TOPIC_CONFIG, () => topicSettings('orders'))
    .on(A, RequestCode.GET_TOPIC_STATS_INFO, () =>
      objectKeyed('offsetTable', [[queue('orders', 'broker-a', 0), stats]]),
    )
    .on(A, RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, () => ok({ groupList: ['billing'] }))
    .on(A, RequestCode.GET_CONSUMER_CONNECTION_LIST, () => ({ code: 206 }))
    .on(A, RequestCode.QUERY_CONSUMER_OFFSET, () => offset(10))
    .on(A, RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, () => offset(4))
    .on(A, RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, () =>
      objectKeyed('offsetTable', [[queue('orders', 'broker-a', 0), 4]]),
    )
    .on(A, RequestCode.DELETE_TOPIC_IN_BROKER, () => ({ code: 0 }))
    .on(NAME_SERVER, RequestCode.DELETE_TOPIC_IN_NAMESRV, () => ({ code: 0 }));
}

describe('topic delete', () => {
  test('shows what would be lost and refuses without --yes', async () => {
    const fake = cluster();
    const run = await runCli('topic delete orders', { cluster: fake });
    expect(run.exitCode).toBe(8);
    expect(run.err).toMatch(
      /MQ-GUARD: this would delete topic orders on broker-a: 12 messages, the offsets of billing/,
    );
    expect(fake.count(RequestCode.DELETE_TOPIC_IN_BROKER)).toBe(0);
  });

  test('--dry-run changes nothing and succeeds', async () => {
    const fake = cluster();
    const run = await runCli('topic delete orders --dry-run', { cluster: fake });
    expect(run).toMatchObject({ exitCode: 0, out: '' });
    expect(fake.count(RequestCode.DELETE_TOPIC_IN_BROKER)).toBe(0);
  });

  test('--yes does it', async () => {
    const fake = cluster();
    const run = await runCli('topic delete orders --yes', { cluster: fake });
    expect(run).toMatchObject({ exitCode: 0, err: `deleted orders on broker-a, ${NAME_SERVER}\n` });
    expect(fake.count(RequestCode.DELETE_TOPIC_IN_BROKER)).toBe(1);
  });

  test('one that does not exist: 3, or 0 with --if-exists', async () => {
    expect((await runCli('topic delete nix --yes', { cluster: cluster() })).exitCode).toBe(3);
    expect((await runCli('topic delete nix --yes --if-exists', { cluster: cluster() })).exitCode).toBe(0);
  });
});

describe('offset reset', () => {
  const line = 'offset reset billing --topic orders --to -2h';

  test('prints the plan before it asks', async () => {
    const fake = cluster();
    const run = await runCli(line, { cluster: fake });
    expect(run.exitCode).toBe(8);
    expect(run.out).toBe(
      'queue       committed  target  replay  skip\nbroker-a/0         10       4       6     0\n',
    );
    expect(run.err).toMatch(/replay 6, skip 0 messages; 0 clients online/);
    expect(fake.count(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET)).toBe(0);
  });

  test('--dry-run -o json is the plan as data', async () => {
    const run = await runCli(`${line} --dry-run -o json`, { cluster: cluster() });
    expect(run.exitCode).toBe(0);
    expect(JSON.parse(run.out)).toMatchObject({ group: 'billing', replay: 6, queues: [{ target: 4 }] });
  });

  test('--yes -o json is the result alone', async () => {
    const run = await runCli(`${line} --yes -o json`, { cluster: cluster() });
    expect(run.exitCode).toBe(0);
    expect(JSON.parse(run.out)).toMatchObject({
      queues: [{ broker: 'broker-a', queueId: 0, before: 10, after: 4 }],
    });
  });

  test('a time is sent as the broker needs it', async () => {
    const fake = cluster();
    await runCli('offset reset billing --topic orders --to 2026-09-25T10:00:00Z --yes', { cluster: fake });
    const sent = fake.asked.find(({ request }) => request.code === RequestCode.INVOKE_BROKER_TO_RESET_OFFSET);
    expect(sent?.request.extFields?.['timestamp']).toBe(String(Date.UTC(2026, 8, 25, 10)));
  });

  test.each([
    ['offset reset billing --to -2h', '--topic is missing'],
    ['offset reset billing --topic orders', '--to is missing'],
    ['offset reset billing --topic orders --to soon', '--to "soon" is no time'],
    ['offset reset billing --topic orders --queue x --to 3', '--queue "x" is no queue'],
    ['offset reset billing --topic orders --queue broker-a/0 --to -2h', '--to "-2h" is no offset'],
  ])('%s', async (wrong, what) => {
    const run = await runCli(wrong, { cluster: cluster() });
    expect(run.exitCode).toBe(2);
    expect(run.err).toContain(what);
  });

  test('a group that nobody knows is a typing error', async () => {
    const fake = cluster()
      .on(A, RequestCode.QUERY_CONSUMER_OFFSET, () => ({ code: 22 }))
      .on(A, RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, () => ok({ subscriptionGroupTable: {} }));
    const run = await runCli(`${line} --yes`, { cluster: fake });
    expect(run.exitCode).toBe(3);
    expect(fake.count(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET)).toBe(0);
  });
});

test('topic alter asks before it hides queues', async () => {
  const fake = cluster().on(A, RequestCode.UPDATE_AND_CREATE_TOPIC, () => ({ code: 0 }));
  const run = await runCli('topic alter orders --queues 4', { cluster: fake });
  expect(run.exitCode).toBe(8);
  expect(run.err).toContain(
    'this would hide the queues of orders from number 4 on from consumers of broker-a (8 now)',
  );
  expect(fake.count(RequestCode.UPDATE_AND_CREATE_TOPIC)).toBe(0);
  expect((await runCli('topic alter orders --queues 4 --yes', { cluster: fake })).exitCode).toBe(0);
  expect((await runCli('topic alter orders --queues 8', { cluster: fake })).exitCode).toBe(0);
  expect((await runCli('topic alter orders --write-queues 4', { cluster: fake })).exitCode).toBe(0);
});

test('namesrv kv delete asks first', async () => {
  const fake = new FakeCluster().on(NAME_SERVER, RequestCode.DELETE_KV_CONFIG, () => ({ code: 0 }));
  const run = await runCli('namesrv kv delete NS k', { cluster: fake });
  expect(run.exitCode).toBe(8);
  expect(run.err).toContain('this would remove k of NS from all name servers');
  expect(fake.count(RequestCode.DELETE_KV_CONFIG)).toBe(0);
  expect((await runCli('namesrv kv delete NS k --yes', { cluster: fake })).exitCode).toBe(0);
  expect(fake.count(RequestCode.DELETE_KV_CONFIG)).toBe(1);
});

test('offset clone to a group that is online is a conflict', async () => {
  const members = [{ clientId: 'c', clientAddr: '127.0.0.1:1', language: 'JAVA', version: 493 }];
  const online = ok({ connectionSet: members, consumeType: 'CONSUME_PASSIVELY', messageModel: 'CLUSTERING' });
  const fake = cluster().on(A, RequestCode.GET_CONSUMER_CONNECTION_LIST, () => online);
  const run = await runCli('offset clone billing crm --topic orders --yes', { cluster: fake });
  expect(run.exitCode).toBe(9);
  expect(run.err).toMatch(/MQ-409: group crm is online\n {2}why: its consumers would overwrite/);
  expect(fake.count(RequestCode.UPDATE_CONSUMER_OFFSET)).toBe(0);
});

test('topic create of one that exists is a conflict', async () => {
  expect((await runCli('topic create orders', { cluster: cluster() })).exitCode).toBe(9);
  expect((await runCli('topic create orders --if-not-exists', { cluster: cluster() })).exitCode).toBe(0);
});
