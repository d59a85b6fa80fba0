import type { BrokerConfig } from '@cometmq/broker/config/broker-config';
import type { SendOutcome } from '@cometmq/broker/service/request-types';
import { MqError } from '@cometmq/common/error/mq-error';
import { beforeEach, describe, expect, test } from 'vitest';
import { BrokerWorld, sendRequest } from '../../../support/broker-world.ts';

const DAY_MS = 86_400_000;

let world: BrokerWorld;
let count: number;

async function open(config: Partial<BrokerConfig> = {}): Promise<void> {
  world = await BrokerWorld.open(config);
  count = 0;
  await world.startDelays();
}

async function reopen(): Promise<void> {
  await world.stopDelays();
  await world.close();
  world = await BrokerWorld.open({}, world);
  await world.startDelays();
}

/** Sends and waits for the answer, which takes no time. */
async function send(
  body: string,
  properties: Record<string, string>,
  topic = 'orders',
): Promise<SendOutcome> {
  const sent = world.services.producing.send(
    sendRequest(topic, { UNIQ_KEY: `key${count++}`, ...properties }, { body: Buffer.from(body) }),
  );
  sent.catch(() => undefined);
  await world.clock.settle();
  return sent;
}

const inMs = (delayMs: number): Record<string, string> => ({ TIMER_DELAY_MS: String(delayMs) });

function bodies(topic = 'orders'): string[] {
  return world.read(topic).map(({ body }) => body.toString());
}

/** Runs until what was asked for is done; it needs no time of its own. */
async function done<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  await world.clock.settle();
  await world.clock.settle();
  return work;
}

beforeEach(() => open());

describe('due times', () => {
  test.each([
    ['TIMER_DELAY_SEC', () => '3'],
    ['TIMER_DELAY_MS', () => '3000'],
    ['TIMER_DELIVER_MS', () => String(world.clock.now() + 3_000)],
    ['__STARTDELIVERTIME', () => String(world.clock.now() + 3_000)],
  ])('%s delivers to the millisecond, never early', async (name, value) => {
    await send('a', { [name]: value(), TAGS: 'T' });
    await world.clock.advance(2_999);
    expect(bodies()).toEqual([]);
    await world.clock.advance(1);
    await world.clock.settle();
    expect(bodies()).toEqual(['a']);
    expect(world.read('orders')[0]?.properties.get('TAGS')).toBe('T');
    expect(world.services.schedules.pending).toBe(0);
  });

  test('messages come in the order of their times, those of one millisecond in the order they were sent', async () => {
    await send('c', inMs(700));
    await send('a', inMs(200));
    await send('b', inMs(500));
    await send('b2', inMs(500));
    await world.clock.advance(1_000);
    expect(bodies()).toEqual(['a', 'b', 'b2', 'c']);
  });

  test('the past is now; a level wins over a time; a delivered copy does not wait again', async () => {
    await send('past', { TIMER_DELIVER_MS: '1000' });
    await send('copy', { ...inMs(5_000), TIMER_OUT_MS: '1000' });
    expect(bodies()).toEqual(['past', 'copy']);
    await send('level', { ...inMs(5_000), DELAY: '1' });
    await world.clock.advance(1_100);
    expect(bodies()).toEqual(['past', 'copy', 'level']);
  });

  test.each([
    ['a text', { TIMER_DELAY_MS: 'soon' }, 'is not a time: soon'],
    ['more than the limit', { TIMER_DELAY_SEC: String(367 * 86_400) }, '(366 days)'],
    ['a delete marker', { TIMER_DEL_UNIQKEY: 'x' }, 'RECALL_MESSAGE'],
  ])('%s is refused and not stored', async (_name, properties, why) => {
    const refused = send('a', properties);
    await expect(refused).rejects.toThrow(why);
    await expect(refused).rejects.toMatchObject({ kind: 'MESSAGE_ILLEGAL' });
    expect(world.services.schedules.journal.timerQueue.max).toBe(0);
  });

  test('more than may wait are refused until there is room', async () => {
    await open({ schedulePendingMax: 2 });
    await send('a', inMs(100));
    await send('b', inMs(10_000));
    await expect(send('c', inMs(100))).rejects.toMatchObject({ kind: 'SYSTEM_BUSY' });
    await world.clock.advance(200);
    await send('c', inMs(100));
    await world.clock.advance(200);
    expect(bodies()).toEqual(['a', 'c']);
  });
});

