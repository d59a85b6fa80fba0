import { Broker } from '@cometmq/broker/broker';
import { settingsStore } from '@cometmq/broker/store/kv/settings-store';
import type { Clock } from '@cometmq/common/clock/clock';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import { silentLogger } from '@cometmq/common/logging/logger';
import { NodeNet } from '@cometmq/common/net/node-net';
import { BrokerCaller } from '../crash/broker-caller.ts';
import { SeededRandom } from '../seeded-random.ts';

/** The messages of a fixture get old, and none may expire. */
const RETENTION_MS = 100 * 365 * 24 * 3_600_000;

/** A broker in this process over a data folder, and a connection to it. */
export class FixtureBroker {
  readonly #broker: Broker;
  readonly caller: BrokerCaller;

  private constructor(broker: Broker) {
    this.#broker = broker;
    this.caller = new BrokerCaller(broker.address);
  }

  static async start(dataDir: string, clock: Clock = new SystemClock()): Promise<FixtureBroker> {
    const ports = { clock, disk: new NodeDisk(), log: silentLogger };
    const broker = new Broker({
      ...ports,
      net: new NodeNet(),
      random: new SeededRandom(),
      processes: { ownId: process.pid, isAlive: () => false, identityOf: () => undefined },
      dataDir,
      openKeyValueStore: (directory) => settingsStore(ports, directory),
      config: { port: 0, segmentSizeBytes: 1024 * 1024, retentionMs: RETENTION_MS },
    });
    await broker.start();
    return new FixtureBroker(broker);
  }

  async stop(): Promise<void> {
    await this.caller.close();
    await this.#broker.stop();
  }
}
