import { join } from 'node:path';
import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { every } from '@cometmq/common/clock/clock';
import type { Disk } from '@cometmq/common/disk/disk';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import { closeAll } from '@cometmq/common/lifecycle/close-all';
import type { Logger } from '@cometmq/common/logging/logger';
import { encodeHost, isAddress } from '@cometmq/common/message/host';
import type { Net } from '@cometmq/common/net/net';
import type { ProcessTable } from '@cometmq/common/process/process-table';
import type { RandomSource } from '@cometmq/common/random/random';
import { ChannelPool } from '@cometmq/remoting/transport/channel-pool';
import { RemotingServer } from '@cometmq/remoting/transport/remoting-server';
import { brokerServices } from './broker-services.ts';
import type { BrokerConfig } from './config/broker-config.ts';
import { brokerConfigSchema } from './config/broker-config.ts';
import { Limits } from './config/limits.ts';
import { DelayLevels } from './delay/delay-levels.ts';
import { delayTagsCodeRule } from './delay/delay-queue.ts';
import { remotingDoor } from './doors/remoting/remoting-door.ts';
import { NameServerRegistration } from './registration/name-server-registration.ts';
import { NameServerRoutes } from './registration/name-server-routes.ts';
import { adminServices } from './service/admin-services.ts';
import type { ConsumerOffsets } from './offset/consumer-offsets.ts';
import type { BrokerServices } from './service/broker-services.ts';
import { BrokerSettings } from './service/broker-settings.ts';
import { DirectoryLock } from './store/directory-lock.ts';
import type { KeyValueStore } from './store/kv/key-value-store.ts';
import { MessageStore } from './store/message-store.ts';
import { systemTopics, templateTopic } from './topic/system-topics.ts';
import type { TopicTable } from './topic/topic-table.ts';

export interface BrokerOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly random: RandomSource;
  readonly processes: ProcessTable;
  readonly log: Logger;
  /** Folder of all that the broker keeps. */
  readonly dataDir: string;
  /** Makes the store of settings and offsets in a folder. */
  readonly openKeyValueStore: (directory: string) => KeyValueStore;
  readonly config: Partial<BrokerConfig>;
}

const CONNECT_TIMEOUT_MS = 3_000;
const CLIENT_SCAN_MS = 10_000;
const OFFSET_FLUSH_MS = 1_000;
/** The VIP port is this much below the ordinary one, the HA port one above: clients compute them. */
const VIP_PORT_STEP = 2;
/** A broken connection to a name server is made anew this soon. */
const REGISTER_AGAIN_MS = 200;

/** One broker: opens its store, serves its ports, keeps itself registered. Start and stop order stand here. */
export class Broker {
  readonly config: BrokerConfig;
  readonly #options: BrokerOptions;
  readonly #log: Logger;
  readonly #server: RemotingServer;
  readonly #pool: ChannelPool;
  readonly #lock: DirectoryLock;
  readonly #timers: Timer[] = [];
  #kv: KeyValueStore | undefined;
  #store: MessageStore | undefined;
  #services: BrokerServices | undefined;
  #registration: NameServerRegistration | undefined;
  #port: number;
  #stopping: Promise<void> | undefined;

