#!/usr/bin/env node
import process from 'node:process';
import { ExitCode } from './command/exit-code.ts';
import { runCommand } from './command/run-command.ts';
import { VERSION } from './version.ts';

const interrupt = new AbortController();
let isAwaited = false;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // The first one lets servers stop in order, the second one does not wait for them.
    if (!isAwaited || interrupt.signal.aborted) process.exit(ExitCode.INTERRUPTED);
    interrupt.abort();
  });
}
// A reader such as `head` closed the pipe: nobody wants the rest.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(ExitCode.OK);
  throw error;
});

const exitCode = await runCommand(process.argv.slice(2), {
  streams: {
    out: { write: (text) => process.stdout.write(text), isTerminal: process.stdout.isTTY },
    err: { write: (text) => process.stderr.write(text), isTerminal: process.stderr.isTTY },
  },
  env: process.env,
  signal: interrupt.signal,
  awaitInterrupt: () => {
    isAwaited = true;
  },
  version: VERSION,
  now: () => Date.now(),
  async readInput() {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  },
  async connect(options) {
    const { createAdmin } = await import('@cometmq/client/admin/admin-client');
    return createAdmin(options);
  },
});
// Once what was printed has left: a connection to a server that hangs would keep the process alive.
process.stdout.write('', () => {
  process.stderr.write('', () => process.exit(exitCode));
});
