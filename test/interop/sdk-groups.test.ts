import { beforeAll, describe, expect, test } from 'vitest';
import type { MqClient } from '@cometmq/client';
import { createClient } from '@cometmq/client';
import { body as bodyOf, sha256 } from './support/bodies.ts';
import { sleep, waitUntil } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

async function withClients(count: number, run: (...clients: MqClient[]) => Promise<void>): Promise<void> {
  const clients = Array.from({ length: count }, () => createClient({ nameServers: world.namesrv }));
  try {
    await run(...clients);
  } finally {
    await Promise.all(clients.map((client) => client.close({ drain: '2s' })));
  }
}

describe('SDK consumers in a group', () => {
  test(
    'share the queues, and go on when one leaves',
    () =>
      withClients(3, async (one, two, sender) => {
        const topic = await world.topic('sdkgroup', 8);
        const group = world.name('GID_sdkgroup');
        const got: { member: string; text: string }[] = [];
        const start = (mq: MqClient, member: string) =>
          mq.consume({
            group,
            topics: [topic],
            startFrom: 'earliest',
            handle: (m) => void got.push({ member, text: m.body.toString() }),
          });
        const a = start(one, 'a');
        const b = start(two, 'b');
        await Promise.all([a.ready(), b.ready()]);
        // The retry topic's queue counts too, for one of them.
        await waitUntil(
          'both have their share',
          () => b.health().queues >= 4 && a.health().queues >= 4 && a.health().queues <= 5,
        );
        const producer = sender.producer();
        const texts = Array.from({ length: 80 }, (_, n) => `m${n}`);
        for (const text of texts) await producer.send(topic, { body: text });
        await waitUntil('all messages', () => new Set(got.map(({ text }) => text)).size === 80);
        expect(new Set(got.map(({ member }) => member)).size).toBe(2);
        expect(got).toHaveLength(80);
        await one.close();
        await waitUntil('the other has all queues', () => b.health().queues >= 8, 30_000);
        for (const text of texts) await producer.send(topic, { body: `again ${text}` });
        await waitUntil('all messages again', () => new Set(got.map(({ text }) => text)).size === 160);
        expect(got).toHaveLength(160);
      }),
    90_000,
  );

  test(
    'keep the order of every key while a member leaves',
    () =>
      withClients(3, async (one, two, sender) => {
        const topic = await world.topic('sdkorder', 4);
        const group = world.name('GID_sdkorder');
        const seen = new Map<string, number[]>();
        let handlers = 0;
        const failed = new Set<string>();
        const start = (mq: MqClient) =>
          mq.consume({
            group,
            topics: [topic],
            startFrom: 'earliest',
            order: 'queue',
            handle: async (m) => {
              const text = m.body.toString();
              handlers++;
              await sleep(2);
              // Each 50th message fails once and must hold up what follows it.
              if (text.endsWith('50') && !failed.has(text)) {
                failed.add(text);
                throw new Error('once');
              }
              const [key = '', n] = text.split(' ');
              seen.set(key, [...(seen.get(key) ?? []), Number(n)]);
            },
          });
        const [a, b] = [start(one), start(two)];
        await Promise.all([a.ready(), b.ready()]);
        const producer = sender.producer();
        const keys = ['k0', 'k1', 'k2', 'k3', 'k4', 'k5'];
        const sending = (async () => {
          for (let n = 0; n < 100; n++) {
            await Promise.all(
              keys.map((key) => producer.send(topic, { body: `${key} ${n}`, shardingKey: key })),
            );
          }
        })();
        await sleep(1500);
        await one.close();
        await sending;
        await waitUntil(
          () => `all messages; ${[...seen].map(([key, list]) => `${key}:${list.length}`).join(' ')}`,
          () => [...seen.values()].filter((list) => new Set(list).size === 100).length === keys.length,
          90_000,
        );
        expect(handlers).toBeGreaterThan(600);
        for (const list of seen.values()) {
          // Redelivered ones aside, each key's numbers come in order: no number before all smaller ones were there.
          let next = 0;
          for (const n of list) {
            expect(n).toBeLessThanOrEqual(next);
            if (n === next) next++;
          }
        }
      }),
    120_000,
  );

  test('broadcast: every member gets everything', () =>
    withClients(3, async (one, two, sender) => {
      const topic = await world.topic('sdkbroadcast');
      const group = world.name('GID_sdkbroadcast');
      const got: string[][] = [[], []];
      const workers = [one, two].map((mq, index) =>
        mq.consume({
          group,
          topics: [topic],
          mode: 'broadcast',
          handle: (m) => void got[index]?.push(m.body.toString()),
        }),
      );
      await Promise.all(workers.map((worker) => worker.ready()));
      const texts = Array.from({ length: 20 }, (_, n) => `m${n}`);
      for (const text of texts) await sender.producer().send(topic, { body: text });
      await waitUntil('20 messages each', () => got.every((list) => list.length >= 20));
      for (const list of got) expect(list.sort()).toEqual([...texts].sort());
    }));

  test(
    'batches',
    () =>
      withClients(1, async (mq) => {
        const topic = await world.topic('sdkbatches', 1);
        const sizes: number[] = [];
        const texts: string[] = [];
        const worker = mq.consume({
          group: world.name('GID_sdkbatches'),
          topics: [topic],
          startFrom: 'earliest',
          batch: { max: 10, within: '300ms' },
          retry: { backoff: () => 1000 },
          handleBatch: (messages) => {
            sizes.push(messages.length);
            texts.push(...messages.map(({ body }) => body.toString()));
            return messages.map((m) =>
              m.attempt === 1 && m.body.toString() === '5' ? { retryIn: '1s' } : 'ack',
            );
          },
        });
        await worker.ready();
        await mq.producer().sendBatch(
          topic,
          Array.from({ length: 25 }, (_, n) => ({ body: `${n}` })),
        );
        await waitUntil('25 messages and one retry', () => texts.length === 26, 60_000);
        expect(Math.max(...sizes)).toBe(10);
        expect(texts.filter((text) => text === '5')).toHaveLength(2);
      }),
    90_000,
  );
});

