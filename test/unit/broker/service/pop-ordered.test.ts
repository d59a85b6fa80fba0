import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { BrokerWorld } from '../../../support/broker-world.ts';
import { acknowledge, pop, sendTexts } from '../../../support/pop-world.ts';

let world: BrokerWorld;

beforeEach(async () => {
  world = await BrokerWorld.open();
  await world.services.topics.put(topicConfig('orders', 4));
  world.services.pops.start();
});

afterEach(async () => {
  await world.services.pops.stop();
  await world.close();
});

const bodies = (messages: readonly { body: string }[]): string[] => messages.map(({ body }) => body);

describe('an ordered batch', () => {
  const ordered = { isOrdered: true, queueId: 0, countMax: 3 } as const;

  test.each([
    ['one by one, in order', true, 1],
    ['without order', false, 3],
  ])(
    'acknowledged in part, whose rest is popped %s, is followed by the rest of its queue',
    async (_how, isOrdered, countMax) => {
      await sendTexts(world, ['1', '2', '3', '4', '5']);
      const batch = pop(world, ordered);
      await acknowledge(world, [batch[1]!]);
      await world.clock.advance(31_000);
      const seen: string[] = [];
      await acknowledge(world, pop(world, { ...ordered, isOrdered, countMax }));
      for (let pops = 0; pops < 4; pops++) {
        const popped = pop(world, { ...ordered, isOrdered, countMax });
        seen.push(...popped.map(({ body }) => body));
        await acknowledge(world, popped);
      }
      expect(seen).toEqual(isOrdered ? ['3', '4', '5'] : ['4', '5']);
    },
  );

  test('settled piece by piece gives nothing again that was acknowledged', async () => {
    await sendTexts(world, ['1', '2', '3', '4']);
    const batch = pop(world, ordered);
    await acknowledge(world, [batch[1]!]);
    await world.clock.advance(31_000);
    await acknowledge(world, pop(world, { ...ordered, countMax: 1 }));
    expect(bodies(pop(world, ordered))).toEqual(['3', '4']);
    await world.clock.advance(31_000);
    expect(bodies(pop(world, ordered))).toEqual(['3', '4']);
  });
});
