// A name server and a broker in this process, on the loopback interface, with data in a temporary folder.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Broker } from '@cometmq/broker/broker';
import type { BrokerConfig } from '@cometmq/broker/config/broker-config';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import type { Clock } from '@cometmq/common/clock/clock';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import { silentLogger } from '@cometmq/common/logging/logger';
import { NodeNet } from '@cometmq/common/net/node-net';
import { NameServer } from '@cometmq/nameserver/name-server';
import { SeededRandom } from './seeded-random.ts';

const HOST = '127.0.0.1';
const SEGMENT_SIZE = 16 * 1024 * 1024;

export interface LoopbackOptions {
  readonly clock?: Clock;
  readonly config?: Partial<BrokerConfig>;
}

export class LoopbackCluster {
  readonly namesrv: NameServer;
  readonly broker: Broker;
  readonly #folder = mkdtempSync(join(tmpdir(), 'cometmq-'));

  private constructor(namesrv: NameServer, { clock = new SystemClock(), config }: LoopbackOptions) {
    this.namesrv = namesrv;
    this.broker = new Broker({
      net: new NodeNet(),
      clock,
      disk: new NodeDisk(),
      random: new SeededRandom(),
      processes: { ownId: process.pid, isAlive: () => false, identityOf: () => undefined },
      log: silentLogger,
      dataDir: join(this.#folder, 'broker'),
      openKeyValueStore: () => new MemoryKeyValueStore(),
      config: {
        host: HOST,
        port: 0,
        nameServers: [`${HOST}:${namesrv.port}`],
        flush: 'async',
        segmentSizeBytes: SEGMENT_SIZE,
        ...config,
      },
    });
  }

  static async start(options: LoopbackOptions = {}): Promise<LoopbackCluster> {
    const { clock = new SystemClock() } = options;
    const ports = { net: new NodeNet(), clock, disk: new NodeDisk(), log: silentLogger };
    const namesrv = new NameServer({ ...ports, host: HOST, port: 0, dataDir: undefined });
    await namesrv.start();
    const cluster = new LoopbackCluster(namesrv, options);
    await cluster.broker.start();
    return cluster;
  }

  /** Paths of all files, relative to the temporary folder. */
  files(): string[] {
    return readdirSync(this.#folder, { recursive: true }).map(String);
  }

  async stop(): Promise<void> {
    await this.broker.stop();
    await this.namesrv.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
