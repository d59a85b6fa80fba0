import { beforeEach, expect, test } from 'vitest';
import { SummarizedLog } from '@cometmq/common/logging/summarized-log';
import { ManualClock } from '../../../support/manual-clock.ts';
import { RecordingLogger } from '../../../support/recording-logger.ts';

let clock: ManualClock;
let logger: RecordingLogger;
let log: SummarizedLog;

beforeEach(() => {
  clock = new ManualClock();
  logger = new RecordingLogger();
  log = new SummarizedLog(logger, clock, 30_000);
});

test('the first line is written at once, those of a period as one', async () => {
  for (let n = 1; n <= 5; n++) log.error({ n }, 'damaged');
  log.warn({}, 'another kind');
  expect(logger.lines).toEqual([
    { level: 'error', text: 'damaged', n: 1 },
    { level: 'warn', text: 'another kind' },
  ]);
  await clock.advance(30_000);
  expect(logger.lines.slice(2)).toEqual([{ level: 'error', text: 'damaged', n: 5, times: 4 }]);
  log.error({ n: 6 }, 'damaged');
  await clock.advance(30_000);
  expect(logger.lines.slice(3)).toEqual([{ level: 'error', text: 'damaged', n: 6, times: 1 }]);
});

test('after a quiet period a line is written at once again', async () => {
  log.error({ n: 1 }, 'damaged');
  await clock.advance(30_000);
  log.error({ n: 2 }, 'damaged');
  expect(logger.lines.map(({ n }) => n)).toEqual([1, 2]);
});

test('closing writes what waits and leaves no timer behind', async () => {
  log.error({ n: 1 }, 'damaged');
  log.error({ n: 2 }, 'damaged');
  log.close();
  expect(logger.lines).toHaveLength(2);
  await clock.advance(60_000);
  expect(logger.lines).toHaveLength(2);
});
