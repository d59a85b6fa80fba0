import { beforeEach, describe, expect, test } from 'vitest';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import type { BrokerChannel } from '@cometmq/nameserver/route/broker-table';
import type { RegistrationRequest } from '@cometmq/nameserver/route/route-table';
import { RouteTable } from '@cometmq/nameserver/route/route-table';
import { pickRoute, topicNames } from '@cometmq/nameserver/route/route-view';

const LIMITS = { brokersMax: 2, topicsMax: 4, queueDatasMax: 6 };

let routes: RouteTable;
let channel: BrokerChannel;

beforeEach(() => {
  routes = new RouteTable(LIMITS);
  channel = { close: () => undefined };
});

function request(changes: Partial<RegistrationRequest> = {}): RegistrationRequest {
  return {
    clusterName: 'c',
    brokerName: 'a',
    brokerId: 0,
    brokerAddr: '10.0.0.1:10911',
    haServerAddr: '10.0.0.1:10912',
    heartbeatTimeoutMs: 120_000,
    enableActingMaster: undefined,
    dataVersion: { counter: 1, stateVersion: 0, timestamp: 1 },
    topics: [topicConfig('t1', 4), topicConfig('t2', 4)],
    ...changes,
  };
}

const version = (counter: number) => ({ counter, stateVersion: 0, timestamp: counter });

describe('topics', () => {
  test('are never removed by a registration: it may hold a part of them only', () => {
    routes.register(request(), channel, 0);
    routes.register(request({ topics: [topicConfig('t3', 1)], dataVersion: version(2) }), channel, 0);
    expect(topicNames(routes)).toEqual(['t1', 't2', 't3']);
  });

  test('change with the data version; missing ones are added without', () => {
    routes.register(request(), channel, 0);
    routes.register(request({ topics: [topicConfig('t1', 8), topicConfig('t3', 1)] }), channel, 0);
    expect(routes.topics.queueDatas('t1')?.get('a')?.readQueueNums).toBe(4);
    expect(topicNames(routes)).toEqual(['t1', 't2', 't3']);
    routes.register(request({ topics: [topicConfig('t1', 8)], dataVersion: version(2) }), channel, 0);
    expect(routes.topics.queueDatas('t1')?.get('a')?.readQueueNums).toBe(8);
  });

  test('a split registration is put together', () => {
    routes.register(request({ topics: [topicConfig('t1', 1), topicConfig('t2', 1)] }), channel, 0);
    routes.register(request({ topics: [topicConfig('t3', 1), topicConfig('t4', 1)] }), channel, 0);
    expect(topicNames(routes)).toHaveLength(4);
  });

  test('a single topic of an unknown broker is refused', () => {
    const result = routes.register(request({ topics: [topicConfig('t1', 1)] }), channel, 0);
    expect(result.status).toBe('UNKNOWN_BROKER');
    expect([...routes.brokers.groups]).toEqual([]);
  });

  test('deleted ones come back only with what the broker still has', () => {
    routes.register(request(), channel, 0);
    routes.deleteTopic('t1', 'other');
    expect(routes.topics.has('t1', 'a')).toBe(true);
    routes.deleteTopic('t1', 'c');
    expect(pickRoute(routes, 't1', undefined)).toBeUndefined();
    routes.register(request({ topics: [topicConfig('t2', 4)] }), channel, 0);
    expect(topicNames(routes)).toEqual(['t2']);
    routes.register(request(), channel, 0);
    expect(topicNames(routes)).toEqual(['t1', 't2']);
  });
});

