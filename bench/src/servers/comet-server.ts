import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { freePorts } from './free-ports.ts';
import type { Server } from './server.ts';

const MAIN = fileURLToPath(new URL('./comet-main.js', import.meta.url));
/** The broker's VIP port is two below its own; the name server takes the lowest of the row. */
const BROKER_STEP = 4;
/** The default of scheduleDelayMaxMs. */
const TIMER = { delayMaxMs: 366 * 86_400_000, earlyMs: 0 };

export interface CometOptions {
  readonly dataDir: string;
  readonly flush: 'sync' | 'async';
  /** Folder for a CPU profile of the whole run. */
  readonly profileDir?: string;
}

export interface StartingServer extends Server {
  /** Resolves when the server says that it is ready. */
  readonly ready: Promise<void>;
  /** Never resolves; rejects when the process ends. */
  readonly died: Promise<never>;
}

/** Starts our name server and broker in one process; does not wait until they are ready. */
export async function launchComet({ dataDir, flush, profileDir }: CometOptions): Promise<StartingServer> {
  const base = await freePorts(BROKER_STEP + 2);
  const port = base + BROKER_STEP;
  const child = fork(MAIN, [dataDir, String(base), String(port), flush], {
    execArgv: profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const { pid } = child;
  if (pid === undefined) throw new Error('the server process could not be started');
  const exited = once(child, 'exit');
  const died = exited.then((): never => {
    throw new Error('the server ended');
  });
  died.catch(() => undefined);
  const ready = Promise.race([once(child, 'message').then(() => undefined), died]);
  ready.catch(() => undefined);
  const stop = async (): Promise<void> => {
    if (child.connected) child.disconnect();
    const [code] = (await exited) as [number | null];
    if (code !== 0) throw new Error(`the server ended with ${code ?? 'a signal'}`);
  };
  const name = `CometMQ ${flush.toUpperCase()}`;
  return { name, brokerName: 'broker-a', port, pid, timer: TIMER, ready, died, stop };
}

/** Starts our servers and waits until they are ready. */
export async function startComet(options: CometOptions): Promise<Server> {
  const server = await launchComet(options);
  await server.ready;
  return server;
}
