// Plants the defects of this folder, one at a time, in a copy of the repository, and shows which suites catch them.
//   npm run test:mutants                 each defect, until one of the suites that its patch names fails
//   npm run test:mutants -- --all        each defect against every suite: the whole table
//   npm run test:mutants -- 03 07        only these
// Exit code 1 when a defect survives, when a patch does not apply, or when a suite fails without any defect.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const ROOT = resolve(HERE, '../..');
const VITEST = 'node_modules/vitest/vitest.mjs';
/** Fewer than in the normal run: a defect that only shows beyond them is no gross one. */
const CRASH_STATES = '20000';
const SUITE_LIMIT_MS = 5 * 60 * 1000;

/** Name of a suite in the patches' `Caught by:` lines, and what runs it. */
const SUITES = {
  unit: ['--project', 'unit', 'test/unit/broker'],
  crash: ['--project', 'simulation', 'test/simulation/store-crash'],
  damage: ['--project', 'simulation', 'test/simulation/store-damage'],
  'io-errors': ['--project', 'simulation', 'io-errors'],
  model: ['--project', 'model'],
};

/** @returns {{ name: string, path: string, defect: string, suites: string[] }[]} */
function readPatches() {
  return readdirSync(HERE)
    .filter((file) => file.endsWith('.patch'))
    .sort()
    .map((file) => {
      const text = readFileSync(join(HERE, file), 'utf8');
      const defect = /^Defect: (.+)$/m.exec(text)?.[1];
      const suites = /^Caught by: (.+)$/m.exec(text)?.[1]?.split(', ');
      if (defect === undefined || suites === undefined || suites.some((suite) => !(suite in SUITES))) {
        throw new Error(
          `${file} needs the lines "Defect: …" and "Caught by: …" (${Object.keys(SUITES).join(', ')})`,
        );
      }
      return { name: file.replace(/\.patch$/, ''), path: join(HERE, file), defect, suites };
    });
}

/** A copy of what is committed, with the installed packages of this folder but its own workspaces. */
function makeCopy() {
  const copy = mkdtempSync(join(tmpdir(), 'cometmq-mutants-'));
  execFileSync('git', ['clone', '--quiet', '--local', ROOT, copy]);
  mkdirSync(join(copy, 'node_modules/@cometmq'), { recursive: true });
  for (const entry of readdirSync(join(ROOT, 'node_modules'))) {
    if (entry === '@cometmq' || entry === 'cometmq' || entry.startsWith('.')) continue;
    symlinkSync(join(ROOT, 'node_modules', entry), join(copy, 'node_modules', entry));
  }
  const { workspaces } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  for (const workspace of workspaces) {
    const { name } = JSON.parse(readFileSync(join(ROOT, workspace, 'package.json'), 'utf8'));
    symlinkSync(join(copy, workspace), join(copy, 'node_modules', name));
  }
  return copy;
}

/** @returns {string | undefined} the first failing test, or undefined when all pass */
function failureOf(copy, suite) {
  const vitest = [VITEST, 'run', '--config', 'test/vitest.config.ts', '--bail', '1', ...SUITES[suite]];
  const run = spawnSync(process.execPath, vitest, {
    cwd: copy,
    encoding: 'utf8',
    timeout: SUITE_LIMIT_MS,
    env: { ...process.env, NO_COLOR: '1', CI: 'true', COMET_TEST_STATES: CRASH_STATES },
  });
  if (run.status === 0) return undefined;
  if (run.error?.code === 'ETIMEDOUT') return 'it does not end';
  const failure = /^ FAIL .*?(test\/\S+)(?: > (.+))?$/m.exec(run.stderr + run.stdout);
  if (failure === null)
    throw new Error(`${suite} ended without a result: ${run.stdout}${run.stderr}${run.error ?? ''}`);
  return failure[2] ?? failure[1];
}

function main() {
  const options = process.argv.slice(2);
  const showAll = options.includes('--all');
  const wanted = options.filter((option) => !option.startsWith('--'));
  const patches = readPatches().filter(
    ({ name }) => wanted.length === 0 || wanted.some((prefix) => name.startsWith(prefix)),
  );
  const copy = makeCopy();
  let failed = patches.length === 0;
  try {
    const suites = showAll ? Object.keys(SUITES) : [...new Set(patches.flatMap((patch) => patch.suites))];
    for (const suite of suites) {
      const failure = failureOf(copy, suite);
      console.log(
        `no defect               ${suite.padEnd(10)} ${failure === undefined ? 'passes' : `FAILS: ${failure}`}`,
      );
      failed ||= failure !== undefined;
    }
    for (const patch of patches) {
      console.log(`${patch.name}: ${patch.defect}`);
      execFileSync('git', ['apply', patch.path], { cwd: copy });
      let caught = false;
      for (const suite of showAll ? suites : patch.suites) {
        const failure = failureOf(copy, suite);
        caught ||= failure !== undefined;
        console.log(
          `  ${suite.padEnd(10)} ${failure === undefined ? 'does not notice' : `catches it: ${failure}`}`,
        );
        if (caught && !showAll) break;
      }
      if (!caught) console.log('  SURVIVED');
      failed ||= !caught;
      execFileSync('git', ['checkout', '--quiet', '.'], { cwd: copy });
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
  process.exitCode = failed ? 1 : 0;
}

main();