describe('restarts', () => {
  test('what was due while the broker was down comes at its start, in order, once', async () => {
    await send('b', inMs(60_000));
    await send('a', inMs(30_000));
    await send('later', inMs(10 * DAY_MS));
    await world.stopDelays();
    await world.close();
    world.clock.stepWallClock(DAY_MS);
    world = await BrokerWorld.open({}, world);
    await world.startDelays();
    await world.clock.advance(100);
    expect(bodies()).toEqual(['a', 'b']);
    await reopen();
    await world.clock.advance(100);
    expect(bodies()).toEqual(['a', 'b']);
    expect(world.services.schedules.pending).toBe(1);
  });

  test('a message waits forty days over three restarts and the end of its segment', async () => {
    const config = { segmentSizeBytes: 1024 * 1024, retentionMs: 60_000 };
    await open(config);
    const due = world.clock.now() + 40 * DAY_MS;
    await send('patient', { TIMER_DELIVER_MS: String(due), KEYS: 'k1' });
    await send('cancelled', { TIMER_DELIVER_MS: String(due), KEYS: 'k2' });
    for (let restart = 0; restart < 3; restart++) {
      for (let fill = 0; fill < 20; fill++) await send('x'.repeat(100_000), {}, 'filler');
      await world.clock.advance(1_500);
      world.clock.stepWallClock(10 * DAY_MS);
      await world.stopDelays();
      await world.close();
      world = await BrokerWorld.open(config, world);
      await world.startDelays();
      const expiring = world.store.expire();
      await world.clock.advance(1_000);
      await expiring;
    }
    expect(world.store.logStart).toBeGreaterThan(1024 * 1024);
    const { operations } = world.services.schedules;
    expect((await operations.find('orders', 'k1')).map(({ dueAt }) => dueAt)).toEqual([due]);
    expect(await done(operations.cancel('orders', 'key1'))).toBe('DONE');
    await world.stopDelays();
    await world.close();
    world.clock.stepWallClock(due - world.clock.now() - 1_000);
    world = await BrokerWorld.open(config, world);
    await world.startDelays();
    await world.clock.advance(999);
    expect(bodies()).toEqual([]);
    await world.clock.advance(1);
    await world.clock.settle();
    expect(bodies()).toEqual(['patient']);
    await world.clock.advance(1_000);
    expect(await world.kv.entries('timer/b/')).toEqual([]);
    expect(await world.kv.entries('timer/x/')).toEqual([]);
  });
});

describe('changes', () => {
  test('a cancelled message does not come, and cancelling it again says so', async () => {
    await send('a', inMs(1_000));
    const { operations, stats } = world.services.schedules;
    expect(await done(operations.cancel('orders', 'key0'))).toBe('DONE');
    expect(await done(operations.cancel('orders', 'key0'))).toBe('CANCELLED');
    await world.clock.advance(2_000);
    expect(bodies()).toEqual([]);
    expect(stats.cancelled).toBe(1);
    await reopen();
    expect(await done(world.services.schedules.operations.cancel('orders', 'key0'))).toBe('CANCELLED');
    expect(world.services.schedules.pending).toBe(0);
  });

  test('a delivered message was delivered, an unknown one is unknown, one of a level can not be changed', async () => {
    await send('a', inMs(100));
    await send('past', { TIMER_DELIVER_MS: '1' });
    await send('level', { DELAY: '3' });
    await world.clock.advance(200);
    const { operations } = world.services.schedules;
    expect(await done(operations.cancel('orders', 'key0'))).toBe('ALREADY_DELIVERED');
    expect(await done(operations.cancel('orders', 'key1'))).toBe('ALREADY_DELIVERED');
    expect(await done(operations.cancel('orders', 'nobody'))).toBe('NOT_FOUND');
    expect(await done(operations.cancel('bills', 'key0'))).toBe('NOT_FOUND');
    await expect(done(operations.cancel('orders', 'key2'))).rejects.toBeInstanceOf(MqError);
  });

  test('cancelling races with delivery: what is answered is true', async () => {
    for (let race = 0; race < 20; race++) {
      await send(`m${race}`, inMs(10));
      await world.clock.advance(race % 2 === 0 ? 9 : 10);
      const cancelled = world.services.schedules.operations.cancel('orders', `key${race}`);
      cancelled.catch(() => undefined);
      await world.clock.advance(10);
      const isThere = bodies().includes(`m${race}`);
      expect(await cancelled).toBe(isThere ? 'ALREADY_DELIVERED' : 'DONE');
    }
  });

  test('both copies of a message that was sent twice are cancelled', async () => {
    await send('a', { ...inMs(1_000), UNIQ_KEY: 'twice' });
    await send('a', { ...inMs(2_000), UNIQ_KEY: 'twice' });
    expect(await done(world.services.schedules.operations.cancel('orders', 'twice'))).toBe('DONE');
    await world.clock.advance(3_000);
    expect(bodies()).toEqual([]);
  });

  test('a message is moved back and forth, also over a restart, and keeps its new time', async () => {
    await send('a', inMs(1_000));
    await send('b', inMs(3_000));
    const move = (key: string, delayMs: number): Promise<string> =>
      done(world.services.schedules.operations.move('orders', key, world.clock.now() + delayMs));
    expect(await move('key0', DAY_MS)).toBe('DONE');
    await world.clock.advance(2_000);
    expect(bodies()).toEqual([]);
    await reopen();
    expect(await move('key0', 5_000)).toBe('DONE');
    await world.clock.advance(4_990);
    expect(bodies()).toEqual(['b']);
    await world.clock.advance(20);
    expect(bodies()).toEqual(['b', 'a']);
    expect(world.read('orders')[1]?.properties.get('TIMER_OUT_MS')).toBe(String(world.clock.now() - 10));
    expect(await move('key0', 5_000)).toBe('ALREADY_DELIVERED');
    await world.clock.advance(1_000);
    expect(await world.kv.entries('timer/m/')).toEqual([]);
  });

  test('a message is delivered at once when its time is moved into the past', async () => {
    await send('a', inMs(DAY_MS));
    expect(await done(world.services.schedules.operations.move('orders', 'key0', 0))).toBe('DONE');
    await world.clock.advance(5);
    expect(bodies()).toEqual(['a']);
  });
});

