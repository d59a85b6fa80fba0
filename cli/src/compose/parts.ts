import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import type { Logger } from '@cometmq/common/logging/logger';
import { NodeNet } from '@cometmq/common/net/node-net';
import { SystemRandom } from '@cometmq/common/random/system-random';
import type { ConsoleServer } from '@cometmq/console/console-server';
import type { CometConfig } from '../config/comet-config.ts';
import { VERSION } from '../version.ts';
import type { ServerPart } from './server-part.ts';

/** What all servers of a process share. */
export interface Ports {
  readonly net: NodeNet;
  readonly clock: SystemClock;
  readonly disk: NodeDisk;
  readonly random: SystemRandom;
  readonly log: Logger;
}

export function systemPorts(log: Logger): Ports {
  return {
    net: new NodeNet(),
    clock: new SystemClock(),
    disk: new NodeDisk(),
    random: new SystemRandom(),
    log,
  };
}

/** A part whose addresses are known once it runs. */
export interface AddressedPart extends ServerPart {
  /** `host:port`. */
  address(): string;
}

export async function nameServerPart(ports: Ports, config: CometConfig): Promise<AddressedPart> {
  const { NameServer } = await import('@cometmq/nameserver/name-server');
  const { host, port, ...settings } = config.namesrv;
  const server = new NameServer({
    ...ports,
    log: ports.log.child({ server: 'namesrv' }),
    host,
    port,
    dataDir: join(config.data, 'namesrv'),
    config: settings,
  });
  return {
    title: 'name server',
    start: () => server.start(),
    stop: () => server.stop(),
    address: () => `${dialable(host)}:${server.port}`,
  };
}

export async function consolePart(
  ports: Ports,
  config: CometConfig,
  nameServers: () => readonly string[],
): Promise<AddressedPart> {
  const { ConsoleServer } = await import('@cometmq/console/console-server');
  let server: ConsoleServer | undefined;
  return {
    title: 'console',
    // Made late: the name server's port is known only once it listens.
    start: () => {
      const { clock, random, log } = ports;
      server = new ConsoleServer({
        clock,
        random,
        log: log.child({ server: 'console' }),
        nameServers: nameServers(),
        host: config.console.host,
        port: config.console.port,
        allowedHosts: config.console.allowedHosts,
        openToNetwork: config.console.openToNetwork,
        version: VERSION,
      });
      return server.start();
    },
    stop: async () => server?.stop(),
    address: () => `${dialable(config.console.host)}:${server?.port ?? config.console.port}`,
  };
}

/** An address that a client of this machine can dial when a server listens on all of them. */
export function dialable(host: string): string {
  return isWildcard(host) ? '127.0.0.1' : host;
}

export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::' || host === '';
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** The first IPv4 address by which other machines may reach this one. */
export function outsideAddress(): string | undefined {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}
