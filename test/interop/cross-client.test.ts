import { beforeAll, describe, expect, test } from 'vitest';
import { body, sha256 } from './support/bodies.ts';
import { Driver } from './support/driver.ts';
import { flavours } from './support/flavours.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

const large = { size: 20_000, seed: 11, alphabet: 4 }; // compressed by every client

describe.concurrent('what one client sends, all clients read', () => {
  for (const sender of flavours) {
    test(`${sender} to ${flavours.join(', ')}`, async () => {
      const topic = await world.topic('cross');
      const consumers = flavours.map((flavour) => ({
        driver: world.driver(flavour),
        name: world.name('c-cross'),
      }));
      for (const { driver, name } of consumers) {
        await driver.startConsumer(name, world.namesrv, {
          group: `GID_${name}`,
          topic,
          withProperties: true,
        });
      }
      const producer = world.name('p-cross');
      const driver = world.driver(sender);
      await driver.startProducer(producer, world.namesrv);
      const text = `from ${sender}: ñ 漢 🐘 "quoted" \\ and\ttab`;
      const small = { body: text, tag: 'TagX', keys: 'cross-key', properties: { 'a b': 'c=d, ü' } };
      await driver.send(producer, topic, small);
      await driver.send(producer, topic, { body: large, tag: 'TagY' });
      for (const { driver: reader, name } of consumers) {
        const got = await reader.waitForMessages(name, 'both', (m) => m.length >= 2);
        expect(got.map((m) => m.sha).sort()).toEqual([sha256(body(text)), sha256(body(large))].sort());
        const one = got.find((m) => m.tag === 'TagX');
        expect(one).toMatchObject({ text, topic, reconsumeTimes: 0, properties: small.properties });
        expect(one?.keys?.trim()).toBe('cross-key');
        expect(Math.abs((one?.bornTs ?? 0) - Date.now())).toBeLessThan(120_000);
        // all readers name the message alike
        const reference = consumers[0]?.driver.messages(consumers[0].name).find((m) => m.tag === 'TagX');
        expect([one?.msgId, one?.queueId, one?.queueOffset]).toEqual([
          ...[reference?.msgId, reference?.queueId, reference?.queueOffset],
        ]);
        await reader.stopConsumer(name);
      }
      await driver.stopProducer(producer);
    }, 120_000);
  }

  test('a relay: Java to Go to ali-ons', async () => {
    const [toGo, toAli] = [await world.topic('relay'), await world.topic('relay')];
    const [java, go, ali] = [
      world.driver('java-4.9.8'),
      world.driver('go-2.1.2'),
      world.driver('ali-ons-3.12.0'),
    ];
    const [p1, p2, c1, c2] = ['p-java', 'p-go', 'c-go', 'c-ali'].map((n) => world.name(n)) as [
      string,
      string,
      string,
      string,
    ];
    await java.startProducer(p1, world.namesrv);
    await go.startProducer(p2, world.namesrv);
    await go.startConsumer(c1, world.namesrv, { group: `GID_${c1}`, topic: toGo });
    await ali.startConsumer(c2, world.namesrv, { group: `GID_${c2}`, topic: toAli });
    const texts = Array.from({ length: 10 }, (_, i) => `relayed ${i}`);
    for (const text of texts) await java.send(p1, toGo, { body: text, keys: text.replace(' ', '') });
    await go.waitForMessages(c1, 'ten', (m) => m.length >= texts.length);
    for (const m of go.messages(c1)) await go.send(p2, toAli, { body: m.text ?? '', keys: m.keys ?? '' });
    const got = await ali.waitForMessages(c2, 'ten', (m) => m.length >= texts.length);
    expect(got.map((m) => m.text).sort()).toEqual(texts);
    for (const m of got) expect(m.keys?.trim()).toBe(m.text?.replace(' ', ''));
    await go.stopConsumer(c1);
    await ali.stopConsumer(c2);
    await java.stopProducer(p1);
    await go.stopProducer(p2);
  }, 120_000);

  test('binary headers: Java sends and consumes with rocketmq.serialize.type=ROCKETMQ', async () => {
    const topic = await world.topic('binary');
    const binary = new Driver('java-5.4.0', 'java-5.4.0-binary', { ROCKETMQ_SERIALIZE_TYPE: 'ROCKETMQ' });
    const [producer, itself, other] = [world.name('p-binary'), world.name('c-binary'), world.name('c-json')];
    await binary.startProducer(producer, world.namesrv);
    await binary.startConsumer(itself, world.namesrv, { group: `GID_${itself}`, topic });
    const go = world.driver('go-2.1.2');
    await go.startConsumer(other, world.namesrv, { group: `GID_${other}`, topic });
    const texts = Array.from({ length: 10 }, (_, i) => `binary ${i}`);
    for (const text of texts) {
      const sent = await binary.send(producer, topic, { body: text, tag: 'TagA' });
      expect(sent.status).toBe('SEND_OK');
    }
    await binary.sendBatch(producer, topic, [{ body: 'batch 0' }, { body: 'batch 1' }]);
    for (const [driver, consumer] of [[binary, itself] as const, [go, other] as const]) {
      await driver.waitForMessages(consumer, 'all twelve', (m) => m.length >= 12);
      expect(driver.texts(consumer).sort()).toEqual(['batch 0', 'batch 1', ...texts]);
      await driver.stopConsumer(consumer);
    }
    await binary.stopProducer(producer);
    await binary.request('quit').catch(() => undefined); // it ends instead of answering
  }, 120_000);
});
