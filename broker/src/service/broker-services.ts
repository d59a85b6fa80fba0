import type { ConsumerTable } from '../client/consumer-table.ts';
import type { GroupGuard } from '../client/group-guard.ts';
import type { ProducerTable } from '../client/producer-table.ts';
import type { DelayDelivery } from '../delay/delay-delivery.ts';
import type { Schedules } from '../delay/schedules.ts';
import type { GroupTable } from '../group/group-table.ts';
import type { PullHold } from '../hold/pull-hold.ts';
import type { QueueLocks } from '../lock/queue-locks.ts';
import type { ConsumerOffsets } from '../offset/consumer-offsets.ts';
import type { BrokerStats } from '../stats/broker-stats.ts';
import type { TopicCreation } from '../topic/topic-creation.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { Transactions } from '../transaction/transactions.ts';
import type { ClientService } from './client-service.ts';
import type { DirectSend } from './direct-send.ts';
import type { OffsetService } from './offset-service.ts';
import type { ProducerService } from './producer-service.ts';
import type { PullService } from './pull-service.ts';
import type { QueryService } from './query-service.ts';
import type { SendBackService } from './send-back-service.ts';
import type { TransactionService } from './transaction-service.ts';

/** Everything that doors and admin operations use, wired once. */
export interface BrokerServices {
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly offsets: ConsumerOffsets;
  readonly consumers: ConsumerTable;
  readonly guard: GroupGuard;
  readonly producers: ProducerTable;
  readonly locks: QueueLocks;
  readonly hold: PullHold;
  readonly stats: BrokerStats;
  readonly creation: TopicCreation;
  readonly schedules: Schedules;
  readonly delivery: DelayDelivery;
  readonly producing: ProducerService;
  readonly direct: DirectSend;
  readonly pulling: PullService;
  readonly sendBack: SendBackService;
  readonly offsetting: OffsetService;
  readonly querying: QueryService;
  readonly clients: ClientService;
  readonly transactions: TransactionService;
  readonly openTransactions: Transactions;
}
