// The SDK's consumer on lease against a real broker on loopback, in a fraction of the time.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { MqAdmin, MqClient, Producer, ReceivedMessage, SimpleConsumer, Topic } from '@cometmq/client';
import { createAdmin, createClient, silentLogger, tags, text, topic } from '@cometmq/client';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import { NodeNet } from '@cometmq/common/net/node-net';
import { AcceleratedClock } from '../support/accelerated-clock.ts';
import { LoopbackCluster } from '../support/loopback-cluster.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const ACCELERATION = 20;
const clock = new AcceleratedClock(ACCELERATION);
let cluster: LoopbackCluster;
let client: MqClient;
let admin: MqAdmin;
let producer: Producer;
let name: string;
let numbers = 0;

beforeAll(async () => {
  cluster = await LoopbackCluster.start({ clock, config: { flush: 'sync' } });
  const nameServers = `127.0.0.1:${cluster.namesrv.port}`;
  const ports = { clock, net: new NodeNet(), disk: new NodeDisk(), random: new SeededRandom() };
  client = createClient({ nameServers, logger: silentLogger, ports });
  admin = createAdmin({ nameServers, log: silentLogger });
  producer = client.producer();
});

afterAll(async () => {
  await client.close();
  await admin.close();
  await cluster.stop();
});

beforeEach(async () => {
  name = `leased-${++numbers}`;
  await admin.topics.create(name, { readQueueNums: 2, writeQueueNums: 2 });
});

const texts = (): Topic<string, string> => topic(name, { codec: text() });

function consumer(options: { invisible?: '10s' | '60s'; order?: 'queue' } = {}): SimpleConsumer<string> {
  return client.simpleConsumer({ group: `GID_${name}`, topics: [texts()], ...options });
}

async function send(...bodies: string[]): Promise<void> {
  for (const body of bodies) await producer.send(name, { body, shardingKey: 'one' });
}

const bodies = (messages: readonly ReceivedMessage<string>[]): string[] =>
  messages.map(({ body }) => body).sort();

describe('a simple consumer', () => {
  test('receives messages, and what it acknowledges does not come again', async () => {
    const own = consumer({ invisible: '10s' });
    await send('a', 'b');
    const received = await own.receive({ max: 32 });
    while (received.length < 2) received.push(...(await own.receive()));
    expect(bodies(received)).toEqual(['a', 'b']);
    expect(received.map(({ attempt }) => attempt)).toEqual([1, 1]);
    expect(await Promise.all(received.map((message) => own.ack(message)))).toEqual([true, true]);
    expect(await own.ack(received[0]!)).toBe(false);
    expect(await own.receive({ wait: '20s' })).toEqual([]);
  });

  test('gets what nobody acknowledged again, counted, and acknowledges that', async () => {
    const [own, other] = [consumer({ invisible: '10s' }), consumer()];
    await send('a');
    const [first] = await own.receive();
    const [again] = await other.receive({ wait: '30s' });
    expect([again?.body, again?.attempt, again?.topic]).toEqual(['a', 2, name]);
    expect(await own.ack(first!)).toBe(false);
    expect(await other.ack(again!)).toBe(true);
    expect(await own.receive({ wait: '70s' })).toEqual([]);
  });

  test('keeps a message longer, and gives one back', async () => {
    const own = consumer({ invisible: '10s' });
    await send('a');
    const [message] = await own.receive();
    expect(await own.changeInvisible(message!, '60s')).toBe(true);
    expect(await own.receive({ wait: '30s' })).toEqual([]);
    expect(await own.changeInvisible(message!, 0)).toBe(true);
    const [again] = await own.receive();
    expect([again?.body, again?.attempt]).toEqual(['a', 2]);
    expect(await own.ack(message!)).toBe(false);
    expect(await own.changeInvisible(again!, '20s')).toBe(true);
    expect(await own.ack(again!)).toBe(true);
  });

  test('in order: the next message comes when the one before is settled', async () => {
    const own = consumer({ order: 'queue', invisible: '10s' });
    await send('1', '2', '3');
    const [first] = await own.receive({ max: 1 });
    expect(first?.body).toBe('1');
    expect(await own.receive({ wait: 0 })).toEqual([]);
    const [again] = await own.receive({ max: 1, wait: '30s' });
    expect([again?.body, again?.attempt]).toEqual(['1', 2]);
    expect(await own.changeInvisible(again!, '20s')).toBe(true);
    expect(await own.ack(again!)).toBe(true);
    expect((await own.receive({ max: 2 })).map(({ body }) => body)).toEqual(['2', '3']);
  });

  test('receives what its filter matches', async () => {
    const own = client.simpleConsumer({ group: `GID_${name}`, topics: [texts()], filter: tags('red') });
    await producer.send(name, { body: 'blue one', tag: 'blue' });
    await producer.send(name, { body: 'red one', tag: 'red' });
    expect(bodies(await own.receive())).toEqual(['red one']);
  });

  test('that is interrupted gets with the next call what came meanwhile', async () => {
    const own = consumer();
    const stop = new AbortController();
    const waiting = own.receive({ signal: stop.signal });
    await own.receive({ wait: 0 });
    stop.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await send('late');
    const received = await own.receive();
    expect(bodies(received)).toEqual(['late']);
  });

  test('that is closed refuses, and says what is wrong with what it is asked', async () => {
    const own = consumer();
    await expect(own.receive({ max: 33 })).rejects.toThrow('max: 33 is not a number from 1 to 32');
    await expect(own.receive({ invisible: '13h', wait: 0 })).rejects.toThrow(
      'invisibleTime[46800000] is illegal',
    );
    expect(() => client.simpleConsumer({ group: 'g', topics: [] })).toThrow('topics: none given');
    await own.close();
    await expect(own.receive()).rejects.toThrow('closed');
  });
});
