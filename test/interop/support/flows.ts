import { expect } from 'vitest';
import type { Acked, Driver, FlowStatus } from './driver.ts';
import { expectDelivered, type FlowCheck } from './flow-check.ts';
import { flavours, type Flavour } from './flavours.ts';
import { waitUntil } from './wait.ts';
import type { World } from './world.ts';

/** A running stream from a producer to a consumer of one client. */
export interface RunningFlow {
  readonly flavour: Flavour;
  readonly driver: Driver;
  readonly topic: string;
  readonly producer: string;
  readonly consumer: string;
  readonly prefix: string;
  readonly size: number;
}

/** Starts one stream for each client, each on a topic of its own. */
export async function startFlows(world: World, what: string, perSecond = 40): Promise<RunningFlow[]> {
  const flows: RunningFlow[] = [];
  for (const flavour of flavours) {
    const driver = world.driver(flavour);
    const topic = await world.topic(what);
    const [producer, consumer, prefix] = [world.name('p-flow'), world.name('c-flow'), world.name('f')];
    const size = 200;
    await driver.startProducer(producer, world.namesrv);
    await driver.startConsumer(consumer, world.namesrv, { group: `GID_${consumer}`, topic });
    await driver.startFlow(producer, producer, { topic, prefix, perSecond, outstanding: 4, size });
    flows.push({ flavour, driver, topic, producer, consumer, prefix, size });
  }
  for (const flow of flows)
    await flow.driver.waitForMessages(flow.consumer, 'the flow runs', (m) => m.length >= 20);
  return flows;
}

export const status = (flow: RunningFlow): Promise<FlowStatus> => flow.driver.flowStatus(flow.producer);

/** Waits until every flow has `more` acknowledgements than now. */
export async function expectProgress(
  flows: readonly RunningFlow[],
  more: number,
  deadlineMs: number,
): Promise<void> {
  await Promise.all(
    flows.map(async (flow) => {
      const before = await status(flow);
      let now = before;
      await waitUntil(
        () => `${flow.flavour}: ${more} acknowledgements more than ${before.acked}; ${JSON.stringify(now)}`,
        async () => {
          now = await status(flow);
          return now.acked >= before.acked + more;
        },
        deadlineMs,
      );
    }),
  );
}

/** Stops sending, waits until everything acknowledged was delivered, closes the clients. */
export async function finishFlows(
  flows: readonly RunningFlow[],
  inspect?: (flow: RunningFlow, acked: readonly Acked[], check: FlowCheck) => void,
): Promise<void> {
  await Promise.all(
    flows.map(async (flow) => {
      const { list, failed, lastError } = await flow.driver.stopFlow(flow.producer);
      const check = await expectDelivered(flow.driver, flow.consumer, flow, list);
      const received = flow.driver.messages(flow.consumer).length;
      const error = lastError === undefined ? '' : ` (${lastError.slice(0, 120)})`;
      console.info(
        `${flow.flavour}: ${list.length} acknowledged, ${failed} failed${error}, ${received} received of which ${received - check.delivered} again`,
      );
      expect(list.length).toBeGreaterThan(0);
      inspect?.(flow, list, check);
      await flow.driver.stopConsumer(flow.consumer);
      await flow.driver.stopProducer(flow.producer);
    }),
  );
}
