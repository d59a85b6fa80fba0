import { describe, expect, it } from 'vitest';
import * as format from '../../../../console/web/logic/format.ts';

describe('format', () => {
  it('shows a dash for unknown and 0 for 0', () => {
    const all = [
      format.formatCount,
      format.formatShort,
      format.formatRate,
      format.formatBytes,
      format.formatPercent,
      format.formatDuration,
    ];
    for (const one of all) {
      expect(one(undefined)).toBe('–');
      expect(one(0)).toMatch(/^0/);
    }
  });

  it.each([
    [950, '950'],
    [999.6, '1k'],
    [1_234, '1.23k'],
    [12_345, '12.3k'],
    [123_456, '123k'],
    [18_400_000, '18.4M'],
    [2_100_000_000, '2.1G'],
  ])('%d is %s', (value, text) => {
    expect(format.formatShort(value)).toBe(text);
  });

  it('groups digits and keeps small rates apart from none', () => {
    expect(format.formatCount(1_234_567)).toBe('1\u2009234\u2009567');
    expect(format.formatRate(0.02)).toBe('<0.1');
    expect(format.formatRate(1.26)).toBe('1.3');
  });

  it.each([
    [120, '120 ms'],
    [1_400, '1.4 s'],
    [59_999, '59 s'],
    [60_000, '1 min'],
    [125_000, '2 min 5 s'],
    [2 * 3_600_000 + 60_000, '2 h 1 min'],
    [76 * 3_600_000, '3 d 4 h'],
  ])('%d ms is %s', (ms, text) => {
    expect(format.formatDuration(ms)).toBe(text);
  });

  it('says when a lag will be gone', () => {
    expect(format.drainMs(100, 10, 20)).toBe(10_000);
    expect(format.drainMs(100, 20, 20)).toBe(Infinity);
    expect(format.drainMs(0, 20, 0)).toBe(0);
    expect(format.drainMs(0, undefined, undefined)).toBe(0);
    expect(format.drainMs(100, undefined, 20)).toBeUndefined();
    expect(format.drainMs(undefined, 10, 20)).toBeUndefined();
  });

  it('shows the day only when it is another one', () => {
    const now = new Date(2026, 10, 21, 12, 0, 0).getTime();
    expect(format.formatLocal(now - 1_000, now)).toBe('11:59:59');
    expect(format.formatLocal(new Date(2026, 10, 20, 1, 2, 3).getTime(), now)).toBe('11-20 01:02:03');
    expect(format.formatLocal(new Date(2025, 0, 2, 3, 4, 5).getTime(), now)).toBe('2025-01-02 03:04:05');
  });
});
