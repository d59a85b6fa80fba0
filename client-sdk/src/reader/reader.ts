import { Property } from '@cometmq/common/message/property-names';
import type { StoredMessage } from '@cometmq/common/message/message';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import type { ClientContext } from '../client/client-context.ts';
import { Backoff } from '../connection/backoff.ts';
import { OffsetRequests } from '../connection/offset-requests.ts';
import type { PullAnswer } from '../connection/pull-request.ts';
import { pull } from '../connection/pull-request.ts';
import { ClosedError, IllegalStateError } from '../error/client-error.ts';
import type { Filter } from '../message/filter.ts';
import { ALL_MESSAGES, acceptsTag, subscriptionData } from '../message/filter.ts';
import { ReceivedMessage } from '../message/received-message.ts';
import type { Topic } from '../message/topic.ts';
import { asTopic } from '../message/topic.ts';
import { abortable, pause, reasonOf } from '../options/abortable.ts';
import type { Moment } from '../options/duration.ts';
import { durationMs, momentMs } from '../options/duration.ts';
import { readQueues } from '../route/topic-queues.ts';
import type { ReaderOptions, ReaderPosition, ReaderPullOptions } from './reader-options.ts';
import { QueueFetcher } from './queue-fetcher.ts';

const DEFAULT_GROUP = 'TOOLS_CONSUMER';
const SUSPEND_MAX_MS = 15_000;
const PULL_BATCH = 32;
const PULL_BACKOFF = { firstMs: 100, maxMs: 3000 };

/**
 * Reads queues at one's own pace, without a group's rebalance and without acknowledging anything. Within a queue
 * messages come in order; between queues in the order they arrive here.
 */
export class Reader<T = Buffer> implements AsyncDisposable, AsyncIterable<ReceivedMessage<T>> {
  readonly #context: ClientContext;
  readonly #requests: OffsetRequests;
  readonly #topic: Topic<never, T>;
  readonly #options: ReaderOptions<T>;
  readonly #group: string;
  readonly #filter: Filter;
  readonly #version: number;
  readonly #onClosed: (reader: Reader<T>) => void;
  readonly #closed = new AbortController();
  #opening: Promise<QueueFetcher[]> | undefined;
  #turn = 0;

  /** @internal */
  constructor(context: ClientContext, options: ReaderOptions<T>, onClosed: (reader: Reader<T>) => void) {
    this.#context = context;
    this.#options = options;
    this.#onClosed = onClosed;
    this.#topic = asTopic<never, T>(options.topic);
    this.#group = options.group ?? DEFAULT_GROUP;
    this.#filter = options.filter ?? ALL_MESSAGES;
    this.#version = context.clock.now();
    this.#requests = new OffsetRequests(context.connections, context.routes);
  }

