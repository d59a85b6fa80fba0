import { beforeAll, expect } from 'vitest';
import type { Driver } from './support/driver.ts';
import { forEachFlavour } from './support/flavours.ts';
import { sleep, waitUntil } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

async function sendTexts(
  driver: Driver,
  producer: string,
  topic: string,
  texts: readonly string[],
): Promise<void> {
  for (const text of texts) await driver.send(producer, topic, { body: text });
}

const numbered = (what: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${what} ${i}`);

/** Waits until the members hold so many queues of the topic, all different. */
function assignment(driver: Driver, topic: string, wanted: Readonly<Record<string, number>>): Promise<true> {
  let seen: unknown;
  return waitUntil(
    () =>
      `${driver.flavour}: queues of ${topic} shared as ${JSON.stringify(wanted)}, not ${JSON.stringify(seen)}`,
    async () => {
      const held: Record<string, string[]> = {};
      for (const member of Object.keys(wanted)) held[member] = await driver.assigned(member, topic);
      seen = held;
      const all = Object.values(held).flat();
      return (
        new Set(all).size === all.length && Object.entries(wanted).every(([m, n]) => held[m]?.length === n)
      );
    },
    90_000,
    250,
  );
}

forEachFlavour('clustering: two members share the queues, one leaves', 'push', async (flavour) => {
  const driver = world.driver(flavour);
  const topic = await world.topic('cluster');
  const [one, two, producer] = [world.name('c-one'), world.name('c-two'), world.name('p-cluster')];
  const group = `GID_${one}`;
  await driver.startProducer(producer, world.namesrv);
  await driver.startConsumer(one, world.namesrv, { group, topic });
  await assignment(driver, topic, { [one]: 4 });
  await driver.startConsumer(two, world.namesrv, { group, topic });
  await assignment(driver, topic, { [one]: 2, [two]: 2 });

  const shared = numbered('shared', 40);
  await sendTexts(driver, producer, topic, shared);
  await waitUntil(
    () => `${flavour}: 40 messages; ${driver.texts(one).length} + ${driver.texts(two).length} so far`,
    () => driver.texts(one).length + driver.texts(two).length >= shared.length,
  );
  expect([...driver.texts(one), ...driver.texts(two)].sort()).toEqual([...shared].sort());
  const queues = (c: string): Set<number> => new Set(driver.messages(c).map((m) => m.queueId));
  expect([queues(one).size, queues(two).size]).toEqual([2, 2]);
  expect(new Set([...queues(one), ...queues(two)]).size).toBe(4);

  await driver.stopConsumer(two);
  const left = Date.now();
  await assignment(driver, topic, { [one]: 4 });
  console.info(`${flavour}: rebalanced ${Date.now() - left} ms after a member left`);
  const alone = numbered('alone', 20);
  await sendTexts(driver, producer, topic, alone);
  await driver.waitForMessages(one, 'the rest', (m) => alone.every((t) => m.some((x) => x.text === t)));
  await driver.stopConsumer(one);
  await driver.stopProducer(producer);
});

forEachFlavour('broadcasting: each member gets every message', 'broadcasting', async (flavour) => {
  const driver = world.driver(flavour);
  const topic = await world.topic('broadcast');
  const [one, two, producer] = [world.name('c-one'), world.name('c-two'), world.name('p-broadcast')];
  const group = `GID_${one}`;
  await driver.startProducer(producer, world.namesrv);
  for (const c of [one, two])
    await driver.startConsumer(c, world.namesrv, { group, topic, model: 'broadcasting' });
  await assignment(driver, topic, { [one]: 4 });
  await assignment(driver, topic, { [two]: 4 });
  const texts = numbered('to all', 20);
  await sendTexts(driver, producer, topic, texts);
  for (const c of [one, two]) {
    await driver.waitForMessages(c, 'all twenty', (m) => m.length >= texts.length);
    expect(driver.texts(c).sort()).toEqual([...texts].sort());
    await driver.stopConsumer(c);
  }
  await driver.stopProducer(producer);
});

forEachFlavour('tag filter', 'push', async (flavour) => {
  const driver = world.driver(flavour);
  const topic = await world.topic('tags');
  const [consumer, producer] = [world.name('c-tags'), world.name('p-tags')];
  await driver.startProducer(producer, world.namesrv);
  const options = { group: `GID_${consumer}`, topic, expression: 'TagA || TagB' };
  await driver.startConsumer(consumer, world.namesrv, options);
  for (const i of [0, 1, 2, 3, 4]) {
    for (const tag of ['TagA', 'TagB', 'TagC'])
      await driver.send(producer, topic, { body: `${tag} ${i}`, tag });
  }
  for (const queueId of [0, 1, 2, 3])
    await driver.send(producer, topic, { body: `last ${queueId}`, tag: 'TagA', queueId });
  const got = await driver.waitForMessages(consumer, 'A and B', (m) => m.length >= 14);
  await sleep(500);
  expect(got.filter((m) => m.tag !== 'TagA' && m.tag !== 'TagB')).toEqual([]);
  const wanted = [0, 1, 2, 3, 4].flatMap((i) => [`TagA ${i}`, `TagB ${i}`]);
  expect(driver.texts(consumer).sort()).toEqual([...wanted, 'last 0', 'last 1', 'last 2', 'last 3'].sort());
  await driver.stopConsumer(consumer);
  await driver.stopProducer(producer);
});

forEachFlavour('a restarted consumer goes on where it stopped', 'push', async (flavour) => {
  const driver = world.driver(flavour);
  const topic = await world.topic('resume');
  const [before, after, producer] = [world.name('c-before'), world.name('c-after'), world.name('p-resume')];
  const group = `GID_${before}`;
  await driver.startProducer(producer, world.namesrv);
  await driver.startConsumer(before, world.namesrv, { group, topic });
  const first = numbered('first', 20);
  await sendTexts(driver, producer, topic, first);
  await driver.waitForMessages(before, 'the first twenty', (m) => m.length >= first.length);
  await sleep(300); // the last listener returns
  await driver.stopConsumer(before);

  const second = numbered('second', 20);
  await sendTexts(driver, producer, topic, second);
  await driver.startConsumer(after, world.namesrv, { group, topic });
  await driver.waitForMessages(after, 'the second twenty', (m) => m.length >= second.length);
  await sleep(1000);
  expect(driver.texts(after).sort()).toEqual([...second].sort());
  await driver.stopConsumer(after);
  await driver.stopProducer(producer);
});
