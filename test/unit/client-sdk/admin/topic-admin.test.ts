import { describe, expect, test } from 'vitest';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { FakeCluster, NAME_SERVER, objectKeyed, ok, queue, topicSettings } from './fake-cluster.ts';

const A = '127.0.0.1:10911';
const B = '127.0.0.1:10921';

function twoBrokers(): FakeCluster {
  return new FakeCluster().broker('broker-a', A).broker('broker-b', B);
}

describe('list', () => {
  test('classifies topics by name and by what the servers call system topics', async () => {
    const names = [
      'orders',
      '%RETRY%g',
      '%DLQ%g',
      'TBW102',
      'DefaultCluster',
      'SelfMade',
      'DefaultCluster_REPLY_TOPIC',
    ];
    const cluster = twoBrokers()
      .on(NAME_SERVER, RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, () => ok({ topicList: names }))
      .on(NAME_SERVER, RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS, () =>
        ok({ topicList: ['DefaultCluster'], brokerAddr: A }),
      )
      .on(A, RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER, () => ok({ topicList: ['SelfMade'] }));
    const { topics, complete } = await cluster.admin().topics.list();
    expect(complete).toBe(true);
    expect(Object.fromEntries(topics.map(({ topic, kind }) => [topic, kind]))).toEqual({
      orders: 'normal',
      '%RETRY%g': 'retry',
      '%DLQ%g': 'dlq',
      TBW102: 'system',
      DefaultCluster: 'system',
      SelfMade: 'system',
      DefaultCluster_REPLY_TOPIC: 'system',
    });
  });

  test('says that the classification may lack something when the broker is down', async () => {
    const cluster = twoBrokers()
      .down(A)
      .on(NAME_SERVER, RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, () => ok({ topicList: ['orders'] }))
      .on(NAME_SERVER, RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS, () => ok({ topicList: [], brokerAddr: A }));
    const { topics, complete, failures } = await cluster.admin().topics.list();
    expect(topics).toHaveLength(1);
    expect(complete).toBe(false);
    expect(failures[0]?.kind).toBe('CONNECTION');
  });
});

describe('create', () => {
  test('asks all masters and passes attributes as modifications', async () => {
    const cluster = twoBrokers().onBrokers(RequestCode.UPDATE_AND_CREATE_TOPIC, () => ({ code: 0 }));
    const result = await cluster.admin().topics.create('orders', {
      readQueueNums: 4,
      writeQueueNums: 4,
      attributes: { 'message.type': 'FIFO', gone: '' },
    });
    expect(result).toMatchObject({ status: 'CREATED', done: ['broker-a', 'broker-b'], complete: true });
    const sent = cluster.asked.find(({ request }) => request.code === RequestCode.UPDATE_AND_CREATE_TOPIC);
    expect(sent?.request.extFields).toMatchObject({
      topic: 'orders',
      readQueueNums: '4',
      perm: '6',
      defaultTopic: 'TBW102',
      attributes: '+message.type=FIFO,-gone',
    });
  });

  test('leaves a topic alone that exists', async () => {
    const cluster = twoBrokers()
      .topic('orders', 4, ['broker-b'])
      .on(B, RequestCode.GET_TOPIC_CONFIG, () => topicSettings('orders'));
    const result = await cluster.admin().topics.create('orders');
    expect(result).toMatchObject({ status: 'EXISTS', done: ['broker-b'] });
    expect(cluster.count(RequestCode.UPDATE_AND_CREATE_TOPIC)).toBe(0);
  });

  test('refuses an illegal name without asking anybody', async () => {
    const cluster = twoBrokers();
    await expect(cluster.admin().topics.create('no blanks')).rejects.toMatchObject({
      kind: 'INVALID_ARGUMENT',
    });
    expect(cluster.asked).toEqual([]);
  });

  test('fails when no broker is registered', async () => {
    await expect(new FakeCluster().admin().topics.create('orders')).rejects.toMatchObject({
      kind: 'NOT_FOUND',
    });
  });
});

test('alter keeps what is not changed, broker by broker', async () => {
  const cluster = twoBrokers()
    .topic('orders', 4)
    .on(A, RequestCode.GET_TOPIC_CONFIG, () => topicSettings('orders', { readQueueNums: 3, perm: 4 }))
    .on(B, RequestCode.GET_TOPIC_CONFIG, () => topicSettings('orders', { readQueueNums: 5, order: true }))
    .onBrokers(RequestCode.UPDATE_AND_CREATE_TOPIC, () => ({ code: 0 }));
  await cluster.admin().topics.alter('orders', { writeQueueNums: 9 });
  const sent = cluster.asked.filter(({ request }) => request.code === RequestCode.UPDATE_AND_CREATE_TOPIC);
  expect(
    sent.map(({ address, request }) => [
      address,
      request.extFields?.['readQueueNums'],
      request.extFields?.['perm'],
      request.extFields?.['order'],
    ]),
  ).toEqual([
    [A, '3', '4', 'false'],
    [B, '5', '6', 'true'],
  ]);
  expect(sent.every(({ request }) => request.extFields?.['writeQueueNums'] === '9')).toBe(true);
});

test('alter of a topic that does not exist fails', async () => {
  await expect(twoBrokers().admin().topics.alter('orders', { perm: 4 })).rejects.toMatchObject({
    kind: 'TOPIC_NOT_EXIST',
  });
});

test('delete goes to brokers and name servers and names who failed', async () => {
  const cluster = twoBrokers()
    .on(A, RequestCode.DELETE_TOPIC_IN_BROKER, () => ({ code: 0 }))
    .on(B, RequestCode.DELETE_TOPIC_IN_BROKER, () => ({ code: 1, remark: 'disk on fire' }))
    .on(NAME_SERVER, RequestCode.DELETE_TOPIC_IN_NAMESRV, () => ({ code: 0 }));
  const result = await cluster.admin().topics.delete('orders');
  expect(result.done).toEqual(['broker-a', NAME_SERVER]);
  expect(result.complete).toBe(false);
  expect(result.failures).toMatchObject([{ server: 'broker-b', kind: 'INTERNAL' }]);
});

test('stats add up over brokers, with keys that are objects', async () => {
  const stats = (minOffset: number, maxOffset: number, lastUpdateTimestamp: number): object => ({
    minOffset,
    maxOffset,
    lastUpdateTimestamp,
  });
  const cluster = twoBrokers()
    .topic('orders', 1)
    .on(A, RequestCode.GET_TOPIC_STATS_INFO, () =>
      objectKeyed('offsetTable', [[queue('orders', 'broker-a', 0), stats(5, 9, 77)]]),
    )
    .on(B, RequestCode.GET_TOPIC_STATS_INFO, () =>
      objectKeyed('offsetTable', [[queue('orders', 'broker-b', 0), stats(0, 2, 99)]]),
    );
  const result = await cluster.admin().topics.stats('orders');
  expect(result).toMatchObject({ messageCount: 6, lastUpdateTimestamp: 99, complete: true });
  expect(result.queues.map(({ brokerName, maxOffset }) => [brokerName, maxOffset])).toEqual([
    ['broker-a', 9],
    ['broker-b', 2],
  ]);
});

test('stats of a topic that does not exist fail with the name server as cause', async () => {
  const failure = twoBrokers().admin().topics.stats('nix');
  await expect(failure).rejects.toMatchObject({
    kind: 'TOPIC_NOT_EXIST',
    message: 'topic nix does not exist',
  });
});
