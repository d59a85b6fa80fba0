import { afterEach, beforeEach, expect, test } from 'vitest';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { SdkWorld } from '../../../support/sdk-world.ts';

let world: SdkWorld;
beforeEach(async () => {
  world = await SdkWorld.start();
  world.broker.topic('t', 2);
});
afterEach(() => world.stop());

const consume: SdkWorld['consume'] = (...given) => world.consume(...given);

test('the watchdog restarts a queue whose pull never comes back', async () => {
  const stalled: number[] = [];
  const got: string[] = [];
  const worker = await consume((m) => void got.push(m.body.toString()), { stallAfter: '30s' });
  worker.on('stalled', ({ id }) => stalled.push(id));
  // Pulls fail without end; every other request is answered.
  world.broker.intercept = ({ code }) => (code === RequestCode.PULL_MESSAGE ? null : undefined);
  await world.clock.advance(75_000);
  expect(stalled.length).toBeGreaterThan(0);
  world.broker.intercept = () => undefined;
  world.broker.put('t', 0, 'x');
  await world.clock.advance(35_000);
  expect(got).toEqual(['x']);
});
