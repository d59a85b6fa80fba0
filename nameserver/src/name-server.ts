import { join } from 'node:path';
import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { every } from '@cometmq/common/clock/clock';
import type { Disk } from '@cometmq/common/disk/disk';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { Net } from '@cometmq/common/net/net';
import { RemotingServer } from '@cometmq/remoting/transport/remoting-server';
import { LiveSettings } from './config/live-settings.ts';
import type { NameServerConfig, NameServerConfigInput } from './config/name-server-config.ts';
import { nameServerConfigSchema } from './config/name-server-config.ts';
import { KvConfig } from './kv-config/kv-config.ts';
import { BrokerProcessor } from './processor/broker-processor.ts';
import { ConfigProcessor } from './processor/config-processor.ts';
import { KvProcessor } from './processor/kv-processor.ts';
import { RouteProcessor } from './processor/route-processor.ts';
import type { BrokerRegistration } from './route/broker-table.ts';
import { RouteTable } from './route/route-table.ts';

export interface NameServerOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly log: Logger;
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Where key-value entries are kept; undefined: in memory only. */
  readonly dataDir: string | undefined;
  readonly config?: NameServerConfigInput;
}

/** How often silent brokers are looked for. */
const SCAN_PERIOD_MS = 5000;

/** A RocketMQ name server. Several can run in one process; they know nothing of each other. */
export class NameServer {
  readonly #options: NameServerOptions;
  readonly #config: NameServerConfig;
  readonly #routes: RouteTable;
  readonly #kvConfig: KvConfig;
  readonly #server: RemotingServer;
  #port: number;
  #scanTimer: Timer | undefined;
  #lastScanMs = 0;

  constructor(options: NameServerOptions) {
    const { net, clock, disk, log, host, port, dataDir } = options;
    this.#options = options;
    this.#port = port;
    this.#config = nameServerConfigSchema.parse(options.config ?? {});
    this.#routes = new RouteTable(this.#config);
    const path = dataDir === undefined ? undefined : join(dataDir, 'kvConfig.json');
    this.#kvConfig = new KvConfig({ disk, path, limits: this.#config });
    this.#server = new RemotingServer({ net, clock, log, host, connectionsMax: this.#config.connectionsMax });
  }

  /** The port it listens on. */
  get port(): number {
    return this.#port;
  }

  /**
   * @throws MqError `DATA_DAMAGED` when the key-value file can't be read, `SERVICE_NOT_AVAILABLE` when the port can't be
   * listened on.
   */
  async start(): Promise<void> {
    const { clock, disk, log, host, port, dataDir } = this.#options;
    if (dataDir !== undefined) disk.makeDirectorySync(dataDir);
    this.#kvConfig.load();
    this.#handleRequests();
    this.#server.onClose((channel) => {
      for (const broker of this.#routes.channelClosed(channel)) this.#logGone(broker, 'connection closed');
    });
    try {
      this.#port = await this.#server.listen(port);
    } catch (error) {
      throw new MqError(
        'SERVICE_NOT_AVAILABLE',
        `the name server can't listen on ${host}:${port}: ${errorText(error)}`,
        {
          hint: 'choose an address of this machine, and a port that nobody listens on',
          cause: error,
        },
      );
    }
    this.#lastScanMs = clock.monotonic();
    this.#scanTimer = every(clock, SCAN_PERIOD_MS, () => this.#scan());
    log.info({ host, port: this.#port }, 'name server started');
  }

  /** Closes all connections; key-value changes under way are finished. */
  async stop(): Promise<void> {
    this.#scanTimer?.cancel();
    await this.#server.close();
    await this.#kvConfig.close();
  }

  #handleRequests(): void {
    const { clock, log, host } = this.#options;
    const config = this.#config;
    const settings = new LiveSettings(config);
    const shared = { clock, log, routes: this.#routes, kvConfig: this.#kvConfig, settings };
    const readyAtMs = clock.monotonic() + config.waitSecondsForService * 1000;
    const handlers = [
      ...new RouteProcessor({ ...shared, readyAtMs }).handlers(),
      ...new BrokerProcessor(shared).handlers(),
      ...new KvProcessor(this.#kvConfig).handlers(),
      ...new ConfigProcessor({
        config,
        settings,
        bindAddress: host,
        listenPort: () => this.#port,
      }).handlers(),
    ];
    for (const [code, handler] of handlers) this.#server.handle(code, handler);
  }

  #scan(): void {
    const nowMs = this.#options.clock.monotonic();
    const lateMs = nowMs - this.#lastScanMs - SCAN_PERIOD_MS;
    this.#lastScanMs = nowMs;
    // A process that stood still has heartbeats waiting in its sockets.
    if (lateMs > SCAN_PERIOD_MS) this.#routes.excuse(lateMs);
    const expired = this.#routes.expire(nowMs);
    for (const broker of expired) this.#logGone(broker, 'no sign of life');
    // Brokers may share a connection: it is closed with the last of them.
    const inUse = new Set([...this.#routes.brokers.registrations].map(({ channel }) => channel));
    for (const { channel } of expired) if (!inUse.has(channel)) channel.close();
  }

  #logGone({ clusterName, brokerName, brokerId, brokerAddr }: BrokerRegistration, reason: string): void {
    this.#options.log.warn({ clusterName, brokerName, brokerId, brokerAddr, reason }, 'broker is gone');
  }
}
