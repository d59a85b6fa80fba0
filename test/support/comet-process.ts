import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../cli/bin/comet.js', import.meta.url));

export interface CometReady {
  readonly namesrv?: string;
  readonly broker?: { readonly name: string; readonly address: string };
  readonly console?: string;
  readonly durability: string;
}

export interface CometResult {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the built `comet` to its end. */
export async function comet(
  args: readonly string[],
  options: { readonly cwd?: string; readonly input?: string } = {},
): Promise<CometResult> {
  const process = new CometProcess(args, options.cwd);
  process.child.stdin?.end(options.input ?? '');
  return process.ended();
}

/** A running `comet`. */
export class CometProcess {
  readonly child: ChildProcess;
  readonly #ended: Promise<number | null>;
  out = '';
  err = '';

  /** `main`: another script than `comet` that says the same when it is ready. */
  constructor(args: readonly string[], cwd?: string, main = MAIN) {
    // Settings of whoever runs the tests are none of the process's business.
    const env = Object.fromEntries(
      Object.entries(process.env).filter(([name]) => name !== 'NAMESRV_ADDR' && !name.startsWith('COMET_')),
    );
    this.child = spawn(process.execPath, [main, ...args], { env, ...(cwd === undefined ? {} : { cwd }) });
    this.child.stdout?.on('data', (chunk: Buffer) => (this.out += chunk.toString()));
    this.child.stderr?.on('data', (chunk: Buffer) => (this.err += chunk.toString()));
    this.#ended = once(this.child, 'close').then(([code]) => code as number | null);
  }

  /** What the servers said when they were ready. */
  async ready(): Promise<CometReady> {
    while (!this.out.includes('\n')) {
      const next = once(this.child.stdout ?? this.child, 'data');
      const exitCode = await Promise.race([next.then(() => undefined), this.#ended]);
      if (exitCode !== undefined) throw new Error(`comet ended with ${String(exitCode)}: ${this.err}`);
    }
    return JSON.parse(this.out.split('\n')[0] ?? '') as CometReady;
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.#ended;
  }

  async ended(): Promise<CometResult> {
    const exitCode = await this.#ended;
    return { exitCode, out: this.out, err: this.err };
  }
}
