import { beforeAll, describe, expect, test } from 'vitest';
import { body, sha256, type BodySpec } from './support/bodies.ts';
import { DriverError, type ReceivedMessage } from './support/driver.ts';
import { flavours, forEachFlavour, type Flavour } from './support/flavours.ts';
import { theWorld, type World } from './support/world.ts';

const maxBodyBytes = 4 * 1024 * 1024;
const never = 2 ** 31 - 1;
let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

interface Pair {
  readonly topic: string;
  readonly producer: string;
  readonly consumer: string;
}

/** A topic with a consumer of the flavour on it, and a producer. */
async function pair(flavour: Flavour, what: string, options: object = {}): Promise<Pair> {
  const driver = world.driver(flavour);
  const topic = await world.topic(what);
  const producer = world.name(`p-${what}`);
  const consumer = world.name(`c-${what}`);
  await driver.startConsumer(consumer, world.namesrv, {
    group: `GID_${consumer}`,
    topic,
    withProperties: true,
  });
  await driver.startProducer(producer, world.namesrv, options);
  return { topic, producer, consumer };
}

async function close(flavour: Flavour, { producer, consumer }: Pair): Promise<void> {
  await world.driver(flavour).stopProducer(producer);
  await world.driver(flavour).stopConsumer(consumer);
}

function withSha(messages: readonly ReceivedMessage[], spec: BodySpec): ReceivedMessage | undefined {
  const wanted = sha256(body(spec));
  return messages.find((m) => m.sha === wanted);
}

for (const kind of ['sync', 'async'] as const) {
  forEachFlavour(`${kind} send`, 'push', async (flavour) => {
    const driver = world.driver(flavour);
    const p = await pair(flavour, `send-${kind}`);
    const keys = world.name('order');
    const text = `Grüße, ${kind} 漢字 🐘`;
    const properties = { color: 'blau ß', empty: 'x' };
    const sent = await driver.send(p.producer, p.topic, { body: text, tag: 'TagA', keys, properties }, kind);
    expect(sent.status).toBe('SEND_OK');
    expect(sent.msgId).toMatch(/^[0-9A-Fa-f]{32}/);
    const [got] = await driver.waitForMessages(p.consumer, 'the message', (m) => m.length > 0);
    expect(got).toMatchObject({ text, tag: 'TagA', topic: p.topic, reconsumeTimes: 0 });
    expect(got?.keys?.trim()).toBe(keys);
    expect(got?.properties).toMatchObject(properties);
    expect([got?.queueId, got?.queueOffset]).toEqual([sent.queueId, sent.queueOffset]);
    // ali-ons does not make unique ids: its result carries the id of the place
    if (!flavour.startsWith('ali-ons')) expect(got?.msgId).toBe(sent.msgId);
    await close(flavour, p);
  });
}

forEachFlavour('one-way send', 'oneway', async (flavour) => {
  const driver = world.driver(flavour);
  const p = await pair(flavour, 'send-oneway');
  const texts = Array.from({ length: 10 }, (_, i) => `one-way ${i}`);
  for (const text of texts) await driver.send(p.producer, p.topic, { body: text }, 'oneway');
  await driver.waitForMessages(p.consumer, 'all ten', (m) => m.length >= texts.length);
  expect(driver.texts(p.consumer).sort()).toEqual(texts);
  await close(flavour, p);
});

forEachFlavour('batch send', 'batch', async (flavour) => {
  const driver = world.driver(flavour);
  const p = await pair(flavour, 'send-batch');
  const messages = Array.from({ length: 20 }, (_, i) => ({
    body: `batch ${i}`,
    tag: `T${i % 3}`,
    keys: `k${i}`,
  }));
  const sent = await driver.sendBatch(p.producer, p.topic, messages);
  expect(sent.status).toBe('SEND_OK');
  const got = await driver.waitForMessages(p.consumer, 'all twenty', (m) => m.length >= messages.length);
  const sorted = [...got].sort((a, b) => a.queueOffset - b.queueOffset);
  expect(sorted.map((m) => [m.text, m.tag, m.keys?.trim()])).toEqual(
    messages.map((m) => [m.body, m.tag, m.keys]),
  );
  expect(new Set(got.map((m) => m.queueId))).toEqual(new Set([sent.queueId]));
  expect(sorted[0]?.queueOffset).toBe(sent.queueOffset);
  await close(flavour, p);
});

