import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:net';

const STEP = 10;

/** The first of `count` neighbouring ports that are all free; brokers compute theirs from one. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt++) {
    const first = await listen(0);
    if (first === undefined) continue;
    const base = (first.address() as AddressInfo).port;
    const others = base + count * STEP > 65_000 ? [] : await Promise.all(neighbours(base, count).map(listen));
    const isFree = others.length === count - 1 && others.every((server) => server !== undefined);
    for (const server of [first, ...others]) server?.close();
    if (isFree) return base;
  }
  throw new Error(`no ${count} neighbouring ports are free`);
}

function neighbours(base: number, count: number): number[] {
  return Array.from({ length: count - 1 }, (_, index) => base + index + 1);
}

async function listen(port: number): Promise<Server | undefined> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return undefined;
  }
}
