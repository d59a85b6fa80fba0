import { expect, test } from 'vitest';
import { editDistance } from '@cometmq/common/text/edit-distance';

test.each([
  ['', '', 0],
  ['list', 'lst', 1],
  ['topic', 'topics', 1],
  ['kitten', 'sitting', 3],
  ['', 'abc', 3],
])('%s and %s', (a, b, distance) => {
  expect(editDistance(a, b)).toBe(distance);
  expect(editDistance(b, a)).toBe(distance);
});