  /** All messages from the start position on, without end: it waits for new ones until `close`. */
  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedMessage<T>, void, void> {
    while (!this.#isClosed()) {
      let page: ReceivedMessage<T>[];
      try {
        page = await this.pull({ wait: SUSPEND_MAX_MS, max: 1 });
      } catch (error) {
        if (this.#isClosed()) return;
        throw error;
      }
      yield* page;
    }
  }

  /**
   * The next messages, at most `max`; none when none came within `wait`.
   * @throws RouteNotFoundError, ConnectError when the topic's queues can't be found; ClosedError
   */
  async pull(options: ReaderPullOptions = {}): Promise<ReceivedMessage<T>[]> {
    const { max = PULL_BATCH, signal } = options;
    const { clock } = this.#context;
    const fetchers = await abortable(this.#open(), signal);
    const deadlineMs = clock.monotonic() + durationMs(options.wait ?? 0, 'wait');
    for (;;) {
      if (this.#isClosed()) throw new ClosedError('reader');
      if (signal?.aborted === true) throw reasonOf(signal);
      const page = this.#take(fetchers, max);
      if (page.length > 0) return page;
      const remainingMs = deadlineMs - clock.monotonic();
      await this.#fetch(fetchers, remainingMs, signal);
      const found = this.#take(fetchers, max);
      if (found.length > 0 || deadlineMs - clock.monotonic() <= 0) return found;
    }
  }

  /** Continues a queue at an offset. */
  async seek(position: ReaderPosition): Promise<void> {
    const fetchers = await this.#open();
    this.#fetcher(fetchers, position).seek(Number(position.offset));
  }

  /** Continues all queues at the first message stored at or after a time. */
  async seekToTime(time: Moment): Promise<void> {
    const timeMs = momentMs(time, this.#context.clock.now(), 'time');
    const fetchers = await this.#open();
    const offsets = await Promise.all(fetchers.map(({ queue }) => this.#requests.atTime(queue, timeMs)));
    fetchers.forEach((fetcher, index) => {
      fetcher.seek(offsets[index] ?? 0);
    });
  }

  /** The next offset to be delivered, queue by queue. */
  async positions(): Promise<Required<ReaderPosition>[]> {
    const fetchers = await this.#open();
    return fetchers.map(({ queue, position }) => ({
      broker: queue.brokerName,
      queue: queue.queueId,
      offset: BigInt(position),
    }));
  }

  /** Commits the positions for the reader's group. */
  async commit(): Promise<void> {
    const fetchers = await this.#open();
    await Promise.all(
      fetchers.map(({ queue, position }) => this.#requests.commit(this.#group, queue, position)),
    );
  }

  /** Ends iteration and pulls that wait. */
  close(): Promise<void> {
    if (!this.#isClosed()) {
      this.#closed.abort(new ClosedError('reader'));
      this.#onClosed(this);
    }
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #isClosed(): boolean {
    return this.#closed.signal.aborted;
  }

  #open(): Promise<QueueFetcher[]> {
    if (this.#isClosed()) return Promise.reject(new ClosedError('reader'));
    this.#opening ??= this.#openQueues().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #openQueues(): Promise<QueueFetcher[]> {
    const { clock, log, random, routes } = this.#context;
    const queues = this.#chosen(readQueues(this.#topic.name, await routes.get(this.#topic.name)));
    const offsets = await Promise.all(queues.map((queue) => this.#startOffset(queue)));
    const pullQueue = (queue: MessageQueue, offset: number, suspendMs: number) =>
      this.#pull(queue, offset, suspendMs);
    return queues.map((queue, index) => {
      const backoff = new Backoff(random, PULL_BACKOFF);
      return new QueueFetcher({ clock, log, queue, backoff, pull: pullQueue }, offsets[index] ?? 0);
    });
  }

  #chosen(all: readonly MessageQueue[]): readonly MessageQueue[] {
    const { queues = 'all' } = this.#options;
    if (queues === 'all') return all;
    return queues.map((wanted) => {
      const { broker, id } = typeof wanted === 'number' ? { broker: undefined, id: wanted } : wanted;
      return onlyOne(all, this.#topic.name, broker, id);
    });
  }

  async #startOffset(queue: MessageQueue): Promise<number> {
    const { from = 'first' } = this.#options;
    if (from === 'first') return this.#requests.min(queue);
    if (from === 'last') return this.#requests.max(queue);
    if (from === 'committed') {
      return (await this.#requests.committed(this.#group, queue)) ?? (await this.#requests.min(queue));
    }
    if ('time' in from)
      return this.#requests.atTime(queue, momentMs(from.time, this.#context.clock.now(), 'from.time'));
    const given = from.offsets.find(
      ({ broker, queue: id }) => id === queue.queueId && (broker ?? queue.brokerName) === queue.brokerName,
    );
    return given === undefined ? this.#requests.min(queue) : Number(given.offset);
  }

  async #pull(queue: MessageQueue, offset: number, suspendMs: number): Promise<PullAnswer> {
    const { connections, routes } = this.#context;
    const subscription = subscriptionData(this.#topic.name, this.#filter, this.#version);
    const question = { group: this.#group, queue, offset, suspendMs, subscription, maxMessages: PULL_BATCH };
    const answer = await pull(connections, routes, { ...question, withSubscription: true });
    const wanted = answer.messages.filter(({ properties }) =>
      acceptsTag(subscription, properties.get(Property.TAGS)),
    );
    return { ...answer, messages: wanted };
  }

  /** Takes messages queue by queue in turn. */
  #take(fetchers: readonly QueueFetcher[], max: number): ReceivedMessage<T>[] {
    const page: ReceivedMessage<T>[] = [];
    for (let step = 0; step < fetchers.length && page.length < max; step++) {
      const fetcher = fetchers[this.#turn % fetchers.length];
      this.#turn = (this.#turn + 1) % Math.max(1, fetchers.length);
      for (let message = fetcher?.take(); message !== undefined;) {
        page.push(this.#received(message, fetcher?.queue.brokerName ?? ''));
        message = page.length < max ? fetcher?.take() : undefined;
      }
    }
    return page;
  }

  #received(message: StoredMessage, brokerName: string): ReceivedMessage<T> {
    return new ReceivedMessage(message, brokerName, this.#topic.codec, message.reconsumeTimes + 1);
  }

  /** Returns when one queue has messages, or when all have answered and waiting makes no sense. */
  async #fetch(
    fetchers: readonly QueueFetcher[],
    remainingMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { clock } = this.#context;
    const suspendMs = Math.max(0, Math.min(SUSPEND_MAX_MS, Math.floor(remainingMs)));
    const done = new AbortController();
    const stop = (): void => {
      done.abort();
    };
    signal?.addEventListener('abort', stop);
    this.#closed.signal.addEventListener('abort', stop);
    const fetches = fetchers.map(async (fetcher) => {
      await fetcher.fetch(suspendMs);
      if (!fetcher.isEmpty) stop();
    });
    const all = Promise.all(fetches).then(async () => {
      const waitMs = Math.max(0, ...fetchers.map(({ retryAtMs }) => retryAtMs - clock.monotonic()));
      if (waitMs > 0) await pause(clock, Math.min(waitMs, Math.max(0, remainingMs)), done.signal);
      stop();
    });
    // Requests held by a broker end by themselves; their answers are kept for the next call.
    const limit = remainingMs > 0 ? pause(clock, remainingMs, done.signal) : all;
    try {
      await Promise.race([limit, all, pause(clock, SUSPEND_MAX_MS, done.signal)]);
    } finally {
      stop();
      signal?.removeEventListener('abort', stop);
      this.#closed.signal.removeEventListener('abort', stop);
    }
  }

  #fetcher(fetchers: readonly QueueFetcher[], { broker, queue }: ReaderPosition): QueueFetcher {
    const wanted = onlyOne(
      fetchers.map((fetcher) => fetcher.queue),
      this.#topic.name,
      broker,
      queue,
    );
    const fetcher = fetchers.find((candidate) => candidate.queue === wanted);
    if (fetcher === undefined) throw new IllegalStateError(`queue ${queue} is not read here`);
    return fetcher;
  }
}

function onlyOne(
  queues: readonly MessageQueue[],
  topic: string,
  broker: string | undefined,
  id: number,
): MessageQueue {
  const [queue, ...others] = queues.filter(
    ({ queueId, brokerName }) => queueId === id && (broker ?? brokerName) === brokerName,
  );
  if (queue === undefined) throw new IllegalStateError(`topic ${topic} has no readable queue ${id}`);
  if (others.length > 0)
    throw new IllegalStateError(`several brokers have queue ${id} of ${topic}`, 'name the broker');
  return queue;
}
