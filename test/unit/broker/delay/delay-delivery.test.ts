import type { BrokerConfig } from '@cometmq/broker/config/broker-config';
import { DelayLevels } from '@cometmq/broker/delay/delay-levels';
import { beforeEach, describe, expect, test } from 'vitest';
import { BrokerWorld, sendRequest } from '../../../support/broker-world.ts';

let world: BrokerWorld;

async function open(config: Partial<BrokerConfig> = {}): Promise<void> {
  world = await BrokerWorld.open(config);
  await world.startDelays();
}

async function send(body: string, level: number, topic = 'orders'): Promise<void> {
  const sent = world.services.producing.send(
    sendRequest(topic, { DELAY: String(level), TAGS: 'T' }, { body: Buffer.from(body) }),
  );
  await world.clock.advance(1);
  await sent;
}

function bodies(topic = 'orders'): string[] {
  return world.read(topic).map(({ body }) => body.toString());
}

beforeEach(() => open());

test('each level waits its own time and keeps its order', async () => {
  await send('later', 2);
  await send('a', 1);
  await send('b', 1);
  await world.clock.advance(990);
  expect(bodies()).toEqual([]);
  await world.clock.advance(20);
  expect(bodies()).toEqual(['a', 'b']);
  await world.clock.advance(4_000);
  expect(bodies()).toEqual(['a', 'b', 'later']);
  expect(world.read('orders')[0]?.properties.get('TAGS')).toBe('T');
});

test('levels beyond the last one are the last one, texts that are none are none', async () => {
  await send('two hours', 99);
  await send('now', 0);
  expect(bodies()).toEqual(['now']);
  await world.clock.advance(7_200_000);
  expect(bodies()).toEqual(['now', 'two hours']);
});

test('a restart goes on where it was: nothing twice after a clean stop', async () => {
  await send('a', 1);
  await world.clock.advance(1_500);
  await send('b', 2);
  await world.stopDelays();
  await world.close();
  world = await BrokerWorld.open({}, world);
  await world.startDelays();
  await world.clock.advance(10_000);
  expect(bodies()).toEqual(['a', 'b']);
});

test('a clock that steps back delivers early rather than late', async () => {
  await send('a', 1);
  world.clock.stepWallClock(-3_600_000);
  await world.clock.advance(1_100);
  expect(bodies()).toEqual(['a']);
});

test('a clock that steps forward delivers at the next look', async () => {
  await send('a', 18);
  world.clock.stepWallClock(7_200_000);
  await send('b', 18);
  await world.clock.advance(7_200_000);
  expect(bodies()).toEqual(['a', 'b']);
});

test('a message of a deleted topic is dropped, those behind it come', async () => {
  await send('gone', 1, 'bills');
  await send('a', 1);
  await world.services.topics.remove('bills', () => world.store.dropTopic('bills'));
  await world.clock.advance(2_000);
  expect(bodies()).toEqual(['a']);
});

test('the log keeps what waits in a level', async () => {
  await open({ segmentSizeBytes: 1024 * 1024, retentionMs: 60_000 });
  await send('patient', 18);
  for (let filled = 0; filled < 25; filled++) await send('x'.repeat(100_000), 0, 'filler');
  await world.clock.advance(120_000);
  const held = world.store.expire();
  held.catch(() => undefined);
  await world.clock.settle();
  await expect(held).rejects.toThrow('delay level 18');
  expect(world.store.logStart).toBe(0);
  await world.clock.advance(7_200_000);
  expect(bodies()).toEqual(['patient']);
  expect(world.store.logStart).toBeGreaterThan(0);
});

test('a delivery that fails is tried again', async () => {
  await send('a', 1);
  await send('b', 1);
  const { store } = world;
  const appendTogether = store.appendTogether.bind(store);
  let count = 0;
  store.appendTogether = (...args) => {
    if (++count === 1) throw new Error('busy');
    return appendTogether(...args);
  };
  await world.clock.advance(20_000);
  expect(count).toBeGreaterThan(1);
  expect(bodies()).toEqual(['a', 'b']);
});

test('progress that could not be saved is saved later', async () => {
  await send('a', 1);
  const write = world.kv.write.bind(world.kv);
  world.kv.write = () => Promise.reject(new Error('disk full'));
  await world.clock.advance(3_000);
  world.kv.write = write;
  await world.clock.advance(3_000);
  expect(await world.kv.entries('delay-offset/')).toEqual([['delay-offset/1', '1']]);
});

describe('DelayLevels', () => {
  test('reads units and refuses what is none', () => {
    const levels = new DelayLevels('1s 5m 2h 1d');
    expect([1, 2, 3, 4].map((level) => levels.delayMs(level))).toEqual([
      1_000, 300_000, 7_200_000, 86_400_000,
    ]);
    expect(levels.clamp(9)).toBe(4);
    for (const text of ['', '1', 's', '1w', '1.5s'])
      expect(() => new DelayLevels(text)).toThrow(/is not a delay/);
  });
});
