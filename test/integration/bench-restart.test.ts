import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

// The measurement of starts with a small store: figures are not asserted, only that both cases are measured.

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

test('starts after a clean stop and after a kill are measured', { timeout: 120_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cometmq-bench-test-'));
  try {
    await run('npx', ['tsc', '-p', 'bench'], { cwd: REPOSITORY });
    const json = join(folder, 'figures.json');
    const sizes = ['--store-mib', '24', '--tail-mib', '8', '--rounds', '1'];
    const main = join(REPOSITORY, 'bench', 'dist', 'main.js');
    await run(process.execPath, [main, '--restart', ...sizes, '--data', folder, '--json', json]);
    const { starts } = JSON.parse(readFileSync(json, 'utf8')) as {
      starts: { name: string; times: number[] }[];
    };
    expect(starts.map(({ name }) => name)).toEqual([
      '24 MiB after a clean stop (1000 queues, 1024 B)',
      '8 MiB of dirty tail after a kill (1000 queues, 1024 B)',
    ]);
    for (const { times } of starts) expect(times[0]).toBeGreaterThan(0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
