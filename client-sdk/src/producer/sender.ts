import { setMaxListeners } from 'node:events';
import { MqError } from '@cometmq/common/error/mq-error';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import type { TopicRoute } from '@cometmq/remoting/protocol/body/route';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { ResponseError } from '../admin/response-error.ts';
import type { ClientContext } from '../client/client-context.ts';
import { remoteError } from '../connection/remote-error.ts';
import {
  BrokerBusyError,
  ConnectError,
  IllegalStateError,
  RouteNotFoundError,
  TimeoutError,
} from '../error/client-error.ts';
import type { Queue } from '../message/received-message.ts';
import { pause, reasonOf } from '../options/abortable.ts';
import { masterAddress, writeQueues } from '../route/topic-queues.ts';
import { QueueSelector, queueOfKey } from './queue-selector.ts';
import type { SendContent } from './send-request.ts';
import { DEFAULT_TOPIC_QUEUES, sendRequest } from './send-request.ts';
import type { SendResult } from './send-result.ts';
import { isStored, sendResults } from './send-result.ts';

/** Where a message goes: to the queue of its key, to a named queue, or to any. */
export interface Destination {
  readonly shardingKey?: string | undefined;
  readonly queue?: Queue | undefined;
}

export interface SendLimits {
  /** For all attempts together. */
  readonly timeoutMs: number;
  /** Attempts after the first that may have reached a broker. */
  readonly retries: number;
  readonly signal?: AbortSignal | undefined;
}

/** Answers after which another broker, or the same one later, may do better (Java: retryResponseCodes). */
const RETRY_CODES: ReadonlySet<number> = new Set<number>([
  ResponseCode.SYSTEM_ERROR,
  ResponseCode.SERVICE_NOT_AVAILABLE,
  ResponseCode.NO_PERMISSION,
  ResponseCode.TOPIC_NOT_EXIST,
  ResponseCode.GO_AWAY,
  204,
  205,
]);

/** Of these the route was wrong. */
const ROUTE_CODES: ReadonlySet<number> = new Set<number>([
  ResponseCode.NO_PERMISSION,
  ResponseCode.TOPIC_NOT_EXIST,
  ResponseCode.GO_AWAY,
]);

const UNREACHABLE_PAUSE_MS = 50;
/** Between attempts at a broker that can't take messages now: two of them outlast a start. */
const UNAVAILABLE_PAUSE_MS = 400;
const NEVER = new AbortController().signal;
// Every send that waits listens on it.
setMaxListeners(0, NEVER);

interface Published {
  readonly queues: readonly MessageQueue[];
  readonly route: TopicRoute;
}

/** Sends one request's worth of messages: finds queues, tries again elsewhere, keeps to the deadline. */
export class Sender {
  readonly #context: ClientContext;
  readonly #selector: QueueSelector;

  constructor(context: ClientContext) {
    this.#context = context;
    this.#selector = new QueueSelector(context.random);
  }

  /**
   * @throws what the last attempt failed with: RouteNotFoundError, ConnectError, TimeoutError, BrokerBusyError or
   * ResponseError. After a TimeoutError the messages may be stored; that is thrown as well when an attempt before the
   * last one got no answer.
   */
  async send(
    content: SendContent,
    group: string,
    to: Destination,
    limits: SendLimits,
  ): Promise<SendResult[]> {
    const { clock } = this.#context;
    const deadlineMs = clock.monotonic() + limits.timeoutMs;
    const signal = limits.signal ?? NEVER;
    let avoid: string | undefined;
    let failure: MqError | undefined;
    let unanswered: MqError | undefined;
    for (let attempts = 0; attempts <= limits.retries;) {
      if (signal.aborted) throw reasonOf(signal);
      const remainingMs = deadlineMs - clock.monotonic();
      if (remainingMs <= 0) break;
      try {
        const { queue, address } = await this.#pick(content.topic, to, avoid);
        avoid = queue.brokerName;
        return await this.#attempt(content, group, queue, address, remainingMs);
      } catch (error) {
        if (!(error instanceof MqError)) throw error;
        failure = error;
        if (mayHaveArrived(error)) unanswered = error;
        const waitMs = this.#afterFailure(content.topic, error);
        if (waitMs === undefined) break;
        // What certainly never left may be tried until the deadline.
        if (!(error instanceof ConnectError) || error.requestSent) attempts++;
        if (attempts <= limits.retries && waitMs > 0) {
          await pause(clock, Math.min(waitMs, Math.max(0, deadlineMs - clock.monotonic())), signal);
        }
      }
    }
    if (failure === undefined)
      throw new TimeoutError(`not sent to ${content.topic} within ${limits.timeoutMs} ms`);
    if (unanswered === undefined || mayHaveArrived(failure)) throw failure;
    throw new TimeoutError(
      `it is not known whether ${content.topic} has the message: an attempt got no answer (${unanswered.message}), and a further one failed (${failure.message})`,
      failure,
    );
  }

