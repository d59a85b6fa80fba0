import type { Filter } from '../message/filter.ts';
import type { Topic } from '../message/topic.ts';
import type { Duration } from '../options/duration.ts';

export interface SimpleConsumerOptions<T> {
  readonly group: string;
  readonly topics: readonly (string | Topic<never, T>)[];
  /** @defaultValue all messages */
  readonly filter?: Filter;
  /** How long a message is this consumer's own before it is given out again; at most 12 hours. @defaultValue '60s' */
  readonly invisible?: Duration;
  /** Each queue gives out its next messages only when the ones before are acknowledged. */
  readonly order?: 'queue';
  /** Where a group begins that never consumed a topic. @defaultValue 'latest' */
  readonly startFrom?: 'latest' | 'earliest';
}

export interface ReceiveOptions {
  /** 1 to 32. @defaultValue 16 */
  readonly max?: number;
  /** How long to wait for a first message. @defaultValue '15s' */
  readonly wait?: Duration;
  /** For these messages, instead of the consumer's. */
  readonly invisible?: Duration;
  readonly signal?: AbortSignal;
}
