import { DelayLevels } from '@cometmq/broker/delay/delay-levels';
import { beforeEach, describe, expect, test } from 'vitest';
import { BrokerWorld, sendRequest } from '../../../support/broker-world.ts';

const LADDER = '1s 5s 10s 30s 1m 2m 3m 4m 5m 6m 7m 8m 9m 10m 20m 30m 1h 2h';
const RETRY = '%RETRY%G';
const DLQ = '%DLQ%G';
let world: BrokerWorld;

beforeEach(async () => {
  world = await BrokerWorld.open();
  await world.startDelays();
  await settle(world.services.producing.send(sendRequest('orders', { KEYS: 'k', TAGS: 'T' })));
});

async function settle<T>(work: Promise<T>): Promise<T> {
  await world.clock.advance(1);
  return work;
}

function newest(topic: string) {
  return world.read(topic).at(-1);
}

async function sendBack(topic: string, delayLevel = 0, maxReconsumeTimes?: number): Promise<void> {
  const physicalOffset = newest(topic)?.physicalOffset ?? -1;
  await settle(
    world.services.sendBack.sendBack({ group: 'G', physicalOffset, delayLevel, maxReconsumeTimes }),
  );
}

test('the ladder: 16 attempts from level 3 on, then the dead letters', async () => {
  const levels = new DelayLevels(LADDER);
  let topic = 'orders';
  for (let attempt = 1; attempt <= 16; attempt++) {
    await sendBack(topic);
    topic = RETRY;
    await world.clock.advance(levels.delayMs(attempt + 2) - 10);
    expect(world.read(RETRY), `attempt ${attempt}`).toHaveLength(attempt - 1);
    await world.clock.advance(20);
    expect(world.read(RETRY)).toHaveLength(attempt);
    expect(newest(RETRY)?.reconsumeTimes).toBe(attempt);
  }
  const before = newest(RETRY);
  expect(before?.properties.get('RETRY_TOPIC')).toBe('orders');
  await sendBack(RETRY);
  expect(world.read(DLQ)).toHaveLength(1);
  const dead = newest(DLQ)?.properties;
  expect(dead?.get('DLQ_ORIGIN_TOPIC')).toBe('orders');
  expect(dead?.get('DLQ_ORIGIN_MESSAGE_ID')).toBe(before?.properties.get('ORIGIN_MESSAGE_ID'));
  expect([dead?.get('KEYS'), dead?.get('UNIQ_KEY')]).toEqual(['k', 'C0A8000100002A9F0000000000000001']);
  expect(dead?.has('DELAY')).toBe(false);
  await world.clock.advance(7_200_000);
  expect(world.read(RETRY)).toHaveLength(16);
});

describe('to the dead letters at once', () => {
  test('with a negative level', async () => {
    await sendBack('orders', -1);
    expect(world.read(DLQ)).toHaveLength(1);
  });

  test.each([
    [0, 1],
    [1, 0],
  ])('with at most %i attempts by the client: %i', async (max, count) => {
    await sendBack('orders', 0, max);
    expect(world.read(DLQ)).toHaveLength(count);
  });
});

test('a level that the client names', async () => {
  await sendBack('orders', 1);
  await world.clock.advance(1_010);
  expect(world.read(RETRY)).toHaveLength(1);
});

test('a group without retry queues: the message is let go', async () => {
  const group = world.services.groups.findOrCreate('G');
  if (group === undefined) throw new Error('no group');
  await world.services.groups.put({ ...group, retryQueueNums: 0 });
  await sendBack('orders');
  await world.clock.advance(10_100);
  expect(world.read(RETRY)).toEqual([]);
});

test('a message that is gone', async () => {
  const request = { group: 'G', physicalOffset: 999_999, delayLevel: 0, maxReconsumeTimes: undefined };
  await expect(world.services.sendBack.sendBack(request)).rejects.toMatchObject({
    kind: 'MESSAGE_NOT_FOUND',
  });
});

describe('an ordinary send to the retry topic', () => {
  async function send(reconsumeTimes: number, maxReconsumeTimes?: number): Promise<void> {
    const request = sendRequest(RETRY, { DELAY: '1' }, { reconsumeTimes, maxReconsumeTimes });
    await settle(world.services.producing.send(request));
    await world.clock.advance(1_010);
  }

  test('is dead only beyond the limit, not at it', async () => {
    await send(16);
    expect([world.read(RETRY).length, world.read(DLQ).length]).toEqual([1, 0]);
    await send(17);
    expect([world.read(RETRY).length, world.read(DLQ).length]).toEqual([1, 1]);
    await send(3, 2);
    expect(world.read(DLQ)).toHaveLength(2);
  });

  test('is dead at once while the group holds locks', async () => {
    world.services.locks.lock('G', 'orders@0', 'client');
    await send(0);
    expect(world.read(DLQ)).toHaveLength(1);
  });
});
