import { expect, test } from 'vitest';
import { DayTotals } from '@cometmq/broker/stats/day-totals';

const noon = (day: number): number => new Date(2026, 0, day, 12).getTime();

test('marks are taken when a new day begins, whatever its samples are', () => {
  const days = new DayTotals(noon(1));
  days.sample(noon(1) + 1_000, 10, 5);
  expect(days.puts).toEqual({ yesterdayMorning: 0, todayMorning: 0 });
  days.sample(noon(2), 30, 15);
  days.sample(noon(2) + 1_000, 31, 16);
  expect(days.puts).toEqual({ yesterdayMorning: 0, todayMorning: 30 });
  days.sample(noon(3), 70, 40);
  expect(days.puts).toEqual({ yesterdayMorning: 30, todayMorning: 70 });
  expect(days.gets).toEqual({ yesterdayMorning: 15, todayMorning: 40 });
});

test('a clock that steps back does not begin a day', () => {
  const days = new DayTotals(noon(2));
  days.sample(noon(1), 5, 5);
  expect(days.puts.todayMorning).toBe(0);
});
