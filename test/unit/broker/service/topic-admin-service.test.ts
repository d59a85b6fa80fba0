import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import type { AdminWorld } from './admin-world.ts';
import { GROUP, pop } from '../../../support/pop-world.ts';
import { adminWorld, send } from './admin-world.ts';

let world: AdminWorld;

beforeEach(async () => {
  world = await adminWorld();
});

afterEach(() => world.close());

describe('put', () => {
  test('makes and changes, and tells the name servers', async () => {
    const { topics } = world.admin;
    await topics.put([{ ...topicConfig('T', 4), attributes: { '+message.type': 'FIFO' } }]);
    await topics.put([{ ...topicConfig('T', 2), perm: 4 }]);
    expect(topics.config('T')).toMatchObject({
      readQueueNums: 2,
      perm: 4,
      attributes: { 'message.type': 'FIFO' },
    });
    expect(world.announced).toBe(2);
  });

  test.each([
    ['no/name', 'INVALID_ARGUMENT', 'illegal characters'],
    [
      'SCHEDULE_TOPIC_XXXX',
      'INVALID_ARGUMENT',
      'The topic[SCHEDULE_TOPIC_XXXX] is conflict with system topic.',
    ],
    ['DefaultCluster', 'INVALID_ARGUMENT', 'is conflict with system topic.'],
  ])('refuses %s, and all that came with it', async (name, kind, text) => {
    const refused = world.admin.topics.put([topicConfig('First', 1), topicConfig(name, 1)]);
    await expect(refused).rejects.toThrow(
      expect.objectContaining({ kind, message: expect.stringContaining(text) as string }),
    );
    expect(world.services.topics.find('First')).toBeUndefined();
  });

  test('refuses numbers that can not be', async () => {
    const refused = world.admin.topics.put([topicConfig('First', 1), topicConfig('T', -1)]);
    await expect(refused).rejects.toThrow('queues');
    expect(world.services.topics.find('First')).toBeUndefined();
  });

  test('refuses mixed message types', async () => {
    const mixed = { ...topicConfig('T', 1), attributes: { '+message.type': 'MIXED' } };
    await expect(world.admin.topics.put([mixed])).rejects.toThrow('MIXED message type is not supported.');
  });
});

describe('remove', () => {
  test('takes messages and offsets with it, and a new topic of the name begins anew', async () => {
    const { topics } = world.admin;
    await topics.put([topicConfig('T', 1), topicConfig('Other', 1)]);
    await send(world, 'T', 0, 3);
    await send(world, 'Other', 0, 1);
    world.services.offsets.commit('G', 'T', 0, 2);
    world.services.offsets.commit('G', 'Other', 0, 1);
    await topics.remove('T');
    expect(() => topics.config('T')).toThrow('No topic in this broker. topic: T');
    expect(world.services.offsets.topicsOf('G')).toEqual(['Other']);
    expect(world.store.queues.topics()).not.toContain('T');
    await topics.put([topicConfig('T', 1)]);
    await send(world, 'T', 0, 1);
    expect(world.read('T').map(({ queueOffset }) => queueOffset)).toEqual([0]);
    expect(world.read('Other')).toHaveLength(1);
  });

  test('nobody can make the topic while its data is being removed', async () => {
    const { topics } = world.admin;
    await topics.put([topicConfig('T', 1)]);
    await send(world, 'T', 0, 1);
    const removal = topics.remove('T');
    await expect(topics.put([topicConfig('T', 1)])).rejects.toThrow(
      expect.objectContaining({ kind: 'SYSTEM_BUSY', retryable: true }),
    );
    await Promise.all([removal, topics.remove('T')]);
    await topics.put([topicConfig('T', 1)]);
  });

  test('takes along what groups that pop could not handle', async () => {
    const { topics } = world.admin;
    const { pops, topics: table } = world.services;
    await topics.put([topicConfig('T', 1)]);
    await send(world, 'T', 0, 1);
    pops.start();
    expect(pop(world, { topic: 'T' })).toHaveLength(1);
    await world.clock.advance(32_000);
    const retry = `%RETRY%${GROUP}_T`;
    expect([table.find(retry)?.name, world.read(retry).length]).toEqual([retry, 1]);
    await topics.remove('T');
    expect(table.find(retry)).toBeUndefined();
    expect(pops.service.progress(GROUP)).toEqual([]);
    await pops.stop();
  });

  test('refuses system topics; unknown and impossible names are fine', async () => {
    await expect(world.admin.topics.remove('TBW102')).rejects.toThrow('conflict with system topic');
    await expect(world.admin.topics.remove(' ')).rejects.toThrow('blank');
    await world.admin.topics.remove('NoSuchTopic');
    await world.admin.topics.remove('../up');
  });

  test('what a crash left of a deletion can be cleaned', async () => {
    await world.admin.topics.put([topicConfig('T', 1), topicConfig('Kept', 1)]);
    await send(world, 'T', 0, 1);
    await send(world, 'Kept', 0, 1);
    await world.services.topics.remove('T', () => Promise.resolve());
    expect(world.store.queues.topics()).toContain('T');
    await world.admin.topics.removeUnused();
    expect(world.store.queues.topics()).not.toContain('T');
    expect(world.read('Kept')).toHaveLength(1);
  });
});
