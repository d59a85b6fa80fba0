import { beforeEach, expect, test } from 'vitest';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { Harness, identityFields } from '../support/harness.ts';

let names: Harness;

beforeEach(async () => {
  names = new Harness();
  await names.start();
});

test('a silent broker is forgotten after its own time, at the next scan, and its connection closed', async () => {
  const patient = await names.broker({ brokerName: 'patient', brokerAddr: '10.0.0.2:10911' });
  const hasty = await names.broker({ heartbeatTimeoutMs: 12_000 });
  await names.clock.advance(10_000);
  expect((await names.route('TopicTest'))?.queueDatas).toHaveLength(2);
  await names.clock.advance(5_000);
  expect((await names.route('TopicTest'))?.queueDatas.map((data) => data.brokerName)).toEqual(['patient']);
  expect(hasty.channel.isClosed).toBe(true);
  await names.clock.advance(100_000);
  expect(patient.channel.isClosed).toBe(false);
  await names.clock.advance(15_000);
  expect(await names.route('TopicTest')).toBeUndefined();
});

test('registrations, heartbeats and unchanged data versions keep a broker', async () => {
  const broker = await names.broker({ heartbeatTimeoutMs: 10_000 });
  const version = Buffer.from('{"counter":1,"stateVersion":0,"timestamp":1}');
  for (let round = 0; round < 3; round++) {
    await names.clock.advance(8000);
    await broker.register({ heartbeatTimeoutMs: 10_000 });
    await names.clock.advance(8000);
    await broker.heartbeat();
    await names.clock.advance(8000);
    await broker.ask(RequestCode.QUERY_DATA_VERSION, identityFields({}), version);
    await names.clock.advance(8000);
    await broker.tell(RequestCode.QUERY_DATA_VERSION, identityFields({}), version);
  }
  expect(await names.route('TopicTest')).toBeDefined();
});

test('a broker is forgotten at once when its connection closes', async () => {
  const broker = await names.broker();
  broker.close();
  await names.clock.settle();
  expect(await names.route('TopicTest')).toBeUndefined();
});

test('a connection shared by two brokers stays open while one of them is alive', async () => {
  const shared = await names.broker({ heartbeatTimeoutMs: 1000 });
  const other = { brokerName: 'broker-b', brokerAddr: '10.0.0.1:10921' };
  await shared.register(other);
  await names.clock.advance(10_000);
  expect(shared.channel.isClosed).toBe(false);
  expect((await names.route('TopicTest'))?.brokerDatas.map((data) => data.brokerName)).toEqual(['broker-b']);
});

test('brokers do not pay for a name server that stood still', async () => {
  const broker = await names.broker({ heartbeatTimeoutMs: 20_000 });
  names.clock.stalledMs += 100_000;
  await names.clock.advance(5000);
  expect(await names.route('TopicTest')).toBeDefined();
  await names.clock.advance(20_000);
  expect(await names.route('TopicTest')).toBeUndefined();
  expect(broker.channel.isClosed).toBe(true);
});
