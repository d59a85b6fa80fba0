import { encodeHost } from '@cometmq/common/message/host';
import { UniqueKeyGenerator } from '@cometmq/common/message/message-id';
import type { Logger } from '@cometmq/common/logging/logger';
import type { Clock } from '@cometmq/common/clock/clock';
import type { RandomSource } from '@cometmq/common/random/random';
import { ConsumerTable } from './client/consumer-table.ts';
import { GroupGuard } from './client/group-guard.ts';
import { ProducerTable } from './client/producer-table.ts';
import type { BrokerConfig } from './config/broker-config.ts';
import { DelayDelivery } from './delay/delay-delivery.ts';
import type { DelayLevels } from './delay/delay-levels.ts';
import { Schedules } from './delay/schedules.ts';
import { PropertyFilters } from './filter/property-filters.ts';
import { GroupTable } from './group/group-table.ts';
import { PullHold } from './hold/pull-hold.ts';
import { QueueLocks } from './lock/queue-locks.ts';
import { ConsumerOffsets } from './offset/consumer-offsets.ts';
import { RetryPolicy } from './retry/retry-policy.ts';
import { RequestModes } from './group/request-modes.ts';

import { AssignmentService } from './service/assignment-service.ts';
import type { TopicRoutes } from './service/assignment-service.ts';
import type { BrokerServices } from './service/broker-services.ts';
import { ClientService } from './service/client-service.ts';
import { DirectSend } from './service/direct-send.ts';
import { OffsetService } from './service/offset-service.ts';
import type { PopEngineParts } from './service/pop-engine.ts';
import { PopEngine } from './service/pop-engine.ts';
import { ProducerService } from './service/producer-service.ts';
import type { PullSettings } from './service/pull-service.ts';
import { PullService } from './service/pull-service.ts';
import { QueryService } from './service/query-service.ts';
import { SendBackService } from './service/send-back-service.ts';
import { TransactionService } from './service/transaction-service.ts';
import { BrokerStats } from './stats/broker-stats.ts';
import type { KeyValueStore } from './store/kv/key-value-store.ts';
import type { Durability } from './store/log/durability.ts';
import type { MessageStore } from './store/message-store.ts';
import { Transactions } from './transaction/transactions.ts';
import { TopicCreation } from './topic/topic-creation.ts';
import { TopicTable } from './topic/topic-table.ts';

export interface BrokerBase {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log: Logger;
  /** Read where it is needed: some of it may change while the broker runs. */
  readonly config: BrokerConfig;
  readonly store: MessageStore;
  readonly kv: KeyValueStore;
  readonly levels: DelayLevels;
  readonly advertisedAddress: string;
  readonly advertisedPort: number;
  readonly processId: number;
  /** Where topics are in the whole cluster; undefined on a broker that no name server knows. */
  readonly routes?: TopicRoutes | undefined;
}

/** Builds the services over an open store. Nothing runs yet. */
export function brokerServices(base: BrokerBase): BrokerServices {
  const { clock, random, log, config, store, kv, levels } = base;
  const durability: Durability = config.flush === 'sync' ? 'synced' : 'written';
  const storeHost = encodeHost(base.advertisedAddress, base.advertisedPort);
  const topics = new TopicTable(clock, kv, store.queues);
  const groups = new GroupTable(clock, kv, config);
  const offsets = new ConsumerOffsets(kv);
  const consumers = new ConsumerTable(clock);
  const guard = new GroupGuard(clock, log, consumers, () => config.groupGuard === 'refuse');
  const producers = new ProducerTable(clock);
  const locks = new QueueLocks(clock);
  const hold = new PullHold(clock);
  const stats = new BrokerStats(clock);
  const creation = new TopicCreation(topics);
  const filters = new PropertyFilters(config);
  const uniqueKeys = new UniqueKeyGenerator(clock, random, storeHost.subarray(0, 4), base.processId);
  const transacting = { clock, log, store, kv, topics, producers, storeHost, durability };
  const openTransactions = new Transactions({ ...transacting, settings: config });
  const transactions = new TransactionService({ ...transacting, config, open: openTransactions });
  const schedules = new Schedules({ clock, log, store, topics, kv, durability, settings: config });
  const retryPolicy = new RetryPolicy(groups, locks, creation);
  const producing = new ProducerService(
    {
      brokerName: config.name,
      clusterName: config.cluster,
      maxMessageSizeBytes: config.maxMessageSizeBytes,
      durability,
      storeHost,
    },
    { clock, random, store, creation, levels, schedules, retryPolicy, transactions, uniqueKeys, stats },
  );
  const reading = { topics, groups, consumers, offsets, filters, stats, guard };
  return {
    topics,
    groups,
    offsets,
    consumers,
    guard,
    producers,
    locks,
    hold,
    stats,
    creation,
    schedules,
    delivery: new DelayDelivery({ clock, log, store, topics, journal: schedules.journal, levels }),
    producing,
    direct: new DirectSend({ store, topics, stats, random, producing }),
    pulling: new PullService(pullSettings(config), { ...reading, store, hold }),
    sendBack: new SendBackService({ clock, random, store, groups, creation, levels, stats, durability }),
    offsetting: new OffsetService({ topics, groups, consumers, offsets, hold }),
    ...popServices(base, { ...reading, storeHost, durability }),
    querying: new QueryService(store),
    clients: new ClientService({ consumers, producers, groups, creation, locks, hold, filters, guard }),
    transactions,
    openTransactions,
  };
}

/** Consuming on lease, and who consumes so. */
function popServices(
  base: BrokerBase,
  parts: Omit<PopEngineParts, keyof BrokerBase> & { readonly consumers: ConsumerTable },
): Pick<BrokerServices, 'pops' | 'modes' | 'assignments'> {
  const { topics, groups, consumers, offsets } = parts;
  const modes = new RequestModes(base.kv);
  offsets.onRemoved((matches) => {
    modes.remove(matches);
  });
  const brokerName = base.config.name;
  return {
    pops: new PopEngine({ ...base, ...parts }),
    modes,
    assignments: new AssignmentService({ brokerName, topics, groups, consumers, modes, routes: base.routes }),
  };
}

/** These may change while the broker runs. */
function pullSettings(config: BrokerConfig): PullSettings {
  return {
    get permission(): number {
      return config.permission;
    },
    get batchMax(): number {
      return config.pullBatchMax;
    },
    get bytesMax(): number {
      return config.pullBytesMax;
    },
  };
}