forEachFlavour('a body of 4 MiB passes, 4 MiB + 1 is refused by the broker', 'large', async (flavour) => {
  const driver = world.driver(flavour);
  const p = await pair(flavour, 'send-large', {
    sendTimeoutMs: 20_000,
    maxMessageSize: 2 * maxBodyBytes,
    compressOver: never,
    retries: 0,
  });
  const largest = { size: maxBodyBytes, seed: 7 };
  const sent = await driver.send(p.producer, p.topic, { body: largest });
  expect(sent.status).toBe('SEND_OK');
  const refusal: unknown = await driver
    .send(p.producer, p.topic, { body: { size: maxBodyBytes + 1, seed: 8 } })
    .then(
      () => 'accepted',
      (error: unknown) => error,
    );
  expect(refusal).toBeInstanceOf(DriverError);
  const { code, message } = refusal as DriverError;
  if (code !== undefined) expect(code).toBe(13);
  console.info(`${flavour}: refusal of 4 MiB + 1: ${message.slice(0, 160)}`);
  await driver.send(p.producer, p.topic, { body: 'after' });
  const got = await driver.waitForMessages(
    p.consumer,
    'the large one and the one after the refusal',
    (m) => withSha(m, largest) !== undefined && withSha(m, 'after') !== undefined,
  );
  expect(withSha(got, largest)?.size).toBe(maxBodyBytes);
  expect(got).toHaveLength(2);
  await close(flavour, p);
});

describe.concurrent('compressed bodies', () => {
  const spec = { size: 65_536, seed: 3, alphabet: 4 };

  /** Sends one compressed body and reads it back with each of the readers. */
  async function sendAndRead(
    sender: Flavour,
    readers: readonly Flavour[],
    compressType?: 'ZLIB' | 'LZ4' | 'ZSTD',
  ): Promise<void> {
    const topic = await world.topic(`zip-${compressType ?? 'default'}`);
    const producer = world.name('p-zip');
    const options = compressType === undefined ? {} : { compressType };
    await world.driver(sender).startProducer(producer, world.namesrv, options);
    const sent = await world.driver(sender).send(producer, topic, { body: spec });
    expect(sent.status).toBe('SEND_OK');
    const read = async (reader: Flavour): Promise<void> => {
      const consumer = world.name('c-zip');
      await world.driver(reader).startConsumer(consumer, world.namesrv, { group: `GID_${consumer}`, topic });
      const [got] = await world.driver(reader).waitForMessages(consumer, 'the message', (m) => m.length > 0);
      expect(got?.sha).toBe(sha256(body(spec)));
      expect(got?.storeSize).toBeLessThan(spec.size * 0.8); // it did travel compressed
      await world.driver(reader).stopConsumer(consumer);
    };
    await Promise.all(readers.map(read));
    await world.driver(sender).stopProducer(producer);
  }

  for (const sender of flavours) {
    const reader = flavours[(flavours.indexOf(sender) + 1) % flavours.length] as Flavour;
    test(`zlib: ${sender} to itself and to ${reader}`, () => sendAndRead(sender, [sender, reader]), 90_000);
  }
  test('ZLIB by name: java-5.4.0 to all', () => sendAndRead('java-5.4.0', flavours, 'ZLIB'), 120_000);
  // no other client can read these two
  test('LZ4: java-5.4.0 to itself', () => sendAndRead('java-5.4.0', ['java-5.4.0'], 'LZ4'), 90_000);
  test('ZSTD: java-5.4.0 to itself', () => sendAndRead('java-5.4.0', ['java-5.4.0'], 'ZSTD'), 90_000);
});
