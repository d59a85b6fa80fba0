import { afterEach, beforeEach, expect, test } from 'vitest';
import { PopHold } from '@cometmq/broker/pop/pop-hold';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { BrokerWorld } from '../../../support/broker-world.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { heldPop, messagesOf, sendTexts } from '../../../support/pop-world.ts';

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

test('who waits for one queue does not keep a message of another queue from who waits for that', async () => {
  const other = heldPop(world, { queueId: 0 });
  const held = heldPop(world, { queueId: 1 });
  await sendTexts(world, ['x'], { queueId: 1 });
  await world.clock.settle();
  expect(other).toEqual([]);
  expect(held.flatMap((outcome) => messagesOf(outcome)).map(({ body }) => body)).toEqual(['x']);
});

test('who wants what nobody before got is not tried, nor who is gone', async () => {
  const clock = new ManualClock();
  const hold = new PopHold(clock);
  const gone = {};
  const tried: string[] = [];
  const add = (name: string, wants: string, owner: object, attempt: () => boolean): void => {
    const rest = { group: 'g', topic: 't', queues: [], timeoutMs: 1_000, expire: () => undefined };
    hold.hold({
      ...rest,
      wants,
      owner,
      attempt: () => {
        tried.push(name);
        return attempt();
      },
    });
  };
  add('in vain', 'a', {}, () => false);
  add('the same', 'a', {}, () => false);
  add('served', 'b', {}, () => {
    hold.forget(gone);
    return true;
  });
  add('gone', 'b', gone, () => true);
  add('last', 'b', {}, () => true);
  hold.wake('g', 't');
  await clock.settle();
  expect(tried).toEqual(['in vain', 'served', 'last']);
  expect(hold.count).toBe(2);
  hold.close();
});