describe('trouble', () => {
  test('a message that is held while it is read from the table is delivered all the same', async () => {
    await send('a', inMs(600_000));
    await send('b', inMs(600_000));
    const { operations } = world.services.schedules;
    const write = world.kv.write.bind(world.kv);
    let letGo = (): void => undefined;
    const isFree = new Promise<void>((resolve) => {
      letGo = resolve;
    });
    // Only the copies of records are slow; by then both messages are held.
    world.kv.write = async (changes) => {
      if (changes.some(({ key }) => key.startsWith('timer/b/'))) await isFree;
      return write(changes);
    };
    const carried = operations.carry(world.store.logEnd);
    await world.clock.advance(590_000);
    letGo();
    await done(carried);
    expect(bodies()).toEqual([]);
    await world.clock.advance(10_000);
    expect(bodies()).toEqual(['a', 'b']);
    expect(world.services.schedules.pending).toBe(0);
  });

  test('a delivery that fails is tried again until it succeeds', async () => {
    await send('a', inMs(100));
    const { store } = world;
    const appendTogether = store.appendTogether.bind(store);
    let refusals = 60;
    store.appendTogether = (...args) => {
      if (refusals-- > 0) throw new MqError('SERVICE_NOT_AVAILABLE', 'the disk is full');
      return appendTogether(...args);
    };
    await world.clock.advance(50_000);
    expect(bodies()).toEqual([]);
    await world.clock.advance(20_000);
    expect(bodies()).toEqual(['a']);
  });

  test('the message of a deleted topic is given up, others come', async () => {
    await send('gone', inMs(100), 'bills');
    await send('a', inMs(200));
    await world.services.topics.remove('bills', () => world.store.dropTopic('bills'));
    await world.clock.advance(500);
    expect(bodies()).toEqual(['a']);
    expect(world.services.schedules.stats.dropped).toBe(1);
    expect(world.services.schedules.pending).toBe(0);
  });

  test('a clock that jumps neither fires a burst nor makes messages wait', async () => {
    await send('soon', inMs(5_000));
    await send('tomorrow', inMs(DAY_MS));
    world.clock.stepWallClock(3_600_000);
    await world.clock.advance(4_999);
    expect(bodies()).toEqual([]);
    await world.clock.advance(2);
    expect(bodies()).toEqual(['soon']);
    world.clock.stepWallClock(-2 * 3_600_000);
    await send('again', inMs(5_000));
    await world.clock.advance(5_001);
    expect(bodies()).toEqual(['soon', 'again']);
  });

  test('a clock that was set for good is followed after a minute', async () => {
    await send('tomorrow', inMs(DAY_MS));
    world.clock.stepWallClock(DAY_MS);
    await world.clock.advance(30_000);
    expect(bodies()).toEqual([]);
    await world.clock.advance(60_000);
    expect(bodies()).toEqual(['tomorrow']);
  });
});