  /** Sends once without waiting; whether it arrived is not known. */
  async sendOneway(content: SendContent, group: string, to: Destination): Promise<void> {
    const { queue, address } = await this.#pick(content.topic, to, undefined);
    await this.#context.connections.oneway(
      address,
      sendRequest(content, group, queue, this.#context.clock.now()),
    );
  }

  /** The queue a key's messages go to, for grouping them. */
  async queueOf(topic: string, key: string): Promise<MessageQueue | undefined> {
    return queueOfKey(key, (await this.#published(topic)).queues);
  }

  async #attempt(
    content: SendContent,
    group: string,
    queue: MessageQueue,
    address: string,
    timeoutMs: number,
  ): Promise<SendResult[]> {
    const { clock, connections, routes } = this.#context;
    const request = sendRequest(content, group, queue, clock.now());
    const answer = await connections.invoke(address, request, timeoutMs);
    if (!isStored(answer)) throw remoteError(content.code, answer, address);
    // The broker has just created the topic: soon the name servers know.
    if (routes.known(content.topic) === undefined) routes.refresh(content.topic).catch(() => undefined);
    return sendResults(answer, queue, content.messageIds);
  }

  async #pick(
    topic: string,
    to: Destination,
    avoid: string | undefined,
  ): Promise<{ queue: MessageQueue; address: string }> {
    const { queues, route } = await this.#published(topic);
    const addressOf = (brokerName: string): string => masterAddress(route, brokerName) ?? '';
    const usable = (brokerName: string): boolean =>
      this.#context.connections.isAvailable(addressOf(brokerName));
    const queue =
      to.queue !== undefined
        ? queues.find(({ brokerName, queueId }) => brokerName === to.queue?.broker && queueId === to.queue.id)
        : to.shardingKey !== undefined
          ? queueOfKey(to.shardingKey, queues)
          : this.#selector.next(topic, queues, usable, avoid);
    if (queue !== undefined) return { queue, address: addressOf(queue.brokerName) };
    if (to.queue === undefined)
      throw new RouteNotFoundError(topic, ['its route has no queue that can be written to']);
    throw new IllegalStateError(`topic ${topic} has no writable queue ${to.queue.id} on ${to.queue.broker}`);
  }

  async #published(topic: string): Promise<Published> {
    const { routes } = this.#context;
    try {
      const route = await routes.get(topic);
      return { route, queues: writeQueues(topic, route) };
    } catch (error) {
      if (!(error instanceof RouteNotFoundError)) throw error;
      const template = await routes.get(SystemTopic.AUTO_CREATE).catch(() => {
        throw error;
      });
      const queueDatas = template.queueDatas.map((data) => ({
        ...data,
        writeQueueNums: Math.min(DEFAULT_TOPIC_QUEUES, data.readQueueNums),
      }));
      return { route: template, queues: writeQueues(topic, { ...template, queueDatas }) };
    }
  }

  /** How long to wait before the next attempt, ms; undefined when none makes sense. */
  #afterFailure(topic: string, error: MqError): number | undefined {
    if (error instanceof BrokerBusyError) return error.retryAfterMs;
    if (error instanceof TimeoutError) return 0;
    if (error instanceof ConnectError) {
      this.#context.routes.expire(topic);
      return UNREACHABLE_PAUSE_MS;
    }
    if (!(error instanceof ResponseError) || !RETRY_CODES.has(error.remoteCode)) return undefined;
    if (ROUTE_CODES.has(error.remoteCode)) this.#context.routes.expire(topic);
    // A broker that starts, or whose disk is full.
    return error.remoteCode === ResponseCode.SERVICE_NOT_AVAILABLE ? UNAVAILABLE_PAUSE_MS : 0;
  }
}

/** The request left and no answer came. */
function mayHaveArrived(error: MqError): boolean {
  return error instanceof TimeoutError || (error instanceof ConnectError && error.requestSent);
}
