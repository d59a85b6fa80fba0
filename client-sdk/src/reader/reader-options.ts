import type { Filter } from '../message/filter.ts';
import type { Queue } from '../message/received-message.ts';
import type { Topic } from '../message/topic.ts';
import type { Duration, Moment } from '../options/duration.ts';

/** Where reading begins. `committed`: where the reader's group stopped, its first message when it never did. */
export type ReadFrom =
  | 'first'
  | 'last'
  | 'committed'
  | { readonly time: Moment }
  | { readonly offsets: readonly ReaderPosition[] };

export interface ReaderPosition {
  /** The broker; may be left out where one broker alone has the queue. */
  readonly broker?: string;
  readonly queue: number;
  readonly offset: bigint;
}

export interface ReaderOptions<T> {
  readonly topic: string | Topic<never, T>;
  /** Numbers, or queues with their brokers. @defaultValue 'all' */
  readonly queues?: 'all' | readonly (number | Queue)[];
  /** @defaultValue 'first' */
  readonly from?: ReadFrom;
  readonly filter?: Filter;
  /** For `committed` and `commit`; the broker must know it or create it. @defaultValue 'TOOLS_CONSUMER' */
  readonly group?: string;
}

export interface ReaderPullOptions {
  /** @defaultValue 32 */
  readonly max?: number;
  /** How long to wait for a first message. @defaultValue 0: what is there now */
  readonly wait?: Duration;
  readonly signal?: AbortSignal;
}
