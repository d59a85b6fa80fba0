import type { ExitCode } from 'cometmq/command/exit-code';
import { runCommand } from 'cometmq/command/run-command';
import { FakeCluster } from '../client-sdk/admin/fake-cluster.ts';

export const NOW_MS = Date.UTC(2026, 8, 25, 10, 0, 0);

export interface CliRun {
  readonly exitCode: ExitCode;
  /** Standard output. */
  readonly out: string;
  /** Standard error. */
  readonly err: string;
}

export interface CliOptions {
  readonly cluster?: FakeCluster;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  /** Called with the name servers that the command connects to. */
  readonly onConnect?: (nameServers: string, timeoutMs: number) => void;
}

/** Runs a command line against a fake cluster, in process, at a fixed time. */
export async function runCli(line: string | readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const written = { out: '', err: '' };
  const cluster = options.cluster ?? new FakeCluster();
  const exitCode = await runCommand(
    typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line,
    {
      streams: {
        out: { write: (text) => (written.out += text), isTerminal: false },
        err: { write: (text) => (written.err += text), isTerminal: false },
      },
      env: options.env ?? {},
      signal: new AbortController().signal,
      awaitInterrupt: () => undefined,
      version: '9.9.9',
      now: () => NOW_MS,
      readInput: () => Promise.resolve(Buffer.from(options.input ?? '')),
      connect: ({ nameServers, timeoutMs }) => {
        options.onConnect?.(nameServers, timeoutMs);
        return Promise.resolve(cluster.admin());
      },
    },
  );
  return { exitCode, ...written };
}
