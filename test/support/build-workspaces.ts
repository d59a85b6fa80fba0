import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Vitest global setup of the projects that start real processes: these run from dist. Fast when nothing changed.
 * A type error is printed but does not stop the tests: tsc still writes the JavaScript, and types are their own check.
 */
export function setup(): void {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const compiler = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));
  const build = spawnSync(process.execPath, [compiler, '-b'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (build.error) throw build.error;
  if (build.status !== 0)
    console.warn('tsc -b reported errors; tests that start processes may run old code.');
}
