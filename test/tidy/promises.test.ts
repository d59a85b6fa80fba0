// The promise matrix is worth as much as the tests it names.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PAGE = readFileSync(`${ROOT}docs/promises.md`, 'utf8');
const MATRIX = PAGE.split('\n').filter((line) => line.startsWith('|') && line.includes('`test/'));
const FAULTS = [
  'process killed',
  'power cut',
  'damaged sector',
  'disk full',
  'I/O error',
  'slow disk',
  'clock jumps',
];

test('every test and folder that the page names exists', () => {
  const named = [...PAGE.matchAll(/`(test\/[\w./-]+)`/g)].map(([, path]) => path ?? '');
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((path) => !existsSync(ROOT + path))).toEqual([]);
});

test('every fault has a row, and every row names a test for each kind of promise that differs', () => {
  for (const fault of FAULTS)
    expect(
      MATRIX.filter((line) => line.includes(fault)),
      fault,
    ).toHaveLength(1);
  for (const line of MATRIX) {
    const [, fault, ...cells] = line.split('|').slice(0, -1);
    expect(cells, fault).toHaveLength(3);
    for (const cell of cells) expect(cell, fault).toMatch(/`test\/[\w./-]+\.test\.ts`|as with sync/);
  }
});
