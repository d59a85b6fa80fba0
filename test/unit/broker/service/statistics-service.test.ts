import { afterEach, beforeEach, expect, test } from 'vitest';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import type { AdminWorld } from './admin-world.ts';
import { adminWorld, send } from './admin-world.ts';

let world: AdminWorld;

beforeEach(async () => {
  world = await adminWorld();
  await world.admin.topics.put([{ ...topicConfig('T', 2), readQueueNums: 3 }]);
});

afterEach(() => world.close());

test('a topic has an entry for each queue before its first message', async () => {
  const { statistics } = world.admin;
  const empty = { minOffset: 0, maxOffset: 0, lastUpdateTimestamp: 0 };
  expect(statistics.ofTopic('T').queues).toEqual([0, 1, 2].map((queueId) => ({ queueId, ...empty })));
  await send(world, 'T', 1, 2);
  const lastUpdateTimestamp = world.read('T', 1)[1]?.storeTimestamp;
  expect(statistics.ofTopic('T').queues[1]).toEqual({
    queueId: 1,
    minOffset: 0,
    maxOffset: 2,
    lastUpdateTimestamp,
  });
  expect(() => statistics.ofTopic('Nothing')).toThrow('topic[Nothing] not exist');
});

test('sums and means of messages in', async () => {
  const { statistics } = world.admin;
  expect(statistics.find('TOPIC_PUT_NUMS', 'T')).toBeUndefined();
  await send(world, 'T', 0, 6);
  await world.clock.advance(2_000);
  expect(statistics.find('TOPIC_PUT_NUMS', 'T')).toEqual({
    minute: { sum: 6, tps: 0.1, avgpt: 1 },
    hour: { sum: 6, tps: 6 / 3_600, avgpt: 1 },
    day: { sum: 6, tps: 6 / 86_400, avgpt: 1 },
  });
  expect(statistics.find('TOPIC_PUT_SIZE', 'T')?.minute.avgpt).toBe('hello'.length);
  expect(statistics.find('BROKER_PUT_NUMS', 'DefaultCluster')?.minute.sum).toBe(6);
});

test('what a pull takes counts once for each message, on average over pulls', async () => {
  world.services.stats.get('T', 'G', 3, 300);
  world.services.stats.get('T', 'G', 1, 100);
  await world.clock.advance(1_000);
  expect(world.admin.statistics.find('GROUP_GET_NUMS', 'T@G')?.minute).toEqual({
    sum: 4,
    tps: 4 / 60,
    avgpt: 2,
  });
  expect(world.admin.statistics.find('GROUP_GET_SIZE', 'T@G')?.minute.avgpt).toBe(200);
});

test.each(['toString', 'TOPIC_PUT_LATENCY', ''])('the statistic %s does not exist', (name) => {
  expect(world.admin.statistics.find(name, 'T')).toBeUndefined();
  expect(world.admin.statistics.find(name, 'DefaultCluster')).toBeUndefined();
});
