import { beforeAll, expect } from 'vitest';
import { Driver, type Decided } from './support/driver.ts';
import { forEachFlavour } from './support/flavours.ts';
import { sleep, waitUntil } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

// Ours asks about what is older than 6 s, Apache's in rounds of 30 s: a message is asked about after 36 s at the latest.
const askedWithinMs = 75_000;
/** What must never be visible gets this long to become visible all the same. */
const settleMs = 2000;

forEachFlavour(
  'transactions: what is committed is delivered once, what is rolled back never, what is unknown is asked about',
  'transactions',
  async (flavour) => {
    const driver = world.driver(flavour);
    const topic = await world.topic('transaction');
    const [consumer, producer] = [world.name('c-transaction'), world.name('p-transaction')];
    await driver.startConsumer(consumer, world.namesrv, {
      ...{ group: `GID_${consumer}`, topic, withProperties: true },
    });
    await driver.startTransactionProducer(producer, `PG_${producer}`, world.namesrv);
    const send = async (
      text: string,
      decide: 'commit' | 'rollback' | 'unknown',
      answers?: 'commit' | 'rollback',
    ): Promise<void> => {
      const message = { body: text, tag: 'TagT', keys: `key-${text}`, properties: { color: 'blau ß' } };
      const sent = await driver.sendInTransaction(producer, topic, {
        ...message,
        decide,
        ...(answers === undefined ? {} : { answers }),
      });
      expect(sent.status).toBe('SEND_OK');
    };
    await send('committed', 'commit');
    await send('rolled back', 'rollback');
    await send('asked, committed', 'unknown', 'commit');
    await send('asked, rolled back', 'unknown', 'rollback');

    const [first] = await driver.waitForMessages(consumer, 'the committed one', (m) => m.length > 0);
    expect(first).toMatchObject({
      ...{ text: 'committed', topic, tag: 'TagT', reconsumeTimes: 0, properties: { color: 'blau ß' } },
    });
    expect(first?.keys?.trim()).toBe('key-committed');
    await sleep(settleMs);
    expect(driver.texts(consumer)).toEqual(['committed']);

    await driver.waitForMessages(consumer, 'the one asked about', (m) => m.length >= 2, askedWithinMs);
    const asked = (text: string): readonly Decided[] =>
      driver.decisions(topic, text).filter((d) => d.event === 'check');
    await waitUntil(`${flavour}: both asked about`, () => asked('asked, rolled back').length > 0);
    await sleep(settleMs);
    expect(driver.texts(consumer)).toEqual(['committed', 'asked, committed']);
    for (const text of ['asked, committed', 'asked, rolled back']) {
      expect(asked(text)).toHaveLength(1);
      const waitedMs = (asked(text)[0]?.ts ?? 0) - (driver.decisions(topic, text)[0]?.ts ?? 0);
      console.info(`${flavour}: asked about "${text}" after ${waitedMs} ms`);
      expect(waitedMs).toBeGreaterThan(5000);
    }
    expect([...asked('committed'), ...asked('rolled back')]).toEqual([]);
    await driver.stopConsumer(consumer);
    await driver.stopProducer(producer);
  },
  200_000,
);

forEachFlavour(
  'transactions: the producer is killed, another member of its group answers',
  'transactions',
  async (flavour) => {
    const driver = world.driver(flavour);
    const victim = new Driver(flavour, `${flavour}-victim`);
    const topic = await world.topic('orphan');
    const [consumer, dies, stays] = [world.name('c-orphan'), world.name('p-dies'), world.name('p-stays')];
    const group = `PG_${dies}`;
    await driver.startConsumer(consumer, world.namesrv, { group: `GID_${consumer}`, topic });
    await victim.startTransactionProducer(dies, group, world.namesrv);
    const texts = ['one', 'two'];
    const unanswered = texts.map((body) =>
      victim.sendInTransaction(dies, topic, { body, decide: 'hang', answers: 'commit' }).catch(() => 'died'),
    );
    await waitUntil(`${flavour}: local transactions run`, () =>
      texts.every((text) => victim.decisions(topic, text).length === 1),
    );
    victim.kill();
    expect(await Promise.all(unanswered)).toEqual(['died', 'died']);
    expect(driver.texts(consumer)).toEqual([]);

    // its own first message makes the survivor known to the broker at once
    await driver.startTransactionProducer(stays, group, world.namesrv);
    await driver.sendInTransaction(stays, topic, { body: 'hello', decide: 'commit' });
    await driver.waitForMessages(consumer, 'the orphans', (m) => m.length >= 3, askedWithinMs);
    await sleep(settleMs);
    expect([...driver.texts(consumer)].sort()).toEqual(['hello', 'one', 'two']);
    for (const text of texts) {
      const calls = driver.decisions(topic, text);
      expect(calls).toEqual([expect.objectContaining({ event: 'check', producer: stays, says: 'commit' })]);
    }
    await driver.stopConsumer(consumer);
    await driver.stopProducer(stays);
  },
  200_000,
);
