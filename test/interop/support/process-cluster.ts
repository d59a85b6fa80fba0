import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BrokerNode, Cluster, ClusterOptions } from './cluster.ts';
import type { Command } from './flavours.ts';
import { cacheFolder, logFile } from './paths.ts';
import { freePort, remotingRequest } from './probe.ts';
import { reaper, runFolders } from './reaper.ts';
import { waitUntil } from './wait.ts';

const GET_ROUTEINFO_BY_TOPIC = 105;
const GET_BROKER_CLUSTER_INFO = 106;

interface Broker {
  readonly name: string;
  readonly port: number;
  readonly folder: string;
  child: ChildProcess | undefined;
}

/** The part of a cluster that does not depend on whose servers run; subclasses know the command lines. */
export abstract class ProcessCluster implements Cluster {
  abstract readonly target: 'apache' | 'comet' | 'mixed';
  readonly name = 'DefaultCluster';
  protected readonly options: ClusterOptions;
  readonly #brokers = new Map<string, Broker>();
  readonly #folder: string;
  #namesrvPort = 0;
  #namesrv: ChildProcess | undefined;

  protected abstract namesrvCommand(port: number, folder: string): Command;
  protected abstract brokerCommand(name: string, port: number, namesrv: string, folder: string): Command;

  constructor(options: ClusterOptions = {}) {
    this.options = options;
    mkdirSync(cacheFolder, { recursive: true });
    this.#folder = mkdtempSync(runFolders);
  }

  get namesrv(): string {
    return `127.0.0.1:${this.#namesrvPort}`;
  }

  get brokers(): readonly BrokerNode[] {
    return [...this.#brokers.values()].map(({ name, port, child }) => ({
      name,
      address: `127.0.0.1:${port}`,
      running: child !== undefined,
    }));
  }

  async start(): Promise<void> {
    this.#namesrvPort = await freePort();
    await this.restartNamesrv();
    await this.addBroker('broker-a');
  }

  async stop(): Promise<void> {
    for (const broker of this.#brokers.values()) await this.#end(broker.child, 'SIGTERM');
    await this.#end(this.#namesrv, 'SIGTERM');
    this.#brokers.clear();
    this.#namesrv = undefined;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async addBroker(name: string): Promise<void> {
    const port = await freePort([-2, 1]);
    const folder = join(this.#folder, name);
    mkdirSync(folder, { recursive: true });
    this.#brokers.set(name, { name, port, folder, child: undefined });
    await this.restartBroker(name);
  }

  async removeBroker(name: string): Promise<void> {
    await this.stopBroker(name);
    this.#brokers.delete(name);
  }

  stopBroker(name: string): Promise<void> {
    return this.#endBroker(name, 'SIGTERM');
  }

  killBroker(name: string): Promise<void> {
    return this.#endBroker(name, 'SIGKILL');
  }

  async restartBroker(name: string): Promise<void> {
    const broker = this.#broker(name);
    const command = this.brokerCommand(name, broker.port, this.namesrv, broker.folder);
    const child = this.#spawn(name, command);
    broker.child = child;
    child.once('exit', () => {
      if (broker.child === child) broker.child = undefined;
    });
    await this.#waitForBroker(broker);
  }

  async killNamesrv(): Promise<void> {
    await this.#end(this.#namesrv, 'SIGKILL');
    this.#namesrv = undefined;
  }

  async restartNamesrv(): Promise<void> {
    const folder = join(this.#folder, 'namesrv');
    mkdirSync(folder, { recursive: true });
    const child = this.#spawn('namesrv', this.namesrvCommand(this.#namesrvPort, folder));
    this.#namesrv = child;
    await waitUntil(
      () => `the name server answers at ${this.namesrv}${lastWords('namesrv')}`,
      async () => {
        if (child.exitCode !== null) return false;
        await remotingRequest(this.namesrv, GET_BROKER_CLUSTER_INFO);
        return true;
      },
      30_000,
    );
    for (const broker of this.#brokers.values())
      if (broker.child !== undefined) await this.#waitForBroker(broker);
  }

  async waitForTopic(topic: string): Promise<void> {
    const addresses = this.brokers.filter((b) => b.running).map((b) => b.address);
    await waitUntil(
      `the name server knows topic ${topic} at ${addresses.join(', ')}`,
      async () => {
        const { code, body } = await remotingRequest(this.namesrv, GET_ROUTEINFO_BY_TOPIC, { topic });
        return code === 0 && addresses.every((a) => body.includes(`"${a}"`));
      },
      15_000,
    );
  }

  async #waitForBroker(broker: Broker): Promise<void> {
    await waitUntil(
      () => `${broker.name} is registered at ${this.namesrv}${lastWords(broker.name)}`,
      async () => {
        if (broker.child === undefined) throw new Error(`${broker.name} has ended`);
        const { body } = await remotingRequest(this.namesrv, GET_BROKER_CLUSTER_INFO);
        if (!body.includes(`127.0.0.1:${broker.port}"`)) return false;
        await remotingRequest(`127.0.0.1:${broker.port}`, GET_BROKER_CLUSTER_INFO); // any answer shows that it listens
        return true;
      },
      90_000,
    );
  }

  #broker(name: string): Broker {
    const broker = this.#brokers.get(name);
    if (broker === undefined) throw new Error(`no broker ${name}`);
    return broker;
  }

  async #endBroker(name: string, signal: NodeJS.Signals): Promise<void> {
    const broker = this.#broker(name);
    await this.#end(broker.child, signal);
    broker.child = undefined;
  }

  async #end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const patience = setTimeout(() => child.kill('SIGKILL'), 30_000);
    await ended;
    clearTimeout(patience);
  }

  #spawn(name: string, { command, args, env }: Command): ChildProcess {
    const log = openSync(logFile(name), 'a');
    const child = spawn(command, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env } });
    closeSync(log);
    child.on('error', () => undefined);
    reaper.watch(child);
    return child;
  }
}

function lastWords(name: string): string {
  const lines = readFileSync(logFile(name), 'utf8').trimEnd().split('\n');
  return `; the end of its log:\n${lines.slice(-15).join('\n')}`;
}