describe('operators and SDK consumers', () => {
  test(
    'consumerConnection, consumerStatus, resetOffsetByTime, consume directly',
    () =>
      withClients(1, async (mq) => {
        const topic = await world.topic('sdkadmin', 2);
        const group = world.name('GID_sdkadmin');
        const got: string[] = [];
        const worker = mq.consume({
          group,
          topics: [topic],
          startFrom: 'earliest',
          handle: (m) => void got.push(m.body.toString()),
        });
        await worker.ready();
        const producer = mq.producer();
        const sent = await producer.send(topic, { body: 'one', keys: ['k-one'] });
        await producer.send(topic, { body: 'two' });
        await waitUntil('both', () => got.length === 2);
        const connection = await world.mqadmin('consumerConnection', '-g', group);
        expect(connection).toContain(mq.clientId);
        expect(connection).toContain(topic);
        const status = await world.mqadmin('consumerStatus', '-g', group, '-i', mq.clientId);
        expect(status).toContain('PROP_CONSUME_TYPE');
        expect(status).toContain(topic);
        const directly = await world.mqadmin(
          'queryMsgById',
          '-i',
          sent.offsetMessageId,
          '-g',
          group,
          '-d',
          mq.clientId,
          '-t',
          topic,
        );
        expect(directly).toContain('CR_SUCCESS');
        await waitUntil(
          'one, handed in by the operator',
          () => got.filter((text) => text === 'one').length === 2,
        );
        await sleep(5500);
        await world.mqadmin('resetOffsetByTime', '-g', group, '-t', topic, '-s', `${Date.now() - 3_600_000}`);
        await waitUntil('both again', () => got.length === 5, 60_000);
        expect(got.filter((text) => text === 'two')).toHaveLength(2);
      }),
    120_000,
  );
});

describe('other clients and the SDK', () => {
  test.each(['ZLIB', 'LZ4', 'ZSTD'] as const)(
    'bodies that Java compressed with %s are read',
    async (compressType) =>
      withClients(1, async (mq) => {
        const driver = world.driver('java-5.4.0');
        const topic = await world.topic('sdkjava');
        const producer = world.name('p-sdkjava');
        await driver.startProducer(producer, world.namesrv, {
          compressOver: 1000,
          compressType,
          maxMessageSize: 8 << 20,
        });
        const bodies = [
          { size: 5000, seed: 3, alphabet: 4 },
          { size: 3_000_000, seed: 4, alphabet: 8 },
        ];
        for (const body of bodies) await driver.send(producer, topic, { body });
        await driver.stopProducer(producer);
        await using reader = mq.reader({ topic });
        const hashes: string[] = [];
        for await (const { bytes } of reader) if (hashes.push(sha256(bytes)) === bodies.length) break;
        expect(hashes.sort()).toEqual(bodies.map((body) => sha256(bodyOf(body))).sort());
      }),
  );

  test(
    'Java reads what the SDK sends and shares a group with it',
    () =>
      withClients(1, async (mq) => {
        const driver = world.driver('java-5.4.0');
        const topic = await world.topic('sdkmixed', 4);
        const group = world.name('GID_sdkmixed');
        const consumer = world.name('c-sdkmixed');
        const got: string[] = [];
        const worker = mq.consume({
          group,
          topics: [topic],
          startFrom: 'earliest',
          handle: (m) => void got.push(m.body.toString()),
        });
        await worker.ready();
        await driver.startConsumer(consumer, world.namesrv, { group, topic });
        const ours = () => worker.health().queues;
        await waitUntil('both have queues', () => ours() >= 2 && ours() <= 3, 40_000);
        await waitUntil(
          'Java has two',
          async () => (await driver.assigned(consumer, topic)).length === 2,
          40_000,
        );
        const texts = Array.from({ length: 40 }, (_, n) => `m${n}`);
        await mq.producer().sendBatch(
          topic,
          texts.slice(0, 20).map((text) => ({ body: text })),
        );
        for (const text of texts.slice(20)) await mq.producer().send(topic, { body: text });
        await waitUntil('all', () => new Set([...got, ...driver.texts(consumer)]).size === 40);
        expect(driver.texts(consumer).length).toBeGreaterThan(0);
        expect(got.length).toBeGreaterThan(0);
        await driver.stopConsumer(consumer);
      }),
    120_000,
  );
});
