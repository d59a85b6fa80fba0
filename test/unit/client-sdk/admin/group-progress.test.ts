import { expect, test } from 'vitest';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { FakeCluster, objectKeyed, ok, queue } from './fake-cluster.ts';

const A = '127.0.0.1:10911';
const B = '127.0.0.1:10921';

function consumeStats(
  broker: string,
  rows: readonly (readonly [topic: string, end: number, committed: number, pulled: number])[],
): ReturnType<typeof objectKeyed> {
  return objectKeyed(
    'offsetTable',
    rows.map(([topic, brokerOffset, consumerOffset, pullOffset], queueId) => [
      queue(topic, broker, queueId),
      { brokerOffset, consumerOffset, pullOffset, lastTimestamp: 1000 + queueId },
    ]),
  );
}

const connections = (...ids: readonly string[]): ReturnType<typeof ok> =>
  ok({
    connectionSet: ids.map((clientId) => ({
      clientId,
      clientAddr: '/10.0.0.1:5000',
      language: 'JAVA',
      version: 493,
    })),
    consumeType: 'CONSUME_PASSIVELY',
    messageModel: 'CLUSTERING',
    consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
    subscriptionTable: { orders: { topic: 'orders', subString: '*', subVersion: 7 } },
  });

function cluster(): FakeCluster {
  return new FakeCluster()
    .broker('broker-a', A)
    .broker('broker-b', B)
    .on(A, RequestCode.GET_CONSUME_STATS, () =>
      consumeStats('broker-a', [
        ['orders', 10, 4, 6],
        ['%RETRY%g', 3, 3, 3],
      ]),
    )
    .on(B, RequestCode.GET_CONSUME_STATS, () => consumeStats('broker-b', [['orders', 5, 5, 5]]));
}

test('lag and messages in flight add up by topic', async () => {
  const progress = await cluster().admin().progress('g');
  expect(progress).toMatchObject({ lag: 6, inflight: 2, complete: true, silentClients: [] });
  expect(progress.topics).toEqual([
    { topic: '%RETRY%g', kind: 'retry', queueCount: 1, lag: 0, inflight: 0, lastTimestamp: 1001 },
    { topic: 'orders', kind: 'normal', queueCount: 2, lag: 6, inflight: 2, lastTimestamp: 1000 },
  ]);
});

test('a broker that is down makes the result incomplete, not wrong', async () => {
  const progress = await cluster().down(B).admin().progress('g');
  expect(progress).toMatchObject({ lag: 6, complete: false });
  expect(progress.failures.map(({ server }) => server)).toEqual(['broker-b']);
});

test('online clients are asked for their queues; silent ones are named', async () => {
  const fake = cluster()
    .on(A, RequestCode.GET_CONSUMER_CONNECTION_LIST, () => connections('c1', 'c2'))
    .on(B, RequestCode.GET_CONSUMER_CONNECTION_LIST, () => connections('c1'))
    .on(A, RequestCode.GET_CONSUMER_RUNNING_INFO, ({ extFields }) =>
      extFields?.['clientId'] === 'c1'
        ? objectKeyed('mqTable', [
            [queue('orders', 'broker-a', 0), { commitOffset: 4, droped: false }],
            [queue('orders', 'broker-b', 0), { commitOffset: 4, droped: true }],
          ])
        : { code: 207, remark: 'consumer g c2 Timeout' },
    );
  const progress = await fake.admin().progress('g', { withClients: true });
  const owners = progress.queues.map(({ topic, brokerName, clientId }) => [topic, brokerName, clientId]);
  expect(owners).toEqual([
    ['%RETRY%g', 'broker-a', undefined],
    ['orders', 'broker-a', 'c1'],
    ['orders', 'broker-b', undefined],
  ]);
  expect(progress.silentClients).toEqual(['c2']);
});

test('members are merged over brokers', async () => {
  const fake = cluster()
    .on(A, RequestCode.GET_CONSUMER_CONNECTION_LIST, () => connections('c2', 'c1'))
    .on(B, RequestCode.GET_CONSUMER_CONNECTION_LIST, () => connections('c1'));
  const members = await fake.admin().clients.consumers('g');
  expect(members).toMatchObject({ online: true, messageModel: 'CLUSTERING' });
  expect(members.clients.map(({ clientId, brokers, clientAddr }) => [clientId, brokers, clientAddr])).toEqual(
    [
      ['c1', ['broker-a', 'broker-b'], '10.0.0.1:5000'],
      ['c2', ['broker-a'], '10.0.0.1:5000'],
    ],
  );
  expect(members.subscriptions.map(({ topic, subVersion }) => [topic, subVersion])).toEqual([['orders', 7]]);
});

test('a group without members is offline, not a failure', async () => {
  const fake = cluster().onBrokers(RequestCode.GET_CONSUMER_CONNECTION_LIST, () => ({
    code: 206,
    remark: 'not online',
  }));
  expect(await fake.admin().clients.consumers('g')).toMatchObject({
    online: false,
    clients: [],
    complete: true,
  });
});
