// `npm run test:crash -- 200`: the crash tests with that many kills.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';

const cycles = process.argv[2] ?? '200';
if (!/^[1-9]\d{0,5}$/.test(cycles)) {
  process.stderr.write(`"${cycles}" is no number of kills; try: npm run test:crash -- 200\n`);
  process.exit(2);
}
const vitest = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
const files = ['test/integration/crash-loop.test.ts', 'test/integration/crash-points.test.ts'];
const run = spawnSync(
  process.execPath,
  [
    vitest,
    'run',
    '--config',
    'test/vitest.config.ts',
    '--project',
    'integration',
    '--no-file-parallelism',
    ...files,
  ],
  { stdio: 'inherit', env: { ...process.env, COMET_CRASH_CYCLES: cycles } },
);
process.exit(run.status ?? 1);
