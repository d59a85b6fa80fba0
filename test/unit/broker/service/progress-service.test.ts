import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import type { AdminWorld } from './admin-world.ts';
import { adminWorld, send } from './admin-world.ts';

let world: AdminWorld;

beforeEach(async () => {
  world = await adminWorld();
  await world.admin.topics.put([topicConfig('T', 2), topicConfig('U', 1)]);
});

afterEach(() => world.close());

describe('progress of a group', () => {
  test('has a row for each queue of the topics that the group has offsets for', async () => {
    await send(world, 'T', 1, 3);
    world.services.offsets.commit('G', 'T', 1, 2);
    const { queues } = world.admin.progress.ofGroup('G', []);
    expect(
      queues.map(({ topic, queueId, brokerOffset, consumerOffset }) => [
        topic,
        queueId,
        brokerOffset,
        consumerOffset,
      ]),
    ).toEqual([
      ['T', 0, 0, 0],
      ['T', 1, 3, 2],
    ]);
    expect(queues[0]?.lastTimestamp).toBe(0);
    expect(queues[1]?.lastTimestamp).toBe(world.read('T', 1)[1]?.storeTimestamp);
  });

  test('on named topics needs no offsets, and unknown topics are left out', () => {
    const { queues } = world.admin.progress.ofGroup('G', ['U', 'Nothing']);
    expect(queues.map(({ topic }) => topic)).toEqual(['U']);
  });

  test('of a group that nobody knows is empty', () => {
    expect(world.admin.progress.ofGroup('Nobody', [])).toEqual({ consumeTps: 0, queues: [] });
  });
});

test('the span of time tells how old the oldest waiting message is', async () => {
  await send(world, 'U', 0, 2);
  const [first, second] = world.read('U');
  world.services.offsets.commit('G', 'U', 0, 1);
  await world.clock.advance(5_000);
  expect(world.admin.progress.timeSpans('G', 'U')).toEqual([
    {
      queueId: 0,
      minTimestamp: first?.storeTimestamp,
      maxTimestamp: second?.storeTimestamp,
      consumeTimestamp: first?.storeTimestamp,
      delayMs: world.clock.now() - (second?.storeTimestamp ?? 0),
    },
  ]);
  world.services.offsets.commit('G', 'U', 0, 2);
  expect(world.admin.progress.timeSpans('G', 'U')[0]?.delayMs).toBe(0);
});

test('corrections are the smallest offset of the other groups, none where the group is behind them', () => {
  const { offsets } = world.services;
  offsets.commit('A', 'T', 0, 10);
  offsets.commit('B', 'T', 0, 7);
  offsets.commit('Ignored', 'T', 0, 1);
  offsets.commit('A', 'T', 1, 5);
  offsets.commit('Mine', 'T', 0, 9);
  offsets.commit('Mine', 'T', 1, 3);
  expect([...world.admin.progress.corrections('T', 'Mine', ['Ignored', 'Mine'])]).toEqual([
    [0, 7],
    [1, undefined],
  ]);
});

describe('a clone', () => {
  test('moves the other group to where the first is, on one topic or all', () => {
    const { offsets, offsetting } = world.services;
    offsets.commit('A', 'T', 0, 4);
    offsets.commit('A', 'T', 1, 6);
    offsets.commit('A', 'U', 0, 2);
    offsetting.clone('A', 'B', 'T', true);
    expect([...offsets.ofTopic('B', 'T')]).toEqual([
      [0, 4],
      [1, 6],
    ]);
    expect(offsets.topicsOf('B')).toEqual(['T']);
    offsetting.clone('A', 'B', '', true);
    expect(offsets.topicsOf('B').sort()).toEqual(['T', 'U']);
  });

  test('leaves out topics that are gone', () => {
    const { offsets, offsetting } = world.services;
    offsets.commit('A', 'Gone', 0, 4);
    offsetting.clone('A', 'B', '', true);
    expect(offsets.topicsOf('B')).toEqual([]);
  });
});
