import { afterEach, beforeEach, expect, test } from 'vitest';
import { readHeartbeat } from '@cometmq/remoting/protocol/body/heartbeat';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ClosedError, createClient, IllegalStateError } from '@cometmq/client';
import { SdkWorld } from '../../../support/sdk-world.ts';

let world: SdkWorld;
beforeEach(async () => {
  world = await SdkWorld.start();
  world.broker.topic('t');
});
afterEach(() => world.stop());

test('tells its state, and what is behind it', async () => {
  const mq = world.client();
  const states: string[] = [];
  mq.on('state', (now) => states.push(now));
  expect(mq.health()).toMatchObject({ state: 'connecting', brokers: [], nameServers: [] });
  const producer = mq.producer({ group: 'PG' });
  await world.during(producer.send('t', { body: 'x' }));
  expect(mq.health()).toMatchObject({ state: 'ready', producers: [{ group: 'PG', inFlight: 0 }] });
  world.net.refuse(world.broker.port);
  world.net.cut(world.broker.port);
  await world.clock.settle();
  await world.during(producer.send('t', { body: 'x' }).catch(() => undefined));
  expect(mq.health()).toMatchObject({ state: 'degraded', nameServers: [{ connected: false }] });
  world.net.refuse(world.broker.port, false);
  await world.clock.advance(6000);
  await world.during(producer.send('t', { body: 'x' }));
  await world.during(mq.close());
  expect(states).toEqual(['ready', 'degraded', 'ready', 'closed']);
});

test('heartbeats every 30 s name all producers and consumers', async () => {
  const mq = world.client();
  await world.during(mq.producer({ group: 'PG' }).send('t', { body: 'x' }));
  await world.during(mq.consume({ group: 'g', topics: ['t'], handle: () => undefined }).ready());
  const before = world.broker.asked(RequestCode.HEART_BEAT).length;
  await world.clock.advance(61_000);
  const beats = world.broker.asked(RequestCode.HEART_BEAT).slice(before);
  expect(beats).toHaveLength(2);
  const beat = readHeartbeat(parseBody(beats[0]?.body));
  expect(beat).toMatchObject({ clientID: 'client-1', producerGroups: ['PG'] });
  expect(beat.consumers[0]?.subscriptionDataSet.map(({ topic }) => topic).sort()).toEqual(['%RETRY%g', 't']);
});

test('an event listener that throws disturbs nobody', async () => {
  const errors: unknown[] = [];
  const log = {
    debug: () => undefined,
    info: () => undefined,
    warn: () => undefined,
    error: (fields: unknown) => void errors.push(fields),
  };
  const mq = world.client({ logger: log });
  mq.on('state', () => {
    throw new Error('listener');
  });
  await world.during(mq.producer().send('t', { body: 'x' }));
  expect(errors).toMatchObject([{ event: 'state', reason: 'listener' }]);
});

test('after close everything is refused and nothing is left', async () => {
  const mq = world.client();
  const producer = mq.producer();
  await world.during(producer.send('t', { body: 'x' }));
  await world.during(mq.close());
  await world.during(mq.close());
  expect(() => mq.producer()).toThrow(ClosedError);
  expect(() => mq.reader({ topic: 't' })).toThrow(ClosedError);
  await expect(producer.send('t', { body: 'x' })).rejects.toBeInstanceOf(ClosedError);
  await world.broker.close();
  expect(world.clock.timerCount).toBe(0);
  expect(world.net.connectionCount(world.broker.port)).toBe(0);
});

test.each([[[]], [''], ['nowhere'], [['127.0.0.1:0']], [['a:1', 'b']]])(
  'name servers %j are refused',
  (nameServers) => {
    expect(() => createClient({ nameServers })).toThrow(IllegalStateError);
  },
);
