import { beforeAll, describe, expect, test } from 'vitest';
import { DriverError, type Driver } from './support/driver.ts';
import { forEachFlavour } from './support/flavours.ts';
import { sleep } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

/** Java: ResponseCode and ClientErrorCode. */
const Code = {
  SYSTEM_ERROR: 1,
  MESSAGE_ILLEGAL: 13,
  NO_PERMISSION: 16,
  TOPIC_NOT_EXIST: 17,
  NOT_FOUND_TOPIC: 10_005,
} as const;
const maxTopicLength = 127;
const maxGroupLength = 120;

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

/** The error of a call that must fail. */
async function refusal(call: Promise<unknown>): Promise<DriverError> {
  const error = await call.then(
    (answer) => new Error(`not refused: ${JSON.stringify(answer)}`),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DriverError);
  return error as DriverError;
}

const padded = (start: string, length: number): string => start.padEnd(length, 'x');

describe('topics by use', () => {
  forEachFlavour('the first send makes the topic', 'topicByUse', async (flavour) => {
    const driver = world.driver(flavour);
    const [topic, producer, consumer] = [
      world.name('by-use'),
      world.name('p-by-use'),
      world.name('c-by-use'),
    ];
    await driver.startProducer(producer, world.namesrv, { sendTimeoutMs: 10_000 });
    const sent = await driver.send(producer, topic, { body: 'first' });
    expect(sent).toMatchObject({ status: 'SEND_OK', queueOffset: 0 });
    await world.cluster.waitForTopic(topic);
    await driver.startConsumer(consumer, world.namesrv, { group: `GID_${consumer}`, topic });
    await driver.waitForMessages(consumer, 'the first', (m) => m.length > 0);
    expect(driver.texts(consumer)).toEqual(['first']);
    await driver.stopConsumer(consumer);
    await driver.stopProducer(producer);
  });

  test('refused where the broker forbids it, until an administrator makes the topic', async () => {
    const cluster = await world.separateCluster({ autoCreateTopic: false });
    const driver = world.driver('java-5.4.0');
    const [topic, producer] = [world.name('forbidden'), world.name('p-forbidden')];
    await driver.startProducer(producer, cluster.namesrv, { retries: 0 });
    const { code, message } = await refusal(driver.send(producer, topic, { body: 'x' }));
    if (cluster.target === 'comet') {
      expect(code).toBe(Code.TOPIC_NOT_EXIST);
      expect(message).toContain(`topic[${topic}] not exist, apply first please!`);
    } else {
      expect(code).toBe(Code.NOT_FOUND_TOPIC); // without the template's route the client does not even ask
    }
    const place = ['-c', cluster.name, '-n', cluster.namesrv];
    expect(await driver.mqadmin(['updateTopic', '-t', topic, ...place])).toContain('success');
    await cluster.waitForTopic(topic);
    expect((await driver.send(producer, topic, { body: 'y' })).status).toBe('SEND_OK');
    await driver.stopProducer(producer);
    await cluster.stop();
  }, 120_000);
});

describe('names', () => {
  test('a topic of 128 characters is refused by client and broker', async () => {
    const driver = world.driver('java-5.4.0');
    const topic = padded(world.name('long'), maxTopicLength + 1);
    const producer = world.name('p-long');
    await driver.startProducer(producer, world.namesrv);
    const { message } = await refusal(driver.send(producer, topic, { body: 'x' }));
    expect(message).toMatch(/longer than topic max length 127/);
    expect(await world.mqadmin('updateTopic', '-c', world.cluster.name, '-t', topic)).toMatch(
      /CODE: \d+\s+DESC: The specified topic.* is longer than topic max length: 127/,
    );
    await driver.stopProducer(producer);
  });

  forEachFlavour(
    `a topic of ${maxTopicLength} and a group of ${maxGroupLength} characters work, retries too`,
    'push',
    async (flavour) => {
      const driver = world.driver(flavour);
      const topic = padded(world.name('wide'), maxTopicLength);
      await world.createTopic(topic);
      const [producer, consumer] = [world.name('p-wide'), world.name('c-wide')];
      const group = padded(`GID_${consumer}`, maxGroupLength);
      await driver.startConsumer(consumer, world.namesrv, { group, topic, failTimes: 1 });
      await driver.startProducer(producer, world.namesrv);
      await driver.send(producer, topic, { body: 'wide' });
      const got = await driver.waitForMessages(consumer, 'two attempts', (m) => m.length >= 2, 100_000);
      expect(got.map((m) => [m.text, m.reconsumeTimes])).toEqual([
        ['wide', 0],
        ['wide', 1],
      ]);
      await driver.stopConsumer(consumer);
      await driver.stopProducer(producer);
    },
  );
});

