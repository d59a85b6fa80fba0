import { beforeAll, expect } from 'vitest';
import { DriverError } from './support/driver.ts';
import type { OutgoingMessage } from './support/driver.ts';
import type { Flavour } from './support/flavours.ts';
import { forEachFlavour } from './support/flavours.ts';
import { sleep } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

/** How each client says when; every process here reads the same clock. */
function timed(flavour: Flavour, delayMs: number): OutgoingMessage {
  const body = `in ${delayMs}`;
  const at = Date.now() + delayMs;
  if (flavour === 'ali-ons-3.12.0') return { body, properties: { __STARTDELIVERTIME: String(at) } };
  return delayMs % 2 === 0 ? { body, timerDelayMs: delayMs } : { body, timerDeliverMs: at };
}

forEachFlavour(
  'timed messages: each comes after its time, in the order of the times',
  'timers',
  async (flavour) => {
    const driver = world.driver(flavour);
    const topic = await world.topic('timers');
    const [consumer, producer] = [world.name('c-timers'), world.name('p-timers')];
    await driver.startConsumer(consumer, world.namesrv, { group: `GID_${consumer}`, topic });
    await driver.startProducer(producer, world.namesrv);
    const sentAt = Date.now();
    const delays = [6_000, 3_001, 4_000, 5_001];
    for (const delayMs of delays)
      expect((await driver.send(producer, topic, timed(flavour, delayMs))).status).toBe('SEND_OK');
    const messages = await driver.waitForMessages(consumer, 'all four', (m) => m.length >= delays.length);
    for (const { text, ts } of messages) expect(ts - sentAt).toBeGreaterThanOrEqual(Number(text?.slice(3)));
    expect(messages.map(({ text }) => text)).toEqual(['in 3001', 'in 4000', 'in 5001', 'in 6000']);
    await driver.stopConsumer(consumer);
    await driver.stopProducer(producer);
  },
);

forEachFlavour(
  'timed messages: what is recalled does not come, what came can not be recalled',
  'recall',
  async (flavour) => {
    const driver = world.driver(flavour);
    const topic = await world.topic('recall');
    const [consumer, producer] = [world.name('c-recall'), world.name('p-recall')];
    await driver.startConsumer(consumer, world.namesrv, { group: `GID_${consumer}`, topic });
    await driver.startProducer(producer, world.namesrv);
    const recalled = await driver.send(producer, topic, { body: 'recalled', timerDelayMs: 4_000 });
    const kept = await driver.send(producer, topic, { body: 'kept', timerDelayMs: 3_000 });
    expect(await driver.recall(producer, topic, recalled.recallHandle ?? '')).toBe(recalled.msgId);
    await driver.waitForMessages(consumer, 'the kept one', (m) => m.length > 0);
    await expect(driver.recall(producer, topic, kept.recallHandle ?? '')).rejects.toBeInstanceOf(DriverError);
    await sleep(4_000);
    expect(driver.texts(consumer)).toEqual(['kept']);
    await driver.stopConsumer(consumer);
    await driver.stopProducer(producer);
  },
);
