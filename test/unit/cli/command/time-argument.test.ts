import { expect, test } from 'vitest';
import { formatTime, parseTime } from 'cometmq/command/time-argument';

const NOW = 1_790_000_000_000;

test.each([
  ['now', NOW],
  ['-2h', NOW - 7_200_000],
  ['+1h30m', NOW + 5_400_000],
  ['1790000000123', 1_790_000_000_123],
  ['2026-09-25T10:00+08:00', Date.UTC(2026, 8, 25, 2)],
  ['2026-09-25T10:00:00Z', Date.UTC(2026, 8, 25, 10)],
  ['2026-09-25', new Date(2026, 8, 25).getTime()],
  ['2026-09-25 10:00', new Date(2026, 8, 25, 10).getTime()],
  ['2026-09-25#10:00:00:123', new Date(2026, 8, 25, 10, 0, 0, 123).getTime()],
  ['-2x', undefined],
  ['-', undefined],
  ['yesterday', undefined],
  ['2026-13-45', undefined],
  ['12', undefined],
])('%s', (text, ms) => {
  expect(parseTime(text, NOW)).toBe(ms);
});

test.each([
  [NOW, 'epoch', '1790000000000'],
  [NOW, 'utc', '2026-09-21T14:13:20.000Z'],
  [NOW - 125_000, 'rel', '2 m ago'],
  [NOW + 7_200_000, 'rel', 'in 2 h'],
  [NOW - 3, 'rel', '3 ms ago'],
  [0, 'utc', '-'],
  [-1, 'local', '-'],
] as const)('%i in style %s', (ms, style, text) => {
  expect(formatTime(ms, style, NOW)).toBe(text);
});

test('local times read back', () => {
  const text = formatTime(NOW + 7, 'local', NOW);
  expect(text).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.007$/);
  expect(parseTime(text, NOW)).toBe(NOW + 7);
});
