import { expect, test } from 'vitest';
import { StatsItem } from '@cometmq/broker/stats/stats-item';

const START = Date.UTC(2026, 0, 2, 3, 4, 5);
const SECOND_MS = 1_000;
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

test('hour and day show what was just counted', () => {
  const item = new StatsItem();
  item.add(START, 3);
  const sums = item.sums(START + SECOND_MS);
  expect(sums).toEqual({ minute: 3, hour: 3, day: 3 });
});

test('what is older than a span leaves its sum', () => {
  const item = new StatsItem();
  item.add(START, 5);
  expect(item.sums(START + 2 * MINUTE_MS)).toEqual({ minute: 0, hour: 5, day: 5 });
  expect(item.sums(START + 70 * MINUTE_MS)).toEqual({ minute: 0, hour: 0, day: 5 });
  expect(item.sums(START + 25 * HOUR_MS)).toEqual({ minute: 0, hour: 0, day: 0 });
  expect(item.total).toBe(5);
});

test('a steady rate gives sums in proportion', () => {
  const item = new StatsItem();
  const end = START + 30 * HOUR_MS;
  for (let now = START; now < end; now += 10 * SECOND_MS) item.add(now, 10);
  const { minute, hour, day } = item.sums(end);
  expect(minute).toBe(60);
  expect(hour).toBeGreaterThanOrEqual(3_000);
  expect(hour).toBeLessThanOrEqual(3_600 + 60);
  expect(day).toBeGreaterThanOrEqual(23 * 3_600);
  expect(day).toBeLessThanOrEqual(24 * 3_600 + 60);
});

test('a long silence does not bring old counts back', () => {
  const item = new StatsItem();
  item.add(START, 7);
  item.add(START + 100 * HOUR_MS, 1);
  expect(item.sums(START + 100 * HOUR_MS + SECOND_MS)).toEqual({ minute: 1, hour: 1, day: 1 });
});

test('a clock that steps back loses nothing', () => {
  const item = new StatsItem();
  item.add(START, 1);
  item.add(START - HOUR_MS, 1);
  expect(item.total).toBe(2);
  expect(item.sums(START + SECOND_MS).day).toBe(2);
});
