import { describe, expect, test } from 'vitest';
import { durationMs, momentMs } from '@cometmq/client/options/duration';

describe('durationMs', () => {
  test.each([
    [250, 250],
    ['250ms', 250],
    ['3s', 3000],
    ['1.5s', 1500],
    ['15m', 900_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
  ] as const)('%s is %d ms', (value, ms) => {
    expect(durationMs(value, 'x')).toBe(ms);
  });

  test.each([-1, NaN, Infinity, '15 minutes', '-3s', '', 'm'])(
    '%s is refused with the option name',
    (value) => {
      expect(() => durationMs(value as '1s', 'timeout')).toThrow(/timeout/);
    },
  );
});

describe('momentMs', () => {
  const now = Date.UTC(2026, 0, 2);
  test('relative, absolute and ISO times', () => {
    expect(momentMs('-2h', now, 'x')).toBe(now - 7_200_000);
    expect(momentMs(new Date(5), now, 'x')).toBe(5);
    expect(momentMs(7, now, 'x')).toBe(7);
    expect(momentMs('2026-09-25T08:00+08:00', now, 'x')).toBe(Date.UTC(2026, 8, 25));
    expect(() => momentMs('yesterday', now, 'from')).toThrow(/from/);
  });
});