describe('messages', () => {
  let driver: Driver;
  let topic: string;
  let producer: string;
  beforeAll(async () => {
    driver = world.driver('java-5.4.0');
    topic = await world.topic('border', 1);
    producer = world.name('p-border');
    await driver.startProducer(producer, world.namesrv, { retries: 0 });
  });

  test('a body of one byte passes, an empty one is refused by the client', async () => {
    expect((await driver.send(producer, topic, { body: 'x' })).status).toBe('SEND_OK');
    const { code, message } = await refusal(driver.send(producer, topic, { body: '' }));
    expect([code, message]).toEqual([Code.MESSAGE_ILLEGAL, expect.stringContaining('body length is zero')]);
  });

  test('32 KiB of properties are refused by the broker, a little less passes', async () => {
    const properties = { large: 'p'.repeat(32_767 - 200) };
    expect((await driver.send(producer, topic, { body: 'x', properties })).status).toBe('SEND_OK');
    const tooLarge = { large: 'p'.repeat(32_768) };
    const { code, message } = await refusal(
      driver.send(producer, topic, { body: 'x', properties: tooLarge }),
    );
    expect(code).toBe(Code.MESSAGE_ILLEGAL);
    expect(message).toMatch(/properties length/);
    expect((await driver.send(producer, topic, { body: 'after' })).status).toBe('SEND_OK');
  });

  test('a topic without write permission takes nothing, what it has can be read', async () => {
    const readOnly = await world.topic('read-only', 1);
    await driver.send(producer, readOnly, { body: 'before' });
    const output = await world.mqadmin(
      'updateTopicPerm',
      '-c',
      world.cluster.name,
      '-t',
      readOnly,
      '-p',
      '4',
    );
    expect(output).toMatch(/success/);
    // the producer still has the old route; Apache's broker takes what comes that way
    if (world.cluster.target === 'comet') {
      const { code } = await refusal(driver.send(producer, readOnly, { body: 'after' }));
      expect(code).toBe(Code.NO_PERMISSION);
    }
    const consumer = world.name('c-read-only');
    await driver.startConsumer(consumer, world.namesrv, { group: `GID_${consumer}`, topic: readOnly });
    await driver.waitForMessages(consumer, 'the first', (m) => m.length > 0);
    expect(driver.texts(consumer)).toEqual(['before']);
    await driver.stopConsumer(consumer);
  });
});

describe('subscriptions', () => {
  for (const flavour of ['java-5.4.0', 'java-4.9.8'] as const) {
    test(`${flavour}: an expression without a tag is refused by the client`, async () => {
      const consumer = world.name('c-no-tag');
      const options = { group: `GID_${consumer}`, topic: world.name('no-tag'), expression: '||' };
      const { message } = await refusal(
        world.driver(flavour).startConsumer(consumer, world.namesrv, options),
      );
      expect(message).toMatch(/subscription exception/);
    });

    test(`${flavour}: superfluous bars and spaces in an expression do no harm`, async () => {
      const driver = world.driver(flavour);
      const topic = await world.topic('odd-tags', 1);
      const [producer, consumer] = [world.name('p-odd-tags'), world.name('c-odd-tags')];
      const options = { group: `GID_${consumer}`, topic, expression: '|| TagA||  TagB |||| ' };
      await driver.startProducer(producer, world.namesrv);
      for (const tag of ['TagA', 'TagC', 'TagB']) await driver.send(producer, topic, { body: tag, tag });
      await driver.startConsumer(consumer, world.namesrv, options);
      await driver.waitForMessages(consumer, 'A and B', (m) => m.length >= 2);
      expect([...driver.texts(consumer)].sort()).toEqual(['TagA', 'TagB']);
      await driver.stopConsumer(consumer);
      await driver.stopProducer(producer);
    });
  }

  test('a group that may not consume gets nothing until it may', async () => {
    const driver = world.driver('java-5.4.0');
    const topic = await world.topic('barred', 1);
    const [producer, consumer] = [world.name('p-barred'), world.name('c-barred')];
    const group = `GID_${consumer}`;
    const allow = (yes: boolean): Promise<string> =>
      world.mqadmin('updateSubGroup', '-c', world.cluster.name, '-g', group, '-s', String(yes));
    expect(await allow(false)).toContain('success');
    await driver.startProducer(producer, world.namesrv);
    await driver.startConsumer(consumer, world.namesrv, { group, topic });
    await driver.send(producer, topic, { body: 'held back' });
    await sleep(3000);
    expect(driver.texts(consumer)).toEqual([]);
    expect(await allow(true)).toContain('success');
    await driver.waitForMessages(consumer, 'what was held back', (m) => m.length > 0);
    expect(driver.texts(consumer)).toEqual(['held back']);
    await driver.stopConsumer(consumer);
    await driver.stopProducer(producer);
  });
});
