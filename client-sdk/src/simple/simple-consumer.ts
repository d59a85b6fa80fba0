import { Property } from '@cometmq/common/message/property-names';
import { RETRY_PREFIX } from '@cometmq/common/topic/names';
import {
  AckMessageHeader,
  ChangeInvisibleTimeHeader,
  ChangeInvisibleTimeResponseHeader,
} from '@cometmq/remoting/protocol/header/pop';
import type { ExtFields, RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { ClientContext } from '../client/client-context.ts';
import { remoteError } from '../connection/remote-error.ts';
import { ClosedError, IllegalStateError } from '../error/client-error.ts';
import type { Filter } from '../message/filter.ts';
import { ALL_MESSAGES, acceptsTag, subscriptionData } from '../message/filter.ts';
import { ReceivedMessage } from '../message/received-message.ts';
import type { Topic } from '../message/topic.ts';
import { asTopic } from '../message/topic.ts';
import { abortable } from '../options/abortable.ts';
import type { Duration } from '../options/duration.ts';
import { durationMs } from '../options/duration.ts';
import { readQueues } from '../route/topic-queues.ts';
import type { PoppedMessage } from './pop-request.ts';
import { masterOf, popFrom } from './pop-request.ts';
import type { ReceiveOptions, SimpleConsumerOptions } from './simple-consumer-options.ts';

const INVISIBLE = '60s';
const WAIT = '15s';
const RECEIVE_MAX = 16;
const RECEIVE_LIMIT = 32;
/** How long one broker is asked before it is another one's turn. */
const TURN_MS = 1_000;
const ALONE_MS = 15_000;
const CALL_TIMEOUT_MS = 3_000;

/** A topic on one broker: what one request can ask. */
interface Source<T> {
  readonly topic: Topic<never, T>;
  readonly brokerName: string;
}

interface Lease {
  /** Where the message was read: for a retry another topic than its own. */
  readonly topic: string;
  readonly brokerName: string;
  readonly queueId: number;
  readonly offset: number;
  handle: string;
}

/**
 * Takes messages one by one on lease and settles each by itself (RocketMQ 5: SimpleConsumer). All members of a group may
 * get messages of all queues; a message that is not acknowledged in time is given out again, to any of them.
 */
export class SimpleConsumer<T = Buffer> implements AsyncDisposable {
  readonly group: string;
  readonly #context: ClientContext;
  readonly #options: SimpleConsumerOptions<T>;
  readonly #topics: readonly Topic<never, T>[];
  readonly #filter: Filter;
  readonly #leases = new WeakMap<ReceivedMessage<T>, Lease>();
  readonly #closed = new AbortController();
  readonly #onClosed: (consumer: SimpleConsumer<T>) => void;
  /** What came after its receiver had gone. */
  #left: { readonly message: ReceivedMessage<T>; readonly untilMs: number }[] = [];
  #turn = 0;

  /** @internal */
  constructor(
    context: ClientContext,
    options: SimpleConsumerOptions<T>,
    onClosed: (consumer: SimpleConsumer<T>) => void,
  ) {
    if (options.topics.length === 0) throw new IllegalStateError('topics: none given');
    this.group = options.group;
    this.#context = context;
    this.#options = options;
    this.#topics = options.topics.map((topic) => asTopic<never, T>(topic));
    this.#filter = options.filter ?? ALL_MESSAGES;
    this.#onClosed = onClosed;
  }

  /**
   * Messages, at most `max`; none when none came within `wait`. Each is this consumer's own until `invisible` has passed.
   * @throws RouteNotFoundError, ConnectError when no broker can be asked; ClosedError
   */
  async receive(options: ReceiveOptions = {}): Promise<ReceivedMessage<T>[]> {
    const { clock } = this.#context;
    const max = options.max ?? RECEIVE_MAX;
    if (!Number.isInteger(max) || max < 1 || max > RECEIVE_LIMIT) {
      throw new IllegalStateError(`max: ${max} is not a number from 1 to ${RECEIVE_LIMIT}`);
    }
    const invisibleMs = durationMs(options.invisible ?? this.#options.invisible ?? INVISIBLE, 'invisible');
    const deadlineMs = clock.monotonic() + durationMs(options.wait ?? WAIT, 'wait');
    const signal = AbortSignal.any([
      this.#closed.signal,
      ...(options.signal === undefined ? [] : [options.signal]),
    ]);
    signal.throwIfAborted();
    const left = this.#takeLeft(max);
    if (left.length > 0) return left;
    const sources = await abortable(this.#sources(), signal);
    // Everybody is asked without waiting before anybody is waited for.
    for (let asked = 0; ; asked++) {
      const source = sources[this.#turn++ % sources.length];
      if (source === undefined) return [];
      const remainingMs = Math.max(0, Math.floor(deadlineMs - clock.monotonic()));
      const turnMs = sources.length === 1 ? ALONE_MS : asked < sources.length ? 0 : TURN_MS;
      const waitMs = Math.min(remainingMs, turnMs);
      const answer = this.#pop(source, { max, invisibleMs, waitMs });
      const messages = await abortable(answer, signal).catch((error: unknown) => {
        // The answer will come all the same; its messages are leased to us.
        if (signal.aborted) this.#keepLeft(answer, invisibleMs);
        throw error;
      });
      if (messages.length > 0) return messages;
      if (asked + 1 >= sources.length && clock.monotonic() >= deadlineMs) return [];
    }
  }

  /**
   * Settles a message; it is not given out again. False when its lease was over: then it is, or was, given out again.
   * @throws MqError when the broker can't be asked: it may or may not be settled.
   */
  async ack(message: ReceivedMessage<T>): Promise<boolean> {
    const lease = this.#leaseOf(message);
    const { topic, queueId, offset, handle } = lease;
    const fields = { consumerGroup: this.group, topic, queueId, extraInfo: handle, offset };
    const answer = await this.#call(lease, RequestCode.ACK_MESSAGE, AckMessageHeader.encode(fields));
    return answer.code === ResponseCode.SUCCESS;
  }

  /**
   * Keeps a message for `invisible` from now on; 0 gives it back at once. False when its lease was over.
   * @throws MqError when the broker can't be asked.
   */
  async changeInvisible(message: ReceivedMessage<T>, invisible: Duration): Promise<boolean> {
    const lease = this.#leaseOf(message);
    const { topic, queueId, offset, handle, brokerName } = lease;
    const invisibleTime = durationMs(invisible, 'invisible');
    const fields = { consumerGroup: this.group, topic, queueId, extraInfo: handle, offset, invisibleTime };
    const code = RequestCode.CHANGE_MESSAGE_INVISIBLETIME;
    const answer = await this.#call(lease, code, ChangeInvisibleTimeHeader.encode(fields));
    if (answer.code !== ResponseCode.SUCCESS) return false;
    const changed = ChangeInvisibleTimeResponseHeader.decode(answer.extFields);
    const kind = handle.split(' ')[4] ?? '0';
    // An ordered message stays part of its batch.
    const start = this.#options.order === 'queue' ? (handle.split(' ')[0] ?? '') : offset;
    const times = [changed.popTime, changed.invisibleTime, changed.reviveQid];
    lease.handle = [start, ...times, kind, brokerName, queueId, offset].join(' ');
    return true;
  }

  /** Ends calls of `receive`. What was received and not acknowledged is given out again when its time is over. */
  close(): Promise<void> {
    if (!this.#closed.signal.aborted) {
      this.#closed.abort(new ClosedError('consumer'));
      this.#onClosed(this);
    }
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #sources(): Promise<Source<T>[]> {
    const { routes } = this.#context;
    const all = await Promise.all(
      this.#topics.map(async (topic) => {
        const queues = readQueues(topic.name, await routes.get(topic.name));
        return [...new Set(queues.map(({ brokerName }) => brokerName))].map((brokerName) => ({
          topic,
          brokerName,
        }));
      }),
    );
    return all.flat();
  }

  async #pop(
    { topic, brokerName }: Source<T>,
    wanted: { readonly max: number; readonly invisibleMs: number; readonly waitMs: number },
  ): Promise<ReceivedMessage<T>[]> {
    const { connections, routes, nextMessageId } = this.#context;
    const { order, startFrom } = this.#options;
    const popped = await popFrom(connections, routes, {
      ...wanted,
      group: this.group,
      topic: topic.name,
      brokerName,
      filter: this.#filter,
      fromNewest: startFrom !== 'earliest',
      isOrdered: order === 'queue',
      attemptId: order === 'queue' ? nextMessageId() : '',
    });
    const subscription = subscriptionData(topic.name, this.#filter, 0);
    return popped.flatMap((one) => {
      const message = this.#received(one, topic, brokerName);
      if (acceptsTag(subscription, one.stored.properties.get(Property.TAGS))) return message;
      // The broker compares tags by their hash; this one is nobody's.
      void this.ack(message).catch(() => undefined);
      return [];
    });
  }

  #received(
    { stored, earlier, handle }: PoppedMessage,
    topic: Topic<never, T>,
    brokerName: string,
  ): ReceivedMessage<T> {
    const message = new ReceivedMessage(stored, brokerName, topic.codec, earlier + 1);
    const { queueId, queueOffset: offset } = stored;
    this.#leases.set(message, {
      topic: this.#readFrom(topic.name, handle),
      brokerName,
      queueId,
      offset,
      handle,
    });
    return message;
  }

  /** The topic that a message was read from: its handle says which kind of retry topic, if any. */
  #readFrom(topic: string, handle: string): string {
    const kind = handle.split(' ')[4];
    if (kind === '1') return `${RETRY_PREFIX}${this.group}_${topic}`;
    return kind === '2' ? `${RETRY_PREFIX}${this.group}+${topic}` : topic;
  }

  #leaseOf(message: ReceivedMessage<T>): Lease {
    const lease = this.#leases.get(message);
    if (lease === undefined) throw new IllegalStateError('this message was not received here');
    return lease;
  }

  async #call({ brokerName }: Lease, code: number, extFields: ExtFields): Promise<RemotingCommand> {
    const { connections, routes } = this.#context;
    const address = masterOf(routes, brokerName);
    const answer = await connections.invoke(address, { code, extFields }, CALL_TIMEOUT_MS);
    if (answer.code === ResponseCode.SUCCESS || answer.code === ResponseCode.NO_MESSAGE) return answer;
    throw remoteError(code, answer, address);
  }

  #keepLeft(answer: Promise<ReceivedMessage<T>[]>, invisibleMs: number): void {
    const { clock } = this.#context;
    answer.then(
      (messages) => {
        const untilMs = clock.monotonic() + invisibleMs;
        this.#left.push(...messages.map((message) => ({ message, untilMs })));
      },
      () => undefined,
    );
  }

  #takeLeft(max: number): ReceivedMessage<T>[] {
    const now = this.#context.clock.monotonic();
    this.#left = this.#left.filter(({ untilMs }) => untilMs > now);
    return this.#left.splice(0, max).map(({ message }) => message);
  }
}
