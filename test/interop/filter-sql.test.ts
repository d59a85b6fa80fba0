import { beforeAll, describe, expect, test } from 'vitest';
import { DriverError } from './support/driver.ts';
import { flavours } from './support/flavours.ts';
import { sleep } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

const SUBSCRIPTION_PARSE_FAILED = 23;
/** What must not be delivered gets this long to come all the same. */
const settleMs = 1500;

/** Name of each message, and its properties. */
const messages: readonly (readonly [string, Record<string, string>])[] = [
  ['small', { amount: '5', region: 'eu' }],
  ['large', { amount: '50', region: 'eu' }],
  ['elsewhere', { amount: '50', region: 'asia' }],
  ['words', { amount: 'many', region: 'us' }],
  ['nothing', {}],
  ['quoted', { region: "it's" }],
  ['precise', { amount: '50.5', region: 'us' }],
];

const filters: readonly (readonly [string, readonly string[]])[] = [
  ["amount > 10 AND region IN ('eu', 'us')", ['large']],
  ["amount > 10.0 AND region IN ('eu', 'us')", ['large', 'precise']],
  ['amount BETWEEN 5 AND 49 OR region IS NULL', ['small', 'nothing']],
  ["NOT (region = 'eu') -- but not where it is missing\n", ['elsewhere', 'words', 'quoted', 'precise']],
  ["region = 'it''s' OR TAGS = 'T-words'", ['words', 'quoted']],
  ["region STARTSWITH 'as' OR region ENDSWITH 's'", ['elsewhere', 'words', 'quoted', 'precise']],
];

describe.each(flavours)('SQL92 with %s', (flavour) => {
  test('messages are chosen by their properties, those there before and those that a pull waits for', async () => {
    const driver = world.driver(flavour);
    const producer = world.name('p-sql');
    await driver.startProducer(producer, world.namesrv);
    await Promise.all(
      filters.map(async ([expression, wanted]) => {
        const topic = await world.topic('sql', 2);
        const consumer = world.name('c-sql');
        const send = async (suffix: string): Promise<void> => {
          for (const [name, properties] of messages)
            await driver.send(producer, topic, { body: `${name}${suffix}`, tag: `T-${name}`, properties });
        };
        await send('');
        await driver.startConsumer(consumer, world.namesrv, {
          ...{ group: `GID_${consumer}`, topic, expression, expressionType: 'SQL92' },
        });
        await driver.waitForMessages(consumer, expression, (m) => m.length >= wanted.length);
        await send(' later');
        await driver.waitForMessages(consumer, expression, (m) => m.length >= 2 * wanted.length);
        await sleep(settleMs);
        expect([...driver.texts(consumer)].sort(), expression).toEqual(
          wanted.flatMap((name) => [name, `${name} later`]).sort(),
        );
        await driver.stopConsumer(consumer);
      }),
    );
    await driver.stopProducer(producer);
  });

  test('a message that was wanted is delivered again after a failure', async () => {
    const driver = world.driver(flavour);
    const topic = await world.topic('sql-retry', 1);
    const [producer, consumer] = [world.name('p-sql-retry'), world.name('c-sql-retry')];
    await driver.startProducer(producer, world.namesrv);
    await driver.startConsumer(consumer, world.namesrv, {
      ...{
        group: `GID_${consumer}`,
        topic,
        expression: 'amount > 10',
        expressionType: 'SQL92',
        failTimes: 1,
      },
    });
    for (const amount of ['5', '50'])
      await driver.send(producer, topic, { body: amount, properties: { amount } });
    await driver.waitForMessages(consumer, 'again', (m) => m.length >= 2, 90_000);
    expect(driver.texts(consumer)).toEqual(['50', '50']);
    await driver.stopConsumer(consumer);
    await driver.stopProducer(producer);
  });
});

describe.each(['java-5.4.0', 'java-4.9.8'] as const)('bad SQL92 with %s', (flavour) => {
  test.each([
    ['a > ', 'character 5'],
    ["a > 'x'", 'character 5'],
    ["a IN ('x'", 'character 10'],
    ['a BETWEEN 3 AND 1', 'character 11'],
  ])('%s is refused when the consumer starts', async (expression, place) => {
    const topic = await world.topic('sql-bad', 1);
    const consumer = world.name('c-sql-bad');
    const options = { group: `GID_${consumer}`, topic, expression, expressionType: 'SQL92' } as const;
    const error: unknown = await world
      .driver(flavour)
      .startConsumer(consumer, world.namesrv, options)
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DriverError);
    expect(error).toMatchObject({ code: SUBSCRIPTION_PARSE_FAILED });
    if (world.cluster.target === 'comet') expect((error as DriverError).message).toContain(place);
  });
});
