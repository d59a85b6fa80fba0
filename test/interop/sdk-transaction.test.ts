import { beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '@cometmq/client';
import { sleep, waitUntil } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

// Apache's broker asks in rounds of 30 s about what is older than 6 s.
const askedWithinMs = 75_000;
const settleMs = 2000;

describe('SDK transactional producer', () => {
  test('what is committed is received by Java, what is rolled back never, what is unknown is asked about', async () => {
    const driver = world.driver('java-5.4.0');
    const topic = await world.topic('sdk-transaction');
    const consumer = world.name('c-sdktx');
    await driver.startConsumer(consumer, world.namesrv, {
      group: `GID_${consumer}`,
      topic,
      withProperties: true,
    });
    const mq = createClient({ nameServers: world.namesrv });
    const asked: string[] = [];
    const producer = mq.transactional({
      group: world.name('PG_sdktx'),
      check: (message) => {
        asked.push(message.body.toString());
        return message.properties.get('answer') === 'commit' ? 'commit' : 'rollback';
      },
    });
    const send = (body: string, outcome: 'commit' | 'rollback' | 'unknown', answer = 'none') =>
      producer.sendInTransaction(topic, { body, keys: [body], properties: { answer } }, () => outcome);
    expect(await send('committed', 'commit')).toMatchObject({ outcome: 'commit', confirmed: true });
    expect(await send('dropped', 'rollback')).toMatchObject({ outcome: 'rollback', confirmed: true });
    const { messageId } = await send('asked-commit', 'unknown', 'commit');
    await send('asked-rollback', 'unknown', 'rollback');
    await waitUntil('both asked about', () => asked.length >= 2, askedWithinMs);
    await driver.waitForMessages(consumer, 'the committed ones', (messages) => messages.length >= 2, 30_000);
    await sleep(settleMs);
    expect(driver.texts(consumer).sort()).toEqual(['asked-commit', 'committed']);
    expect(driver.messages(consumer).find(({ text }) => text === 'asked-commit')?.msgId).toBe(messageId);
    expect(asked.sort()).toEqual(['asked-commit', 'asked-rollback']);
    await mq.close();
    await driver.stopConsumer(consumer);
  }, 200_000);
});
