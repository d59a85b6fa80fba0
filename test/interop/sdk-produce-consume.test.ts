import { beforeAll, describe, expect, test } from 'vitest';
import type { MqClient, Reader, ReceivedMessage } from '@cometmq/client';
import { createClient, json, tags, topic as typed, Unrecoverable } from '@cometmq/client';
import { seeded } from './support/bodies.ts';
import { sleep, waitUntil } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

async function withClient(run: (mq: MqClient) => Promise<void>): Promise<void> {
  const mq = createClient({ nameServers: world.namesrv });
  try {
    await run(mq);
  } finally {
    await mq.close({ drain: '2s' });
  }
}

interface Order {
  readonly id: string;
  readonly state: string;
}

describe('the SDK sends and consumes', () => {
  test('one message with everything on it', () =>
    withClient(async (mq) => {
      const orders = typed(await world.topic('sdk'), { codec: json<Order>() });
      const got: ReceivedMessage<Order>[] = [];
      const group = world.name('GID_sdk');
      const worker = mq.consume({
        group,
        topics: [orders],
        startFrom: 'earliest',
        handle: (m) => void got.push(m),
      });
      await worker.ready();
      const result = await mq.producer().send(orders, {
        body: { id: 'A1', state: 'created' },
        tag: 'created',
        keys: ['A1', 'customer-7'],
        properties: { region: 'cn' },
        shardingKey: 'A1',
      });
      expect(result).toMatchObject({ status: 'SEND_OK', topic: orders.name, offset: 0n });
      expect(result.offsetMessageId).toMatch(/^[0-9A-F]{32}$/);
      const [message] = await waitUntil('the message', () => got.length > 0 && got);
      expect(message?.body).toEqual({ id: 'A1', state: 'created' });
      expect(message).toMatchObject({
        messageId: result.messageId,
        offsetMessageId: result.offsetMessageId,
        queue: result.queue,
        tag: 'created',
        keys: ['A1', 'customer-7'],
        shardingKey: 'A1',
        attempt: 1,
      });
      expect(message?.properties.get('region')).toBe('cn');
    }));

  test('large bodies, compressed on the way', () =>
    withClient(async (mq) => {
      const topic = await world.topic('sdklarge');
      const bodies = [seeded(4 * 1024 * 1024, 7), seeded(1_000_000, 8, 4)];
      const producer = mq.producer({ sendTimeout: '20s' });
      for (const body of bodies) await producer.send(topic, { body });
      await using reader = mq.reader({ topic });
      const read: Buffer[] = [];
      for await (const { bytes } of reader) if (read.push(bytes) === bodies.length) break;
      for (const body of bodies) expect(read.some((bytes) => bytes.equals(body))).toBe(true);
    }));

  test('a batch is split and answers for each item; one-way messages arrive', () =>
    withClient(async (mq) => {
      const topic = await world.topic('sdkbatch');
      const producer = mq.producer({ maxBatchSize: 10_000 });
      const messages = Array.from({ length: 60 }, (_, n) => ({
        body: `${n} ${'x'.repeat(500)}`,
        keys: [`k${n}`],
      }));
      const results = await producer.sendBatch(topic, [...messages, { body: '' }]);
      expect(results.slice(0, 60).every(({ ok }) => ok)).toBe(true);
      expect(results[60]).toMatchObject({ ok: false });
      producer.sendOneway(topic, { body: 'one-way' });
      const texts = new Set<string>();
      await using reader = mq.reader({ topic });
      await waitUntil('all messages', async () => {
        for (const { body, offsetMessageId } of await reader.pull({ max: 100, wait: '1s' })) {
          texts.add(body.toString().split(' ')[0] ?? '');
          const known = results.find((item) => item.ok && item.result.offsetMessageId === offsetMessageId);
          expect(known !== undefined || body.toString() === 'one-way').toBe(true);
        }
        return texts.size === 61;
      });
    }));

  test('messages of one key share a queue and keep their order', () =>
    withClient(async (mq) => {
      const topic = await world.topic('sdkkeys');
      const producer = mq.producer();
      const sends = Array.from({ length: 40 }, (_, n) =>
        producer.send(topic, { body: `${n}`, shardingKey: `user-${n % 4}` }),
      );
      const results = await Promise.all(sends);
      for (let user = 0; user < 4; user++) {
        const own = results.filter((_, n) => n % 4 === user);
        expect(new Set(own.map(({ queue }) => `${queue.broker} ${queue.id}`)).size).toBe(1);
        const offsets = own.map(({ offset }) => Number(offset));
        expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
      }
      const { queue } = results[0] ?? { queue: { broker: '', id: 0 } };
      const chosen = await producer.send(topic, { body: 'here', queue });
      expect(chosen.queue).toEqual(queue);
    }));

  test('tag filter, delay level, resuming where the group stopped', () =>
    withClient(async (mq) => {
      const topic = await world.topic('sdktags');
      const producer = mq.producer();
      const group = world.name('GID_sdktags');
      const got: string[] = [];
      const start = (client: MqClient) =>
        client.consume({
          group,
          topics: [topic],
          filter: tags('a', 'b'),
          startFrom: 'earliest',
          handle: (m) => void got.push(m.body.toString()),
        });
      const first = start(mq);
      await first.ready();
      for (const tag of ['a', 'b', 'c']) await producer.send(topic, { body: `1${tag}`, tag });
      const sentMs = Date.now();
      await producer.send(topic, { body: 'later', tag: 'a', delayLevel: 2 });
      await waitUntil('the delayed message', () => got.includes('later'));
      expect(Date.now() - sentMs).toBeGreaterThan(4900);
      expect(got.sort()).toEqual(['1a', '1b', 'later']);
      await first.close();
      await producer.send(topic, { body: '2a', tag: 'a' });
      await start(mq).ready();
      await waitUntil('what came meanwhile', () => got.includes('2a'));
      await sleep(1000);
      expect(got.sort()).toEqual(['1a', '1b', '2a', 'later']);
    }));
});

