import { describe, expect, it } from 'vitest';
import { selfTimes } from '../../../bench/src/report/cpu-profile.ts';
import { Histogram } from '../../../bench/src/report/histogram.ts';
import { busyUsOfStat, cpuUsOfStat } from '../../../bench/src/report/process-usage.ts';
import { ratioSpread, spreadOf, spreadText } from '../../../bench/src/report/spread.ts';

describe('histogram', () => {
  it('tells small values exactly', () => {
    const histogram = new Histogram();
    for (let value = 1; value <= 50; value++) histogram.add(value);
    expect(histogram.quantile(0.5)).toBe(25);
    expect(histogram.quantile(0.99)).toBe(50);
    expect(histogram.quantile(0)).toBe(1);
    expect(histogram.max).toBe(50);
  });

  it('is never below the true quantile and at most one thirty-second above it', () => {
    const histogram = new Histogram();
    const values = Array.from({ length: 10_000 }, (_, index) => Math.round(1.0015 ** index));
    for (const value of values) histogram.add(value);
    for (const share of [0.001, 0.1, 0.5, 0.9, 0.99, 0.999, 1]) {
      const exact = values[Math.ceil(share * values.length) - 1] ?? 0;
      expect(histogram.quantile(share)).toBeGreaterThanOrEqual(exact);
      expect(histogram.quantile(share)).toBeLessThanOrEqual(exact * (1 + 1 / 32));
    }
  });

  it('has a bucket for every value', () => {
    for (const value of [0, 31, 32, 63, 64, 65, 127, 128, 1_000_000, 2 ** 31 - 1, 2 ** 40, -5]) {
      const histogram = new Histogram();
      histogram.add(value);
      const counted = Math.min(Math.max(value, 0), 2 ** 31 - 1);
      expect(histogram.quantile(0.5)).toBe(counted);
    }
  });

  it('survives the way between processes and adds up', () => {
    const [first, second] = [new Histogram(), new Histogram()];
    for (const value of [10, 20, 30]) first.add(value);
    for (const value of [40, 5_000]) second.add(value);
    const merged = Histogram.from(JSON.parse(JSON.stringify(first)) as ReturnType<Histogram['toJSON']>);
    merged.merge(Histogram.from(second.toJSON()));
    expect(merged.count).toBe(5);
    expect(merged.quantile(0.5)).toBe(30);
    expect(merged.quantile(1)).toBe(5_000);
  });

  it('knows nothing when nothing was counted', () => {
    expect(new Histogram().quantile(0.5)).toBeNaN();
  });
});

describe('spread', () => {
  it('is the middle and the ends', () => {
    expect(spreadOf([3, 1, 2])).toEqual({ median: 2, min: 1, max: 3 });
    expect(spreadOf([4, 1, 2, 3])).toEqual({ median: 2.5, min: 1, max: 4 });
    expect(spreadOf([7])).toEqual({ median: 7, min: 7, max: 7 });
  });

  it('leaves out what was not measured', () => {
    expect(spreadOf([Number.NaN, 5, 6, 7])).toEqual({ median: 6, min: 5, max: 7 });
    expect(spreadText(spreadOf([Number.NaN]))).toBe('–');
    expect(spreadText(spreadOf([]))).toBe('–');
  });

  it('compares round with round', () => {
    expect(ratioSpread([100, 300, 80], [50, 100, 80])).toEqual({ median: 2, min: 1, max: 3 });
  });

  it('prints with thousands', () => {
    expect(spreadText({ median: 123_456.4, min: 1_000, max: 200_000 })).toBe('123,456 [1,000..200,000]');
    expect(spreadText({ median: 6.018, min: 5.9, max: 7 }, 2)).toBe('6.02 [5.90..7.00]');
  });
});

describe('process usage', () => {
  it('reads user and system time behind a name with spaces and parentheses', () => {
    const stat = '42 (node (x) y) S 1 42 42 0 -1 4194304 9 8 7 6 150 50 3 2 20 0 11 0 100 200 300';
    expect(cpuUsOfStat(stat)).toBe(2_000_000);
  });

  it('is NaN without /proc', () => {
    expect(cpuUsOfStat('')).toBeNaN();
    expect(busyUsOfStat('')).toBeNaN();
  });

  it('counts everything but idle, iowait and guests as busy', () => {
    expect(busyUsOfStat('cpu  10 1 5 1000 200 2 3 4 50 60\ncpu0 1 1')).toBe(250_000);
  });
});

describe('CPU profile', () => {
  it('adds up self times and leaves out idle time', () => {
    const frame = (functionName: string, url = '', lineNumber = -1): object => ({
      functionName,
      url,
      lineNumber,
    });
    const profile = {
      nodes: [
        { id: 1, callFrame: frame('(idle)') },
        { id: 2, callFrame: frame('work', 'file:///a/b/c/d.js', 9) },
        { id: 3, callFrame: frame('work', 'file:///a/b/c/d.js', 9) },
        { id: 4, callFrame: frame('', 'node:net', 0) },
      ],
      samples: [1, 2, 3, 4],
      timeDeltas: [0, 500, 100, 50, 50],
    } as Parameters<typeof selfTimes>[0];
    expect(selfTimes(profile)).toEqual([
      { place: 'work  b/c/d.js:10', share: 0.75 },
      { place: '(anonymous)  node:net:1', share: 0.25 },
    ]);
  });
});
