import { expect, test } from 'vitest';
import { parseDuration, parseSize } from '@cometmq/common/config/units';

test.each([
  ['500ms', 500],
  ['1.5s', 1500],
  ['15m', 900_000],
  ['1h30m', 5_400_000],
  ['2d', 172_800_000],
  ['1 h 5 s', 3_605_000],
  ['', undefined],
  ['5', undefined],
  ['5 minutes', undefined],
  ['-5s', undefined],
])('duration %j', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

test.each([
  ['1024', 1024],
  ['4MiB', 4_194_304],
  ['64k', 65_536],
  ['1.5 GiB', 1_610_612_736],
  ['2kb', 2000],
  ['-1', undefined],
  ['lots', undefined],
  ['4 TB', undefined],
])('size %j', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});
