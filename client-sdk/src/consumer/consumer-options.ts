import type { Filter } from '../message/filter.ts';
import type { ReceivedMessage } from '../message/received-message.ts';
import type { Topic } from '../message/topic.ts';
import type { Duration, Moment } from '../options/duration.ts';
import type { RetryBackoff } from './delay-level.ts';
import type { MessageContext, RetryDirective } from './message-context.ts';

export interface RetryOptions {
  /** Redeliveries before the message goes to the dead letters. @defaultValue 16; without end for ordered queues */
  readonly attempts?: number;
  /** Waiting time by attempt. @defaultValue the broker's ladder: 10s 30s 1m 2m … 2h; 1s for ordered queues */
  readonly backoff?: RetryBackoff;
}

export interface BatchOptions {
  /** Most messages of one call. */
  readonly max: number;
  /** How long a smaller batch waits for more. @defaultValue 0 */
  readonly within?: Duration;
}

/** Where a group starts on a queue it has never read. */
export type StartFrom = 'latest' | 'earliest' | { readonly time: Moment };

/** A topic, a typed topic, or either of them with a filter of its own. */
export type Subscription<T> =
  string | Topic<never, T> | { readonly topic: string | Topic<never, T>; readonly filter: Filter };

interface CommonConsumerOptions<T> {
  readonly group: string;
  readonly topics: readonly Subscription<T>[];
  /** For the topics that name no filter of their own. @defaultValue all messages */
  readonly filter?: Filter;
  /** `cluster`: each message goes to one member; `broadcast`: to all. @defaultValue 'cluster' */
  readonly mode?: 'cluster' | 'broadcast';
  /** `queue`: one message of a queue at a time, in order; `key`: one of a sharding key, keys in parallel. */
  readonly order?: 'queue' | 'key';
  /** Handler calls at the same time. @defaultValue 20 */
  readonly concurrency?: number;
  /** Messages held of each queue. @defaultValue 1000 */
  readonly prefetch?: number;
  /** Bytes held of each queue. @defaultValue 100 MiB */
  readonly prefetchBytes?: number;
  /** After this the message is sent to its retry and `ctx.signal` aborts. @defaultValue '15m' */
  readonly timeout?: Duration;
  readonly retry?: RetryOptions;
  /** @defaultValue 'latest' */
  readonly startFrom?: StartFrom;
  /** Broadcast only: folder of the offset file. Without it offsets are kept in memory. */
  readonly offsetsDirectory?: string;
  /** A queue that had no answer to a pull for this long is restarted. @defaultValue '60s' */
  readonly stallAfter?: Duration;
}

/** What a handler may return: nothing, or a directive of its context. Throwing means: retry. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- handlers without a result are the usual ones
export type HandlerResult = RetryDirective | undefined | void;

export interface MessageConsumerOptions<T> extends CommonConsumerOptions<T> {
  handle(message: ReceivedMessage<T>, context: MessageContext): Promise<HandlerResult> | HandlerResult;
  readonly handleBatch?: undefined;
  readonly batch?: undefined;
}

/** One entry for each message; no list means that all are done. */
// eslint-disable-next-line @typescript-eslint/no-invalid-void-type -- as above
export type BatchResult = readonly ('ack' | RetryDirective)[] | undefined | void;

export interface BatchConsumerOptions<T> extends CommonConsumerOptions<T> {
  readonly batch: BatchOptions;
  handleBatch(
    messages: readonly ReceivedMessage<T>[],
    context: MessageContext,
  ): Promise<BatchResult> | BatchResult;
  readonly handle?: undefined;
}

export type ConsumerOptions<T> = MessageConsumerOptions<T> | BatchConsumerOptions<T>;
