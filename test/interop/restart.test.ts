import { beforeAll, expect, test } from 'vitest';
import { flavours } from './support/flavours.ts';
import { expectProgress, finishFlows, startFlows, status } from './support/flows.ts';
import { sleep } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

test('the name server is killed and comes back empty: flows go on, new clients find everything', async () => {
  const flows = await startFlows(world, 'namesrv');
  const failedBefore = await Promise.all(flows.map(async (f) => (await status(f)).failed));
  await world.cluster.killNamesrv();
  await expectProgress(flows, 80, 30_000);
  await world.cluster.restartNamesrv();
  await expectProgress(flows, 80, 30_000);
  const failedAfter = await Promise.all(flows.map(async (f) => (await status(f)).failed));
  expect(failedAfter).toEqual(failedBefore);

  await Promise.all(
    flavours.map(async (flavour, i) => {
      const driver = world.driver(flavour);
      const topic = flows[i]?.topic ?? '';
      const [producer, consumer] = [world.name('p-late'), world.name('c-late')];
      await world.cluster.waitForTopic(topic);
      await driver.startProducer(producer, world.namesrv);
      // a group of its own on the same topic sees the flow from its beginning
      await driver.startConsumer(consumer, world.namesrv, { group: `GID_${consumer}`, topic });
      await driver.waitForMessages(consumer, 'messages for the late group', (m) => m.length >= 40);
      await driver.stopConsumer(consumer);
      await driver.stopProducer(producer);
    }),
  );
  await finishFlows(flows);
}, 300_000);

for (const [how, stop] of [
  ['stopped in order', 'stopBroker'],
  ['killed', 'killBroker'],
] as const) {
  test(`the broker is ${how} and started again in the middle: nothing acknowledged is lost`, async () => {
    const flows = await startFlows(world, 'broker');
    await sleep(1000);
    await world.cluster[stop]('broker-a');
    await sleep(2000);
    await world.cluster.restartBroker('broker-a');
    const started = Date.now();
    await expectProgress(flows, 40, 90_000);
    console.info(`all flows had 40 acknowledgements ${Date.now() - started} ms after the broker was back`);
    await finishFlows(flows);
  }, 300_000);
}