describe('limits', () => {
  test('too many brokers', () => {
    routes.register(request(), channel, 0);
    routes.register(request({ brokerName: 'b', brokerAddr: 'h:2' }), channel, 0);
    expect(routes.register(request({ brokerName: 'd', brokerAddr: 'h:3' }), channel, 0).status).toBe(
      'BROKERS_FULL',
    );
    expect(routes.register(request({ brokerName: 'b', brokerAddr: 'h:2' }), channel, 0).status).toBe(
      'REGISTERED',
    );
    expect(routes.register(request({ brokerName: 'b', brokerAddr: 'h:4' }), channel, 0).status).toBe(
      'REGISTERED',
    );
  });

  test('a live broker with too many topics keeps what it has, and stays alive', () => {
    routes.register(request(), channel, 0);
    const topics = ['t1', 't2', 't3', 't4', 't5'].map((name) => topicConfig(name, 1));
    expect(routes.register(request({ topics, dataVersion: version(2) }), channel, 100_000).status).toBe(
      'TOPICS_FULL',
    );
    expect(topicNames(routes)).toEqual(['t1', 't2']);
    expect(routes.dataVersionAt('10.0.0.1:10911')).toEqual(version(1));
    expect(routes.expire(150_000)).toEqual([]);
    const stranger = request({ brokerName: 'b', brokerAddr: 'h:2', topics });
    expect(routes.register(stranger, channel, 0).status).toBe('TOPICS_FULL');
    expect(routes.brokers.group('b')).toBeUndefined();
  });

  test('removed topics make room', () => {
    for (let round = 0; round < 10; round++) {
      const topics = [0, 1, 2, 3].map((index) => topicConfig(`t${round}-${index}`, 1));
      expect(routes.register(request({ topics }), channel, 0).status).toBe('REGISTERED');
      routes.channelClosed(channel);
    }
    expect(topicNames(routes)).toEqual([]);
  });
});

describe('write permission', () => {
  test('is taken from all topics and given back as it was, not made up', () => {
    const topics = [topicConfig('t1', 1, 6), topicConfig('readOnly', 1, 4), topicConfig('TBW102', 1, 7)];
    routes.register(request({ topics }), channel, 0);
    const perms = () =>
      ['t1', 'readOnly', 'TBW102'].map((topic) => pickRoute(routes, topic, undefined)?.queueDatas[0]?.perm);
    expect(routes.setWritable('a', false)).toBe(3);
    expect(perms()).toEqual([4, 4, 5]);
    routes.register(request({ topics, dataVersion: version(2) }), channel, 0);
    expect(perms()).toEqual([4, 4, 5]);
    expect(routes.setWritable('a', true)).toBe(3);
    expect(perms()).toEqual([6, 4, 7]);
    expect(routes.setWritable('nobody', false)).toBe(0);
  });

  test('a broker that stopped and came back is writable', () => {
    routes.register(request(), channel, 0);
    routes.setWritable('a', false);
    routes.channelClosed(channel);
    routes.register(request(), channel, 0);
    expect(pickRoute(routes, 't1', undefined)?.queueDatas[0]?.perm).toBe(6);
  });
});

test('time in which nothing could be heard does not count', () => {
  routes.register(request(), channel, 0);
  routes.excuse(60_000);
  expect(routes.expire(150_000)).toEqual([]);
  expect(routes.expire(180_001)).toHaveLength(1);
});

test('a route’s text does not depend on the order of registrations', () => {
  const text = (order: readonly string[]): string => {
    const table = new RouteTable(LIMITS);
    for (const name of order) {
      table.register(request({ brokerName: name, brokerAddr: `${name}:1` }), { close: () => undefined }, 0);
    }
    return JSON.stringify(pickRoute(table, 't1', 'a:4'));
  };
  expect(text(['b', 'a'])).toBe(text(['a', 'b']));
  expect(text(['a'])).toBe(
    '{"brokerDatas":[{"brokerAddrs":{"0":"a:1"},"brokerName":"a","cluster":"c","enableActingMaster":false}],' +
      '"filterServerTable":{},"orderTopicConf":"a:4",' +
      '"queueDatas":[{"brokerName":"a","perm":6,"readQueueNums":4,"topicSysFlag":0,"writeQueueNums":4}]}',
  );
});
