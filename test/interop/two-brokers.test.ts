import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectProgress, finishFlows, startFlows, status } from './support/flows.ts';
import { sleep } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => {
  world = await theWorld();
  await world.cluster.addBroker('broker-b');
}, 600_000);
afterAll(() => world.cluster.removeBroker('broker-b'), 60_000);

test('two brokers, one is killed: sends and consumption go on through the other', async () => {
  const flows = await startFlows(world, 'pair');
  await expectProgress(flows, 80, 30_000);
  await world.cluster.killBroker('broker-b');
  const received = flows.map((f) => f.driver.messages(f.consumer).length);
  await expectProgress(flows, 100, 60_000);
  for (const [i, flow] of flows.entries()) {
    await flow.driver.waitForMessages(
      flow.consumer,
      'messages through the broker that is left',
      (m) => m.filter((x, at) => at >= (received[i] ?? 0) && x.broker === 'broker-a').length >= 50,
    );
    console.info(`${flow.flavour}: ${JSON.stringify(await status(flow))} with one broker killed`);
  }
  await sleep(1000);
  await world.cluster.restartBroker('broker-b'); // what it had acknowledged is still there
  await finishFlows(flows, (flow, acked) => {
    const brokers = new Set(acked.map(([, broker]) => broker));
    expect([flow.flavour, [...brokers].sort()]).toEqual([flow.flavour, ['broker-a', 'broker-b']]);
  });
}, 300_000);
