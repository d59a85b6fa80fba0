import { expect, test } from 'vitest';
import { delayLevelFor, exponential } from '@cometmq/client/consumer/delay-level';
import { SeededRandom } from '../../../support/seeded-random.ts';

test.each([
  [0, 1],
  [1000, 1],
  [1001, 2],
  [20_000, 4],
  [60_000, 5],
  [601_000, 15],
  [7_200_000, 18],
  [90_000_000, 18],
])('%d ms needs level %d', (delayMs, level) => {
  expect(delayLevelFor(delayMs)).toBe(level);
});

test('exponential doubles to its maximum; jitter takes off at most half', () => {
  const backoff = exponential('1s', { max: '10s' });
  expect([1, 2, 3, 4, 5, 60].map(backoff)).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  const jittered = exponential('8s', { jitter: true, random: new SeededRandom() });
  for (let n = 0; n < 50; n++) {
    expect(jittered(1)).toBeGreaterThanOrEqual(4000);
    expect(jittered(1)).toBeLessThanOrEqual(8000);
  }
});
