// Projects: npm test runs all but interop; one of them alone: npm test -- --project unit.
// Tests run on sources (export condition `source`), so they need no build. A project that starts real processes
// (integration, interop) builds first, see support/build-workspaces.ts.
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

const SECOND_MS = 1000;
const SOURCE_CONDITIONS = ['source', 'node', 'import', 'default'];

interface ProjectOptions {
  timeoutMs: number;
  /** Loads RocksDB: runs in processes of its own, as in production. */
  nativeCode?: boolean;
  startsProcesses?: boolean;
  serial?: boolean;
}

function project(name: string, options: ProjectOptions): TestProjectInlineConfiguration {
  const { timeoutMs, nativeCode = false, startsProcesses = false, serial = false } = options;
  return {
    extends: true,
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      pool: nativeCode || startsProcesses ? 'forks' : 'threads',
      testTimeout: timeoutMs,
      hookTimeout: Math.max(timeoutMs, 10 * SECOND_MS),
      fileParallelism: !serial,
      // Serial files share one cluster and the clients' virtual machines.
      ...(serial ? { maxWorkers: 1, isolate: false, maxConcurrency: 12 } : {}),
      ...(startsProcesses ? { globalSetup: ['test/support/build-workspaces.ts'] } : {}),
    },
  };
}

// Interop needs Java, Go and minutes, so it runs only when it is named: --project interop, or a path below it.
const interopWanted = process.argv.slice(2).some((argument) => argument.includes('interop'));

export default defineConfig({
  resolve: { conditions: SOURCE_CONDITIONS },
  ssr: { resolve: { conditions: SOURCE_CONDITIONS } },
  test: {
    environment: 'node',
    // Not one less than there are cores: on two of them that would be one after the other.
    maxWorkers: '100%',
    globals: false,
    restoreMocks: true,
    projects: [
      project('unit', { timeoutMs: 5 * SECOND_MS }),
      project('golden', { timeoutMs: 10 * SECOND_MS }),
      project('model', { timeoutMs: 30 * SECOND_MS }),
      project('property', { timeoutMs: 20 * SECOND_MS }),
      project('conformance', { timeoutMs: 10 * SECOND_MS, nativeCode: true }),
      project('simulation', { timeoutMs: 30 * SECOND_MS }),
      project('integration', { timeoutMs: 30 * SECOND_MS, startsProcesses: true }),
      project('tidy', { timeoutMs: 30 * SECOND_MS }),
      ...(interopWanted
        ? [project('interop', { timeoutMs: 300 * SECOND_MS, startsProcesses: true, serial: true })]
        : []),
    ],
  },
});
