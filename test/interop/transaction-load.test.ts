import { beforeAll, describe, expect, test } from 'vitest';
import { sleep, waitUntil } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

const count = 2000;
const threads = 16;
// The first question comes when a message is 6 s old, a second one would come 30 s later.
const askedWithinMs = 75_000;
const secondQuestionMs = 33_000;

describe.concurrent(
  `${count} transactions of ${threads} threads: none is asked about that was decided, and none twice`,
  () => {
    test.each(['java-5.4.0', 'java-4.9.8'] as const)(
      '%s',
      async (flavour) => {
        const driver = world.driver(flavour);
        const topic = await world.topic('transaction-load');
        const [producer, consumer, prefix] = [
          world.name('p-load'),
          world.name('c-load'),
          `${world.name('t')}-`,
        ];
        await driver.startConsumer(consumer, world.namesrv, { group: `GID_${consumer}`, topic });
        const load = { group: `PG_${producer}`, namesrv: world.namesrv, topic, prefix, count, threads };
        const startedAt = Date.now();
        expect(await driver.runTransactionLoad(producer, load)).toMatchObject({ sent: count, failed: 0 });
        const seconds = (Date.now() - startedAt) / 1000;
        const asked = count / 5;
        await waitUntil(
          `${flavour}: all that are open were asked about`,
          async () => (await driver.transactionCounts(producer)).checks >= asked,
          askedWithinMs,
        );
        await sleep(secondQuestionMs);
        const counts = await driver.transactionCounts(producer);
        console.info(`${flavour}: ${(count / seconds).toFixed(0)} transactions/s, ${JSON.stringify(counts)}`);
        expect(counts).toMatchObject({ checks: asked, unexpected: 0, duplicate: 0 });
        const committed = Array.from({ length: count }, (_, n) => n).filter(
          (n) => n % 10 < 5 || n % 10 === 8,
        );
        const texts = driver.texts(consumer).map((text) => Number(text.slice(prefix.length)));
        expect(texts.sort((a, b) => a - b)).toEqual(committed);
        await driver.stopTransactionLoad(producer);
        await driver.stopConsumer(consumer);
      },
      300_000,
    );
  },
);
