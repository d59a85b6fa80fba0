import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectDelivered } from './support/flow-check.ts';
import { sleep, waitUntil } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

const kills = 10;
const size = 1024;
let world: World;
beforeAll(async () => {
  world = await theWorld();
  await world.freshCluster();
}, 600_000);
// nothing that went wrong here shall reach the other files
afterAll(async () => {
  await world.freshCluster();
}, 120_000);

test(`${kills} kill -9 of the broker under load: every acknowledged message is delivered, none is altered`, async () => {
  const sender = world.driver('java-5.4.0');
  const reader = world.driver('java-4.9.8');
  const topic = await world.topic('kill', 8);
  const [producer, during, after, prefix] = [
    ...[world.name('p-kill'), world.name('c-during'), world.name('c-after'), world.name('k')],
  ] as [string, string, string, string];
  await sender.startProducer(producer, world.namesrv, { retries: 0 });
  await reader.startConsumer(during, world.namesrv, { group: `GID_${during}`, topic });
  await sender.startFlow(producer, producer, { topic, prefix, size, perSecond: 2000, outstanding: 64 });

  const acknowledged = async (): Promise<number> => (await sender.flowStatus(producer)).acked;
  const progress = async (more: number): Promise<void> => {
    const goal = (await acknowledged()) + more;
    await waitUntil(`${goal} acknowledgements`, async () => (await acknowledged()) >= goal, 60_000);
  };
  await progress(1000);
  for (let kill = 1; kill <= kills; kill++) {
    await sleep(200 + 137 * kill); // at a different moment of the broker's checkpoint each time
    await world.cluster.killBroker('broker-a');
    const started = Date.now();
    await world.cluster.restartBroker('broker-a');
    const back = Date.now();
    await progress(500);
    console.info(
      `kill ${kill}: registered after ${back - started} ms, sends flow after ${Date.now() - started} ms`,
    );
  }
  const { list, failed } = await sender.stopFlow(producer);
  console.info(`${list.length} acknowledged, ${failed} failed`);
  expect(list.length).toBeGreaterThan(kills * 500);

  // a group that was there all the time, and one that reads everything afterwards
  await reader.startConsumer(after, world.namesrv, { group: `GID_${after}`, topic });
  for (const consumer of [after, during]) {
    const check = await expectDelivered(reader, consumer, { prefix, size }, list, 120_000);
    const received = reader.messages(consumer).length;
    console.info(
      `${consumer}: ${received} received, ${check.delivered} different, ${list.length} acknowledged`,
    );
  }
  // read once from first to last: nothing twice at the same place, no gap in a queue
  const offsets = new Map<number, number[]>();
  for (const m of reader.messages(after))
    offsets.set(m.queueId, [...(offsets.get(m.queueId) ?? []), m.queueOffset]);
  for (const list_ of offsets.values()) {
    const sorted = list_.sort((a, b) => a - b);
    expect(sorted.findIndex((o, i) => o !== i)).toBe(-1);
  }
  await reader.stopConsumer(after);
  await reader.stopConsumer(during);
  await sender.stopProducer(producer);
}, 600_000);
