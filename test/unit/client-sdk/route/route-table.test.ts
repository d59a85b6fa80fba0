import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '@cometmq/common/logging/logger';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ConnectError } from '@cometmq/client';
import { ScriptedBroker } from '../../../support/scripted-broker.ts';
import { SdkWorld } from '../../../support/sdk-world.ts';

let world: SdkWorld;
let second: ScriptedBroker;
const OTHER_PORT = 20_911;

beforeEach(async () => {
  world = await SdkWorld.start();
  second = await ScriptedBroker.start(world.clock, world.net, OTHER_PORT);
  world.broker.topic('t');
});
afterEach(async () => {
  await world.stop();
  await second.close();
});

const both = () => [world.broker.address, second.address];
const routes = (broker: ScriptedBroker) => broker.asked(RequestCode.GET_ROUTEINFO_BY_TOPIC).length;

test('when a name server dies the other is asked, and stays the one that is asked', async () => {
  second.topic('t');
  const producer = world.client({ nameServers: both() }).producer();
  await world.during(producer.send('t', { body: '1' }));
  const [used, spare] = routes(world.broker) > 0 ? [world.broker, second] : [second, world.broker];
  world.net.refuse(used.port);
  world.net.cut(used.port);
  await world.clock.advance(65_000);
  expect(routes(spare)).toBeGreaterThanOrEqual(2);
});

test('a topic only one name server knows is found', async () => {
  second.topic('only-here');
  const producer = world.client({ nameServers: both() }).producer();
  await world.during(producer.send('only-here', { body: '1' }));
  expect(second.bodies('only-here')).toEqual(['1']);
});

test('an empty name server takes nothing away', async () => {
  const producer = world.client().producer();
  await world.during(producer.send('t', { body: '1' }));
  world.broker.intercept = ({ code }) =>
    code === RequestCode.GET_ROUTEINFO_BY_TOPIC ? { code: 17, remark: 'gone' } : undefined;
  await world.clock.advance(65_000);
  await world.during(producer.send('t', { body: '2' }));
  expect(world.broker.count('t')).toBe(2);
});

test('without any name server the error is about connecting, not about the topic', async () => {
  world.net.refuse(world.broker.port);
  const sending = world.during(world.client().producer().send('t', { body: '1' }));
  await expect(sending).rejects.toBeInstanceOf(ConnectError);
  await expect(sending).rejects.toThrow(/no name server answered/);
});

test('that no name server answers is told once in 30 s, and again after they answered', async () => {
  const told: string[] = [];
  const logger = { ...silentLogger, warn: (_: object, text?: string) => told.push(text ?? '') };
  const producer = world.client({ logger }).producer();
  const fail = (): Promise<unknown> =>
    world.during(Promise.allSettled(Array.from({ length: 5 }, () => producer.send('t', { body: '1' }))));
  const noRoutes = (): number => told.filter((text) => text === 'no route').length;
  world.net.refuse(world.broker.port);
  await fail();
  await fail();
  expect(noRoutes()).toBe(1);
  world.net.refuse(world.broker.port, false);
  await world.clock.advance(10_000);
  await world.during(producer.send('t', { body: '2' }));
  world.net.refuse(world.broker.port);
  world.net.cut(world.broker.port);
  await world.clock.advance(35_000);
  await world.clock.advance(5_000);
  expect(noRoutes()).toBe(2);
});

test('many senders of an unknown topic ask once; known topics are refreshed every 30 s while in use', async () => {
  const producer = world.client().producer();
  await world.during(Promise.all(Array.from({ length: 20 }, () => producer.send('t', { body: 'x' }))));
  expect(routes(world.broker)).toBe(1);
  await world.clock.advance(91_000);
  expect(routes(world.broker)).toBe(4);
  await world.clock.advance(700_000);
  const idle = routes(world.broker);
  await world.clock.advance(100_000);
  expect(routes(world.broker)).toBe(idle);
});

test('a consumer sees new queues within a refresh', async () => {
  const worker = world.client().consume({ group: 'g', topics: ['t'], handle: () => undefined });
  await world.during(worker.ready());
  world.broker.topic('t', 6);
  await world.clock.advance(31_000);
  expect(worker.health().queues).toBe(7);
});
