import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const MUTANTS = join(ROOT, 'test/mutants');

interface Hunk {
  readonly path: string;
  /** What the file must have for the patch to apply. */
  readonly before: string;
}

function hunksOf(patch: string): Hunk[] {
  const path = /^--- a\/(.+)$/m.exec(patch)?.[1] ?? '';
  return patch
    .split(/^@@.*\n/m)
    .slice(1)
    .map((hunk) => {
      const lines = hunk.split('\n').filter((line) => line.startsWith(' ') || line.startsWith('-'));
      return { path, before: lines.map((line) => line.slice(1)).join('\n') };
    });
}

const patches = readdirSync(MUTANTS).filter((file) => file.endsWith('.patch'));

// A patch that does not apply any more proves nothing; the script that applies them runs by command only.
test.each(patches)('the planted defect %s can still be planted', (file) => {
  const hunks = hunksOf(readFileSync(join(MUTANTS, file), 'utf8'));
  expect(hunks.length).toBeGreaterThan(0);
  for (const { path, before } of hunks) {
    const source = readFileSync(join(ROOT, path), 'utf8');
    expect(source.split(before), `${path} has changed: make the patch anew`).toHaveLength(2);
  }
});

test('there are at least ten of them', () => {
  expect(patches.length).toBeGreaterThanOrEqual(10);
});