describe('the SDK retries', () => {
  test(
    'failing messages come again, then become dead letters',
    () =>
      withClient(async (mq) => {
        const topic = await world.topic('sdkretry');
        const group = world.name('GID_sdkretry');
        const attempts = new Map<string, number[]>();
        const dead: string[] = [];
        const worker = mq.consume({
          group,
          topics: [topic],
          startFrom: 'earliest',
          retry: { attempts: 2, backoff: () => 1000 },
          handle: (m, ctx) => {
            const text = m.body.toString();
            attempts.set(text, [...(attempts.get(text) ?? []), m.attempt]);
            if (text === 'hopeless') throw new Unrecoverable('no such customer');
            if (text === 'later' && m.attempt === 1) ctx.retryIn('1s');
            if (text === 'poison') throw new Error('always');
          },
        });
        worker.on('deadLetter', (m) => dead.push(m.body.toString()));
        await worker.ready();
        const producer = mq.producer();
        for (const body of ['fine', 'later', 'poison', 'hopeless'])
          await producer.send(topic, { body, keys: [body] });
        await waitUntil(
          'two dead letters',
          () => dead.length === 2 && (attempts.get('later')?.length ?? 0) === 2,
          90_000,
        );
        expect(Object.fromEntries(attempts)).toEqual({
          fine: [1],
          later: [1, 2],
          poison: [1, 2, 3],
          hopeless: [1],
        });
        await using reader = mq.reader({ topic: `%DLQ%${group}` });
        const letters: ReceivedMessage[] = [];
        await waitUntil('the dead-letter topic', async () => {
          letters.push(...(await reader.pull({ wait: '1s' })));
          return letters.length >= 2;
        });
        expect(letters.map((m) => m.body.toString()).sort()).toEqual(['hopeless', 'poison']);
        expect(letters.every((m) => m.topic === topic)).toBe(true);
      }),
    120_000,
  );
});

describe('the SDK reads', () => {
  test('from anywhere, and again', () =>
    withClient(async (mq) => {
      const topic = await world.topic('sdkread', 2);
      const producer = mq.producer();
      const queue = (await producer.send(topic, { body: '0', shardingKey: 'k' })).queue;
      for (let n = 1; n < 10; n++) await producer.send(topic, { body: `${n}`, queue });
      await sleep(50);
      const middle = new Date();
      await sleep(50);
      for (let n = 10; n < 20; n++) await producer.send(topic, { body: `${n}`, queue });
      const texts = async (reader: Reader) =>
        (await reader.pull({ max: 100, wait: '5s' })).map(({ body }) => body.toString());

      await using reader = mq.reader({ topic, queues: [queue.id] });
      expect(await texts(reader)).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`));
      expect(await reader.positions()).toEqual([{ broker: queue.broker, queue: queue.id, offset: 20n }]);
      expect(await reader.pull()).toEqual([]);
      await reader.seek({ queue: queue.id, offset: 18n });
      expect(await texts(reader)).toEqual(['18', '19']);
      await reader.seekToTime(middle);
      expect(await texts(reader)).toEqual(Array.from({ length: 10 }, (_, n) => `${n + 10}`));
      await using last = mq.reader({ topic, from: 'last' });
      const waiting = last.pull({ wait: '10s' });
      await sleep(300);
      await producer.send(topic, { body: 'new' });
      expect((await waiting).map(({ body }) => body.toString())).toEqual(['new']);
      await using timed = mq.reader({ topic, from: { time: '-1h' } });
      let count = 0;
      for await (const _ of timed) if (++count === 21) break;
      expect(count).toBe(21);
    }));
});
