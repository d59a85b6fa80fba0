import type { Clock } from '@cometmq/common/clock/clock';
import type { Disk } from '@cometmq/common/disk/disk';
import type { Logger } from '@cometmq/common/logging/logger';
import type { RandomSource } from '@cometmq/common/random/random';
import type { Connections } from '../connection/connections.ts';
import type { RouteTable } from '../route/route-table.ts';

/** What producers, consumers and readers of one client share. */
export interface ClientContext {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly disk: Disk;
  readonly log: Logger;
  readonly clientId: string;
  readonly nameServers: readonly string[];
  readonly connections: Connections;
  readonly routes: RouteTable;
  /** A new UNIQ_KEY. */
  readonly nextMessageId: () => string;
  /** Tells all brokers who lives here, now. */
  readonly heartbeat: () => Promise<void>;
  /** Tells one broker who lives here, now. */
  readonly heartbeatTo: (address: string) => Promise<void>;
}
