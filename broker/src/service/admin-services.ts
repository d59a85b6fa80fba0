import type { Clock } from '@cometmq/common/clock/clock';
import type { Disk } from '@cometmq/common/disk/disk';
import { encodeHost } from '@cometmq/common/message/host';
import type { MessageStore } from '../store/message-store.ts';
import { BrokerAdminService } from './broker-admin-service.ts';
import type { BrokerServices } from './broker-services.ts';
import type { BrokerSettings } from './broker-settings.ts';
import { ClientDirectory } from './client-directory.ts';
import { GroupAdminService } from './group-admin-service.ts';
import { ProgressService } from './progress-service.ts';
import { RuntimeInfoService } from './runtime-info-service.ts';
import { ScheduleService } from './schedule-service.ts';
import { StatisticsService } from './statistics-service.ts';
import { TopicAdminService } from './topic-admin-service.ts';
import { TransactionAdminService } from './transaction-admin-service.ts';

export interface AdminBase {
  readonly clock: Clock;
  readonly disk: Disk;
  readonly store: MessageStore;
  readonly settings: BrokerSettings;
  readonly dataDir: string;
  readonly advertisedAddress: string;
  readonly advertisedPort: number;
  /** Tells the name servers what changed; resolves when those that can be reached know. */
  readonly announce: () => Promise<void>;
}

/** What admin tools, the console and exporters use, whatever door they come through. */
export interface AdminServices {
  /** `host:port` of the broker as clients dial it. */
  readonly address: string;
  readonly topics: TopicAdminService;
  readonly groups: GroupAdminService;
  readonly statistics: StatisticsService;
  readonly progress: ProgressService;
  readonly directory: ClientDirectory;
  readonly runtime: RuntimeInfoService;
  readonly broker: BrokerAdminService;
  readonly schedules: ScheduleService;
  readonly transactions: TransactionAdminService;
}

export function adminServices(base: AdminBase, services: BrokerServices): AdminServices {
  const { clock, disk, store, settings, dataDir, announce } = base;
  const { name: brokerName, cluster: clusterName } = settings.current;
  const { topics, groups, offsets, consumers, guard, producers, hold, stats, delivery } = services;
  const inFlight = services.pops.service.inFlight.bind(services.pops.service);
  const place = { address: base.advertisedAddress, port: base.advertisedPort, dataDir };
  return {
    address: `${place.address}:${place.port}`,
    topics: new TopicAdminService({ brokerName, clusterName, topics, offsets, hold, store, announce }),
    groups: new GroupAdminService(groups, offsets),
    statistics: new StatisticsService(clock, topics, stats, clusterName),
    progress: new ProgressService({ clock, topics, groups, consumers, offsets, stats, inFlight }),
    directory: new ClientDirectory(consumers, producers, offsets, guard),
    runtime: new RuntimeInfoService({
      clock,
      disk,
      dataDir,
      store,
      stats,
      delivery,
      schedules: services.schedules,
      guard,
      pops: services.pops,
      transactions: services.openTransactions,
    }),
    broker: new BrokerAdminService(settings, store, delivery, place),
    schedules: new ScheduleService({ brokerName, topics, schedules: services.schedules }),
    transactions: new TransactionAdminService({
      clock,
      config: settings.current,
      store,
      open: services.openTransactions,
      transactions: services.transactions,
      storeHost: encodeHost(place.address, place.port),
    }),
  };
}
