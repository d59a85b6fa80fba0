// The closing line of .ci/run decides whether a change is good, so its arithmetic is tested.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../.ci/sum-reports.js', import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sum-reports-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function report(phase: string, passed: number, failed: number, brokenFiles = 0): void {
  const results = [
    ...Array.from({ length: brokenFiles }, () => ({
      name: 'a.test.ts',
      status: 'failed',
      assertionResults: [],
    })),
    ...(failed > 0
      ? [{ name: 'b.test.ts', status: 'failed', assertionResults: [{ status: 'failed' }] }]
      : []),
  ];
  writeFileSync(
    join(folder, `${phase}.json`),
    JSON.stringify({
      numPassedTests: passed,
      numFailedTests: failed,
      numPendingTests: 0,
      numTodoTests: 0,
      testResults: results,
    }),
  );
}

function sum(...failedPhases: string[]): [string | undefined, number | null] {
  const run = spawnSync(process.execPath, [SCRIPT, folder, ...failedPhases], { encoding: 'utf8' });
  return [run.stdout.trimEnd().split('\n').at(-1), run.status];
}

test('adds up all runs', () => {
  report('test', 40, 0);
  report('interop', 2, 0);
  expect(sum()).toEqual(['42 passed, 0 failed', 0]);
});

test('a failed test fails, and its phase is not counted on top', () => {
  report('test', 40, 2);
  expect(sum('test')).toEqual(['40 passed, 2 failed', 1]);
});

test('a file that does not load counts as one failure', () => {
  report('test', 40, 0, 1);
  expect(sum('test')).toEqual(['40 passed, 1 failed', 1]);
});

test('a failed phase without a failed test counts as one failure', () => {
  report('test', 40, 0);
  expect(sum('lint', 'test')).toEqual(['40 passed, 2 failed', 1]);
});

test('no test at all fails', () => {
  report('test', 0, 0);
  expect(sum()).toEqual(['0 passed, 0 failed', 1]);
});
