import { createServer } from 'node:net';
import { CliError } from '../command/cli-error.ts';
import { ExitCode } from '../command/exit-code.ts';
import { portOwner } from './port-owner.ts';

export interface PortWish {
  /** For messages: `name server`. */
  readonly title: string;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Ports relative to it that must be free as well. */
  readonly alsoNeeds?: readonly number[];
}

export interface PortChoice {
  readonly port: number;
  /** The port that was wished for but is taken. */
  readonly instead: number | undefined;
}

/** Ports tried after the one that is wished for. */
const ATTEMPTS_MAX = 100;
const PORT_MAX = 65_535;

/** The wished port, or the next one that is free. `reserved` holds ports of parts that are not started yet. */
export async function nextFreePort(wish: PortWish, reserved: Set<number>): Promise<PortChoice> {
  const { host, port: wanted, alsoNeeds = [] } = wish;
  if (wanted === 0) return { port: 0, instead: undefined };
  for (let port = wanted; port < wanted + ATTEMPTS_MAX && port <= PORT_MAX; port++) {
    const needed = [port, ...alsoNeeds.map((offset) => port + offset)];
    if (needed.some((candidate) => reserved.has(candidate))) continue;
    const free = await Promise.all(needed.map((candidate) => isFree(host, candidate)));
    if (!free.every(Boolean)) continue;
    for (const candidate of needed) reserved.add(candidate);
    return { port, instead: port === wanted ? undefined : wanted };
  }
  throw portError(wish, `no free port from ${wanted} to ${wanted + ATTEMPTS_MAX}`);
}

/** @throws CliError when the port, or one that belongs to it, is taken. */
export async function requireFreePort(wish: PortWish): Promise<void> {
  if (wish.port === 0) return;
  for (const port of [wish.port, ...(wish.alsoNeeds ?? []).map((offset) => wish.port + offset)]) {
    if (!(await isFree(wish.host, port)))
      throw portError(wish, `port ${port} of the ${wish.title} is taken`, portOwner(port));
  }
}

function portError({ title }: PortWish, message: string, owner?: string): CliError {
  return new CliError(
    ExitCode.CONFLICT,
    'MQ-PORT',
    message,
    'stop what listens there, or choose another port with --port or --set',
    `${owner ?? `another program, perhaps another ${title},`} listens on it`,
  );
}

/** Tries it out: listens and stops at once. */
function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      // Any other failure is better told by the server itself.
      resolve(error.code !== 'EADDRINUSE');
    });
    probe.listen({ host, port, exclusive: true }, () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}
