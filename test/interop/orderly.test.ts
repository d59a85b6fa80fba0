import { beforeAll, expect } from 'vitest';
import { Driver, type ReceivedMessage } from './support/driver.ts';
import { flowNumber } from './support/flow-check.ts';
import { forEachFlavour } from './support/flavours.ts';
import { waitUntil } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

const shards = 8;
let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

/** A key's messages may be repeated from an earlier one on, but never skip one. */
function disorder(prefix: string, messages: readonly ReceivedMessage[]): string[] {
  const faults: string[] = [];
  const newest = new Map<number, number>();
  for (const m of messages) {
    const n = flowNumber(prefix, 0, m.text);
    const shard = n % shards;
    const expected = newest.has(shard) ? (newest.get(shard) as number) + shards : shard;
    if (n > expected) faults.push(`${m.consumer}: ${m.text} before ${prefix}-${expected}`);
    newest.set(shard, Math.max(n, newest.get(shard) ?? -1));
  }
  return faults;
}

forEachFlavour(
  'orderly: order by key holds while a member is killed',
  'orderly',
  async (flavour) => {
    const driver = world.driver(flavour);
    const victim = new Driver(flavour, `${flavour}-victim`);
    const topic = await world.topic('orderly');
    const [stays, dies, producer] = [world.name('c-stays'), world.name('c-dies'), world.name('p-orderly')];
    const options = { group: `GID_${stays}`, topic, mode: 'orderly', delayMs: 5 } as const;
    await driver.startProducer(producer, world.namesrv);
    await victim.request('ready').catch(() => undefined); // its process has started
    // Both at once: a Go member does not unlock what it gives up, so the second would wait for the end of the locks, 60 s.
    await Promise.all([
      driver.startConsumer(stays, world.namesrv, options),
      victim.startConsumer(dies, world.namesrv, options),
    ]);
    const started = Date.now();
    await waitUntil(
      `${flavour}: two queues each`,
      async () =>
        (await driver.assigned(stays, topic)).length === 2 &&
        (await victim.assigned(dies, topic)).length === 2,
      90_000,
      250,
    );
    console.info(`${flavour}: two queues each after ${Date.now() - started} ms`);

    const prefix = world.name('o');
    // one outstanding send: the order of sending is known
    await driver.startFlow(producer, producer, { topic, prefix, shards, perSecond: 40, outstanding: 1 });
    await victim.waitForMessages(dies, 'forty messages before it dies', (m) => m.length >= 40);
    victim.kill();
    const killed = Date.now();
    await waitUntil(
      `${flavour}: all queues after the other was killed`,
      async () => (await driver.assigned(stays, topic)).length === 4,
      90_000,
      250,
    );
    console.info(`${flavour}: all queues assigned ${Date.now() - killed} ms after the kill`);
    const queuesOfDead = new Set(victim.messages(dies).map((m) => m.queueId));
    const takenOver = await driver.waitForMessages(
      stays,
      'messages from the queues of the killed member (its locks live 60 s)',
      (m) => m.some((x) => queuesOfDead.has(x.queueId) && x.ts > killed),
      120_000,
    );
    expect(takenOver.length).toBeGreaterThan(0);
    console.info(`${flavour}: first message from its queues ${Date.now() - killed} ms after the kill`);
    const { list, failed, lastError } = await driver.stopFlow(producer);
    expect([failed, lastError || '']).toEqual([0, '']);

    const everything = (): ReceivedMessage[] => [...victim.messages(dies), ...driver.messages(stays)];
    await waitUntil(
      () => `${flavour}: ${list.length} messages, ${new Set(everything().map((m) => m.text)).size} so far`,
      () => new Set(everything().map((m) => m.text)).size >= list.length,
      60_000,
    );
    console.info(`${flavour}: everything received ${Date.now() - killed} ms after the kill`);
    expect(everything().filter((m) => flowNumber(prefix, 0, m.text) < 0)).toEqual([]);
    // what the killed one saw of a key, then what the other saw of it
    const byQueue = (list_: ReceivedMessage[]): ReceivedMessage[] => list_.sort((a, b) => a.ts - b.ts);
    expect(disorder(prefix, byQueue(everything()))).toEqual([]);
    await driver.stopConsumer(stays);
    await driver.stopProducer(producer);
  },
  300_000,
);

forEachFlavour(
  'orderly: a failing message holds its queue back until it succeeds',
  'orderly',
  async (flavour) => {
    const driver = world.driver(flavour);
    const topic = await world.topic('suspend', 1);
    const [consumer, producer] = [world.name('c-suspend'), world.name('p-suspend')];
    await driver.startProducer(producer, world.namesrv);
    await driver.startConsumer(consumer, world.namesrv, {
      ...{ group: `GID_${consumer}`, topic, mode: 'orderly', failTimes: 1 },
    });
    const texts = ['one', 'two', 'three'];
    for (const text of texts) await driver.send(producer, topic, { body: text, shardingKey: 'k' });
    await driver.waitForMessages(consumer, 'each twice', (m) => m.filter((x) => !x.failing).length >= 3);
    expect(driver.texts(consumer)).toEqual(texts.flatMap((t) => [t, t]));
    await driver.stopConsumer(consumer);
    await driver.stopProducer(producer);
  },
);
