import type { Clock } from '@cometmq/common/clock/clock';
import type { Disk } from '@cometmq/common/disk/disk';
import type { Logger } from '@cometmq/common/logging/logger';
import type { Net } from '@cometmq/common/net/net';
import type { RandomSource } from '@cometmq/common/random/random';
import type { Duration } from '../options/duration.ts';

/** Anything that logs as pino does: fields first, then the text. */
export type LoggerLike = Omit<Logger, 'child'> & { child?: Logger['child'] };

/** The outside world, replaceable for tests. */
export interface ClientPorts {
  readonly clock?: Clock;
  readonly net?: Net;
  readonly disk?: Disk;
  readonly random?: RandomSource;
}

export interface ClientOptions {
  /** `host:port` of each name server, or all of them in one text with `;` between. */
  readonly nameServers: string | readonly string[];
  /** @defaultValue one that writes warnings and errors to standard error */
  readonly logger?: LoggerLike;
  /** Must differ between clients. @defaultValue address, process id and a random part */
  readonly clientId?: string;
  /** @defaultValue '3s' */
  readonly connectTimeout?: Duration;
  /** How often routes are asked for. @defaultValue '30s' */
  readonly routeRefresh?: Duration;
  /** How often brokers hear from us; they forget a client after 120 s. @defaultValue '30s' */
  readonly heartbeat?: Duration;
  readonly ports?: ClientPorts;
}
