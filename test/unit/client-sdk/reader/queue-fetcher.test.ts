import { expect, test } from 'vitest';
import { silentLogger } from '@cometmq/common/logging/logger';
import { Backoff } from '@cometmq/client/connection/backoff';
import { QueueFetcher } from '@cometmq/client/reader/queue-fetcher';
import { ManualClock } from '../../../support/manual-clock.ts';
import { SeededRandom } from '../../../support/seeded-random.ts';

test('a queue that can not be pulled is left alone for a while, then asked again', async () => {
  const clock = new ManualClock();
  let asked = 0;
  const fetcher = new QueueFetcher(
    {
      clock,
      log: silentLogger,
      queue: { topic: 'orders', brokerName: 'broker-a', queueId: 0 },
      backoff: new Backoff(new SeededRandom(), { firstMs: 100, maxMs: 3000 }),
      pull: () => {
        asked++;
        return Promise.reject(new Error('connection refused'));
      },
    },
    0,
  );
  await fetcher.fetch(0);
  await fetcher.fetch(0);
  expect(asked).toBe(1);
  await clock.advance(fetcher.retryAtMs - clock.monotonic());
  await fetcher.fetch(0);
  expect(asked).toBe(2);
});