  constructor(options: BrokerOptions) {
    const { net, clock, disk, processes, dataDir } = options;
    this.config = brokerConfigSchema.parse(options.config);
    this.#options = options;
    this.#log = options.log.child({ broker: this.config.name });
    this.#port = this.config.port;
    this.#lock = new DirectoryLock(disk, dataDir, processes);
    const log = this.#log;
    this.#server = new RemotingServer({
      net,
      clock,
      log,
      host: this.config.host,
      connectionsMax: Limits.connections,
    });
    this.#pool = new ChannelPool({
      net,
      clock,
      log,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      handleRequest: () => undefined,
      onClose: () => {
        clock.setTimer(REGISTER_AGAIN_MS, () => this.#registration?.registerNow());
      },
    });
  }

  /** Port for clients. */
  get port(): number {
    return this.#port;
  }

  /** `host:port` that clients dial. */
  get address(): string {
    return `${this.#advertisedAddress()}:${this.#port}`;
  }

  /**
   * Resolves when clients are served and every name server that can be reached knows this broker.
   * @throws MqError when the data can't be opened or a port is taken.
   */
  async start(): Promise<void> {
    this.#options.disk.makeDirectorySync(this.#options.dataDir);
    await this.#lock.take();
    try {
      await this.#startLocked();
    } catch (error) {
      // Gives back ports, files and the lock of what had started.
      await this.stop().catch(() => undefined);
      throw error;
    }
  }

  async #startLocked(): Promise<void> {
    const { disk, dataDir, clock, random, processes, openKeyValueStore } = this.#options;
    const { config } = this;
    const levels = new DelayLevels(config.delayLevels);
    // Listening comes first because a port of 0 is known only afterwards, and message ids carry the port.
    this.#server.notReady();
    await this.#listen();
    const kv = openKeyValueStore(join(dataDir, 'config'));
    await kv.open();
    this.#kv = kv;
    const settings = new BrokerSettings(config, this.#kv);
    await settings.load(this.#log);
    this.#store = await this.#openStore(levels, settings);
    const base = {
      clock,
      disk,
      random,
      log: this.#log,
      config: settings.current,
      settings,
      dataDir,
      store: this.#store,
      kv: this.#kv,
      levels,
      advertisedAddress: this.#advertisedAddress(),
      advertisedPort: this.#port,
      processId: processes.ownId,
      routes: new NameServerRoutes(clock, this.#pool, config.nameServers),
      announce: async (): Promise<void> => this.#registration?.announced(),
    };
    const services = brokerServices(base);
    this.#services = services;
    await this.#load(services, levels, settings);
    await services.schedules.load();
    services.schedules.start();
    remotingDoor(this.#server, clock, config.name, services, adminServices(base, services));
    services.delivery.start();
    services.pops.start();
    await services.openTransactions.load();
    services.openTransactions.start();
    this.#server.ready();
    this.#startTimers(services);
    await this.#register(services, settings);
    this.#log.info({ address: this.address, dataDir, flush: config.flush }, 'broker started');
  }

  /** Stops in reverse order of the start; what was acknowledged is on the disk. Further calls wait for the first. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    await closeAll(
      () => this.#registration?.stop(),
      () => this.#pool.close(),
      () => this.#server.close(),
      () => this.#services?.hold.close(),
      () => this.#services?.pops.stop(),
      () => this.#services?.openTransactions.stop(),
      () => this.#services?.delivery.stop(),
      () => this.#services?.schedules.stop(),
      () => this.#services?.offsets.flush(true),
      () => this.#store?.close(),
      () => this.#kv?.close(),
      () => this.#lock.release(),
    );
    this.#log.info({}, 'broker stopped');
  }

  async #listen(): Promise<void> {
    const { host, port } = this.config;
    try {
      this.#port = await this.#server.listen(port);
      if (port > VIP_PORT_STEP) await this.#server.listen(port - VIP_PORT_STEP);
    } catch (error) {
      throw new MqError('SERVICE_NOT_AVAILABLE', `can't listen on ${host}:${port}: ${errorText(error)}`, {
        cause: error,
        retryable: false,
        hint: `the broker needs ports ${port} and ${port - VIP_PORT_STEP}; stop what uses them or choose another port`,
      });
    }
  }

  #openStore(levels: DelayLevels, settings: BrokerSettings): Promise<MessageStore> {
    const { disk, clock, dataDir } = this.#options;
    const { config } = this;
    return MessageStore.open({
      disk,
      clock,
      log: this.#log,
      directory: join(dataDir, 'store'),
      segmentSizeBytes: config.segmentSizeBytes,
      tailChunks: 4,
      durability: config.flush === 'sync' ? 'synced' : 'written',
      syncIntervalMs: 100,
      checkpointIntervalMs: 1_000,
      get retentionMs(): number {
        return settings.current.retentionMs;
      },
      logSizeMaxBytes: config.logSizeMaxBytes,
      diskSpace: { warnPercent: config.diskWarnPercent, fullPercent: config.diskFullPercent },
      storeHost: encodeHost(this.#advertisedAddress(), this.#port),
      tagsCodeRule: delayTagsCodeRule(levels),
    });
  }

  async #load(
    { topics, groups, offsets, modes, pops }: BrokerServices,
    levels: DelayLevels,
    settings: BrokerSettings,
  ): Promise<void> {
    const config = settings.current;
    await topics.load();
    await groups.load();
    await offsets.load();
    // Removing a topic forgets its leases, which must be there to be forgotten.
    await pops.load();
    await this.#repairAfterCrash(topics, offsets);
    await modes.load();
    const system = systemTopics({
      brokerName: config.name,
      clusterName: config.cluster,
      autoCreateTopic: config.autoCreateTopic,
      traceTopic: config.traceTopic,
      defaultTopicQueues: config.defaultTopicQueues,
      delayLevels: levels.count,
    });
    await topics.putAll(system);
    await topics.put(templateTopic(config));
    settings.onChange(async (previous) => {
      await topics.put(templateTopic(config));
      if (config.permission !== previous.permission) await topics.touch();
      await this.#registration?.announced();
    });
  }

  /** What a crash left half done between the settings and the messages. */
  async #repairAfterCrash(topics: TopicTable, offsets: ConsumerOffsets): Promise<void> {
    const store = this.#store;
    if (store === undefined) throw new MqError('INTERNAL', 'the store is not open');
    await topics.finishRemovals(async (name) => {
      await offsets.removeTopic(name);
      await store.dropTopic(name);
    });
    if (!store.isAfterCrash) return;
    const moved = offsets.limitTo((topic, queueId) => store.queues.find(topic, queueId)?.max ?? 0);
    if (moved > 0)
      this.#log.warn(
        { moved },
        'a crash took messages that groups had consumed: their offsets were moved back',
      );
  }

  #startTimers(services: BrokerServices): void {
    const { clock } = this.#options;
    this.#timers.push(
      every(clock, CLIENT_SCAN_MS, () => {
        services.clients.expire();
        services.stats.sampleDay();
      }),
      every(clock, OFFSET_FLUSH_MS, () => {
        services.offsets.flush(false).catch((error: unknown) => {
          this.#log.error({ reason: errorText(error) }, 'consumer offsets could not be saved; tried again');
        });
      }),
    );
  }

  async #register(services: BrokerServices, settings: BrokerSettings): Promise<void> {
    const { config } = this;
    const identity = {
      brokerName: config.name,
      clusterName: config.cluster,
      brokerAddr: this.address,
      haServerAddr: `${this.#advertisedAddress()}:${this.#port + 1}`,
    };
    this.#registration = new NameServerRegistration(
      this.#options.clock,
      this.#log,
      this.#pool,
      services.topics,
      identity,
      {
        nameServers: config.nameServers,
        periodMs: config.registerPeriodMs,
        get permission(): number {
          return settings.current.permission;
        },
      },
    );
    await this.#registration.start();
  }

  #advertisedAddress(): string {
    const { advertise, host } = this.config;
    const address = advertise === '' ? host : advertise;
    if (address === 'localhost') return '127.0.0.1';
    if (!isAddress(address) || address === '0.0.0.0') {
      throw new MqError('INVALID_ARGUMENT', `${address} is not an address that clients can dial`, {
        hint: 'set the broker’s `advertise` to its IPv4 address as clients see it',
      });
    }
    return address;
  }
}
