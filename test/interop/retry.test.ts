import { beforeAll, expect } from 'vitest';
import { forEachFlavour } from './support/flavours.ts';
import { sleep } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

// The retry topic appears with the first heartbeat; clients look for it every 30 s and share queues every 20 s.
const deadlineMs = 100_000;

forEachFlavour(
  'a failed message comes again after about 10 s (level 3)',
  'push',
  async (flavour) => {
    const driver = world.driver(flavour);
    const topic = await world.topic('retry');
    const [consumer, producer] = [world.name('c-retry'), world.name('p-retry')];
    await driver.startProducer(producer, world.namesrv);
    const options = { group: `GID_${consumer}`, topic, failTimes: 1, withProperties: true };
    await driver.startConsumer(consumer, world.namesrv, options);
    await driver.send(producer, topic, { body: 'fails once', tag: 'TagA', keys: 'retry-key' });
    const [first, second] = await driver.waitForMessages(
      consumer,
      'two attempts',
      (m) => m.length >= 2,
      deadlineMs,
    );
    expect(first).toMatchObject({ text: 'fails once', reconsumeTimes: 0, failing: true });
    expect(second).toMatchObject({ text: 'fails once', reconsumeTimes: 1, failing: false, tag: 'TagA' });
    expect(second?.topic).toBe(topic); // the client puts the original topic back
    expect(second?.keys?.trim()).toBe('retry-key');
    const waitedMs = (second?.ts ?? 0) - (first?.ts ?? 0);
    console.info(`${flavour}: second attempt after ${waitedMs} ms`);
    expect(waitedMs).toBeGreaterThan(9000);
    await sleep(2000);
    expect(driver.messages(consumer)).toHaveLength(2);
    await driver.stopConsumer(consumer);
    await driver.stopProducer(producer);
  },
  deadlineMs + 20_000,
);

forEachFlavour(
  'a message that always fails ends in the dead-letter topic',
  'push',
  async (flavour) => {
    const driver = world.driver(flavour);
    const topic = await world.topic('dead');
    const [consumer, producer] = [world.name('c-dead'), world.name('p-dead')];
    const group = `GID_${consumer}`;
    await driver.startProducer(producer, world.namesrv);
    await driver.startConsumer(consumer, world.namesrv, {
      group,
      topic,
      failTimes: -1,
      maxReconsumeTimes: 1,
    });
    const text = `always fails ${flavour}`;
    await driver.send(producer, topic, { body: text, tag: 'TagA', keys: 'dead-key' });
    const attempts = await driver.waitForMessages(consumer, 'two attempts', (m) => m.length >= 2, deadlineMs);
    expect(attempts.map((m) => m.reconsumeTimes)).toEqual([0, 1]);

    const reader = world.driver('java-5.4.0');
    const readerName = world.name('c-dlq');
    await world.cluster.waitForTopic(`%DLQ%${group}`);
    const options = { group: `GID_${readerName}`, topic: `%DLQ%${group}`, withProperties: true };
    await reader.startConsumer(readerName, world.namesrv, options);
    const [dead] = await reader.waitForMessages(readerName, 'the dead letter', (m) => m.length > 0);
    expect(dead).toMatchObject({ text, tag: 'TagA' });
    expect(dead?.keys?.trim()).toBe('dead-key');
    expect(dead?.properties).toMatchObject({ RETRY_TOPIC: topic });
    await sleep(1000);
    expect(driver.messages(consumer)).toHaveLength(2);
    expect(reader.messages(readerName)).toHaveLength(1);
    await reader.stopConsumer(readerName);
    await driver.stopConsumer(consumer);
    await driver.stopProducer(producer);
  },
  deadlineMs + 60_000,
);
