import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { ApacheCluster } from './apache-cluster.ts';
import type { Cluster, ClusterOptions } from './cluster.ts';
import { CometCluster, MixedCluster } from './comet-cluster.ts';
import { Driver } from './driver.ts';
import type { Flavour } from './flavours.ts';
import { interopFolder } from './paths.ts';

const target = process.env['COMET_INTEROP_TARGET'] ?? 'comet';
const clusters: Readonly<Record<string, (options?: ClusterOptions) => Cluster>> = {
  comet: (options) => new CometCluster(options),
  apache: (options) => new ApacheCluster(options),
  mixed: (options) => new MixedCluster(options),
};

/** One cluster and one driver process a client flavour, shared by all scenarios of a run. */
export class World {
  cluster: Cluster;
  /** Differs in every run, so that names never meet those of an earlier one. */
  readonly stamp = (Date.now() % 1e8).toString(36);
  readonly #drivers = new Map<Flavour, Driver>();
  readonly #make: (options?: ClusterOptions) => Cluster;
  #names = 0;

  private constructor(make: (options?: ClusterOptions) => Cluster) {
    this.#make = make;
    this.cluster = make();
  }

  static async start(): Promise<World> {
    const make = clusters[target];
    if (make === undefined)
      throw new Error(`COMET_INTEROP_TARGET=${target}: ${Object.keys(clusters).join(', ')}`);
    const arguments_ = target === 'comet' ? [] : ['apache'];
    execFileSync(join(interopFolder, 'prepare.sh'), arguments_, { stdio: ['ignore', 'inherit', 'inherit'] });
    const world = new World(make);
    await world.cluster.start();
    return world;
  }

  /** Stops the shared cluster and starts an empty one: for scenarios that leave ruins behind. */
  async freshCluster(): Promise<Cluster> {
    await this.cluster.stop();
    for (const driver of this.#drivers.values()) driver.kill();
    this.#drivers.clear();
    this.cluster = this.#make();
    await this.cluster.start();
    return this.cluster;
  }

  /** A second cluster beside the shared one; its user stops it. */
  async separateCluster(options: ClusterOptions): Promise<Cluster> {
    const cluster = this.#make(options);
    await cluster.start();
    return cluster;
  }

  get namesrv(): string {
    return this.cluster.namesrv;
  }

  driver(flavour: Flavour): Driver {
    let driver = this.#drivers.get(flavour);
    if (driver?.alive !== true) {
      driver = new Driver(flavour);
      this.#drivers.set(flavour, driver);
    }
    return driver;
  }

  mqadmin(...args: string[]): Promise<string> {
    return this.driver('java-5.4.0').mqadmin([...args, '-n', this.namesrv]);
  }

  /** A name for a topic, group or client that was never used before. */
  name(what: string): string {
    return `${what}_${this.stamp}_${++this.#names}`.replaceAll('.', '');
  }

  /** Creates a topic with the real mqadmin on every broker of the cluster. */
  async topic(what: string, queues = 4): Promise<string> {
    const topic = this.name(what);
    await this.createTopic(topic, queues);
    return topic;
  }

  async createTopic(topic: string, queues = 4): Promise<void> {
    const output = await this.mqadmin(
      'updateTopic',
      ...['-c', this.cluster.name, '-t', topic, '-r', `${queues}`, '-w', `${queues}`],
    );
    if (!output.includes('success')) throw new Error(`mqadmin updateTopic ${topic}: ${output}`);
    await this.cluster.waitForTopic(topic);
  }
}

const key = Symbol.for('cometmq.interop.world');
const holder = globalThis as unknown as Record<symbol, Promise<World> | undefined>;

/** The world of this worker process; the first to ask starts it, the reaper ends it with the worker. */
export function theWorld(): Promise<World> {
  return (holder[key] ??= World.start());
}
