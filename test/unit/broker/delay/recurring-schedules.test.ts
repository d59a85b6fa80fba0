import type { RecurringSchedule } from '@cometmq/broker/delay/recurring-schedules';
import { MqError } from '@cometmq/common/error/mq-error';
import { beforeEach, expect, test } from 'vitest';
import { BrokerWorld, sendRequest } from '../../../support/broker-world.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { SimulatedDisk } from '../../../support/simulated-disk.ts';

const MINUTE_MS = 60_000;

let world: BrokerWorld;

async function open(start = Date.UTC(2026, 0, 2, 8, 0, 30)): Promise<void> {
  const left = { clock: new ManualClock(start), disk: new SimulatedDisk(), kv: new MemoryKeyValueStore() };
  world = await BrokerWorld.open({}, left);
  await world.startDelays();
  const sent = world.services.producing.send(sendRequest('reports', {}, { body: Buffer.from('first') }));
  await world.clock.settle();
  await sent;
}

async function restart(downMs = 0): Promise<void> {
  await world.stopDelays();
  await world.close();
  world.clock.stepWallClock(downMs);
  world = await BrokerWorld.open({}, world);
  await world.startDelays();
}

function schedule(change: Partial<RecurringSchedule> = {}): RecurringSchedule {
  const usual = { name: 'r', topic: 'reports', expression: '*/5 * * * *', timeZone: 'UTC' };
  return { ...usual, body: 'go', tag: 'T', keys: 'k', ...change };
}

/** Times of the messages, as the unique key has them. */
function slots(): string[] {
  const times: string[] = [];
  for (let queueId = 0; queueId < 4; queueId++)
    for (const { properties, body } of world.read('reports', queueId)) {
      if (body.toString() === 'first') continue;
      expect(properties.get('TAGS')).toBe('T');
      times.push(new Date(Number(properties.get('UNIQ_KEY')?.split('-')[3])).toISOString().slice(11, 19));
    }
  return times.sort();
}

const put = async (change: Partial<RecurringSchedule> = {}): Promise<void> =>
  world.services.schedules.recurring.put(schedule(change));

beforeEach(() => open());

test('one message at each time, from the next one on', async () => {
  await put();
  await world.clock.advance(15 * MINUTE_MS);
  expect(slots()).toEqual(['08:05:00', '08:10:00', '08:15:00']);
  expect(world.services.schedules.recurring.list()).toMatchObject([
    { name: 'r', lastSlot: Date.UTC(2026, 0, 2, 8, 15), fault: undefined },
  ]);
});

test('with a field for seconds', async () => {
  await put({ expression: '*/20 * * * * *' });
  await world.clock.advance(MINUTE_MS);
  expect(slots()).toEqual(['08:00:40', '08:01:00', '08:01:20']);
});

test('in a time zone, over a change of the clocks', async () => {
  await open(Date.UTC(2026, 2, 28, 22, 0));
  await put({ expression: '30 9 * * *', timeZone: 'Europe/Berlin' });
  await world.clock.advance(9.6 * 60 * MINUTE_MS);
  expect(slots()).toEqual(['07:30:00']);
});

test('restarts double nothing, also right after a message', async () => {
  await put();
  await world.clock.advance(4.6 * MINUTE_MS);
  expect(slots()).toEqual(['08:05:00']);
  await restart();
  await world.clock.advance(2_000);
  await restart();
  await world.clock.advance(5 * MINUTE_MS);
  expect(slots()).toEqual(['08:05:00', '08:10:00']);
});

test('of what was missed in the last hour the latest is made up for', async () => {
  await put();
  await restart(27 * MINUTE_MS);
  await world.clock.advance(2_000);
  expect(slots()).toEqual(['08:25:00']);
  await world.clock.advance(3 * MINUTE_MS);
  expect(slots()).toEqual(['08:25:00', '08:30:00']);
});

test('what was missed for longer is skipped', async () => {
  await put({ expression: '5 8 * * *' });
  await restart(3 * 60 * MINUTE_MS);
  await world.clock.advance(2 * MINUTE_MS);
  expect(slots()).toEqual([]);
});

test('a message that can not be sent is sent later', async () => {
  await put();
  const { store } = world;
  const appendTogether = store.appendTogether.bind(store);
  store.appendTogether = () => {
    throw new MqError('SERVICE_NOT_AVAILABLE', 'the disk is full');
  };
  await world.clock.advance(4.6 * MINUTE_MS);
  expect(world.services.schedules.recurring.list()[0]?.fault).toBe('the disk is full');
  store.appendTogether = appendTogether;
  await world.clock.advance(2_000);
  expect(slots()).toEqual(['08:05:00']);
  expect(world.services.schedules.recurring.list()[0]?.fault).toBeUndefined();
});

test('a removed or replaced one stops, and its rows go', async () => {
  await put();
  await put({ expression: '*/10 * * * *' });
  await world.clock.advance(10 * MINUTE_MS);
  expect(slots()).toEqual(['08:10:00']);
  const { recurring } = world.services.schedules;
  expect(await recurring.remove('r')).toBe(true);
  expect(await recurring.remove('r')).toBe(false);
  await world.clock.advance(20 * MINUTE_MS);
  expect(slots()).toEqual(['08:10:00']);
  expect(await world.kv.entries('recurring')).toEqual([]);
});

test.each([
  [{ expression: '61 * * * *' }, 'not a cron expression'],
  [{ timeZone: 'Mars/Olympus' }, 'Mars/Olympus'],
  [{ name: 'a b' }, 'no name'],
  [{ body: '' }, '0 bytes'],
  [{ topic: 'nowhere' }, 'nowhere'],
])('%j is refused', async (change, why) => {
  await expect(put(change)).rejects.toThrow(why);
  expect(world.services.schedules.recurring.list()).toEqual([]);
});
