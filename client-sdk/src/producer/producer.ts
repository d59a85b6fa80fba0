import { groupNameFault } from '@cometmq/common/topic/names';
import { errorText } from '@cometmq/common/error/mq-error';
import type { ClientContext } from '../client/client-context.ts';
import { BrokerBusyError, ClosedError, IllegalStateError } from '../error/client-error.ts';
import type { Topic } from '../message/topic.ts';
import { asTopic } from '../message/topic.ts';
import type { Duration } from '../options/duration.ts';
import { durationMs } from '../options/duration.ts';
import { splitBatch } from './batch-splitter.ts';
import type { EncodedMessage, OutgoingMessage } from './outgoing-message.ts';
import { encodeMessage } from './outgoing-message.ts';
import type { CancelResult, ScheduledMessage } from './schedule-cancel.ts';
import { cancelByHandle, cancelById } from './schedule-cancel.ts';
import { batchContent, singleContent } from './send-request.ts';
import type { SendResult } from './send-result.ts';
import { Sender } from './sender.ts';

export interface ProducerOptions {
  /** Under which the broker lists it. @defaultValue 'DEFAULT_PRODUCER' */
  readonly group?: string;
  /** For all attempts of one send together. @defaultValue '3s' */
  readonly sendTimeout?: Duration;
  /** Further attempts after one that may have reached a broker. @defaultValue 2 */
  readonly retries?: number;
  /** Largest body in bytes. @defaultValue 4 MiB */
  readonly maxMessageSize?: number;
  /** Bodies from this many bytes on are compressed (zlib). @defaultValue 4096 */
  readonly compressOver?: number;
  /** `sendBatch` splits at this many bytes. @defaultValue 1 MiB */
  readonly maxBatchSize?: number;
  /** Messages on their way at once; further ones are refused. @defaultValue 10000 */
  readonly maxInFlight?: number;
  /** Bytes of bodies on their way at once. @defaultValue 64 MiB */
  readonly maxInFlightBytes?: number;
}

export interface SendOptions {
  readonly timeout?: Duration;
  readonly signal?: AbortSignal;
}

/** What became of one message of a batch. */
export type BatchItemResult =
  { readonly ok: true; readonly result: SendResult } | { readonly ok: false; readonly error: Error };

export interface ProducerStats {
  readonly inFlight: number;
  readonly inFlightBytes: number;
  /** One-way messages that were certainly not sent. */
  readonly onewayDropped: number;
}

const MIB = 1024 * 1024;
const BATCH_COUNT_MAX = 1000;

interface Settings {
  readonly group: string;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly sizeMax: number;
  readonly compressOver: number;
  readonly batchSizeMax: number;
  readonly inFlightMax: number;
  readonly inFlightBytesMax: number;
}

/** Sends messages. Made by `MqClient.producer`; any number of sends may run at the same time. */
export class Producer implements AsyncDisposable {
  readonly group: string;
  readonly #context: ClientContext;
  readonly #settings: Settings;
  readonly #sender: Sender;
  readonly #onClose: (producer: Producer) => Promise<void>;
  /** The last send of each sharding key that is on its way. */
  readonly #lanes = new Map<string, Promise<void>>();
  readonly #running = new Set<Promise<unknown>>();
  #inFlight = 0;
  #inFlightBytes = 0;
  #onewayDropped = 0;
  #closed = false;

  /** @internal */
  constructor(
    context: ClientContext,
    options: ProducerOptions,
    onClose: (producer: Producer) => Promise<void>,
  ) {
    this.#context = context;
    this.#settings = settingsOf(options);
    this.#sender = new Sender(context);
    this.#onClose = onClose;
    this.group = this.#settings.group;
  }

  /**
   * Sends one message and resolves when a broker has stored it. It may be stored twice after a timeout or a broken
   * connection; `messageId` is the same then.
   * @throws MqError of the kinds the class names say: RouteNotFoundError, ConnectError, TimeoutError, BrokerBusyError,
   * MessageTooLargeError, SchemaError, ResponseError, ClosedError
   */
  async send<In>(
    topic: string | Topic<In, unknown>,
    message: OutgoingMessage<In>,
    options: SendOptions = {},
  ): Promise<SendResult> {
    const encoded = this.#encode(asTopic<In, unknown>(topic), message);
    const { shardingKey } = message;
    const work = (): Promise<SendResult> => this.#sendOne(encoded, options);
    return this.#admit(1, encoded.body.length, () =>
      shardingKey === undefined ? work() : this.#inTurn(`${encoded.topic} ${shardingKey}`, work),
    );
  }

  /**
   * Sends many messages in as few requests as their sizes allow. Never rejects for a single message: each item says
   * what became of it. Messages of one sharding key keep their order.
   */
  async sendBatch<In>(
    topic: string | Topic<In, unknown>,
    messages: readonly OutgoingMessage<In>[],
    options: SendOptions = {},
  ): Promise<BatchItemResult[]> {
    const target = asTopic<In, unknown>(topic);
    const results: (BatchItemResult | undefined)[] = messages.map(() => undefined);
    const encoded = messages.map((message, index) => {
      try {
        return this.#encode(target, message);
      } catch (error) {
        results[index] = failed(error);
        return undefined;
      }
    });
    const lanes = await this.#lanesOf(encoded);
    const { batchSizeMax } = this.#settings;
    const parts = splitBatch(
      encoded,
      (message) => lanes.get(laneKey(message)) ?? '',
      batchSizeMax,
      BATCH_COUNT_MAX,
    );
    // One after the other: this bounds memory and keeps the order within a key.
    for (const { indexes, messages: members } of parts) {
      const outcome = await this.#sendPart(members, options);
      indexes.forEach((index, position) => {
        results[index] = outcome[position];
      });
    }
    return results.map((result) => result ?? failed(new Error('not sent')));
  }

  /** Sends without an answer. Nothing is thrown for what gets lost; `stats().onewayDropped` counts what never left. */
  sendOneway<In>(topic: string | Topic<In, unknown>, message: OutgoingMessage<In>): void {
    const encoded = this.#encode(asTopic<In, unknown>(topic), message);
    this.#admit(1, encoded.body.length, async () => {
      const content = await singleContent(encoded, this.#settings.compressOver);
      await this.#sender.sendOneway(content, this.group, encoded);
    }).catch((error: unknown) => {
      this.#onewayDropped++;
      this.#context.log.debug({ topic: encoded.topic, reason: errorText(error) }, 'one-way message dropped');
    });
  }

  /**
   * Takes back a message that waits for its time (`delay`, `deliverAt`), by the `schedule` of its send result or by its
   * id. `CANCELLED` means that nobody will ever get it.
   * @throws ResponseError when it waits in a delay level, or the broker knows no timed messages.
   */
  cancel(message: string | ScheduledMessage, options: SendOptions = {}): Promise<CancelResult> {
    if (this.#closed) throw new ClosedError('producer');
    const { timeoutMs } = this.#limits(options);
    return typeof message === 'string'
      ? cancelByHandle(this.#context, this.group, message, timeoutMs)
      : cancelById(this.#context, message, timeoutMs);
  }

  stats(): ProducerStats {
    return {
      inFlight: this.#inFlight,
      inFlightBytes: this.#inFlightBytes,
      onewayDropped: this.#onewayDropped,
    };
  }

  /** Waits for what is on its way, then tells the brokers. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#running);
    await this.#onClose(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #encode<In>(topic: Topic<In, unknown>, message: OutgoingMessage<In>): EncodedMessage {
    if (this.#closed) throw new ClosedError('producer');
    return encodeMessage(topic, message, this.#context.nextMessageId(), this.#settings.sizeMax);
  }

  async #sendOne(message: EncodedMessage, options: SendOptions): Promise<SendResult> {
    const content = await singleContent(message, this.#settings.compressOver);
    const [result] = await this.#sender.send(content, this.group, message, this.#limits(options));
    return result as SendResult;
  }

  async #sendPart(members: readonly EncodedMessage[], options: SendOptions): Promise<BatchItemResult[]> {
    const [first] = members;
    const sizeBytes = members.reduce((sum, { body }) => sum + body.length, 0);
    try {
      const results = await this.#admit(members.length, sizeBytes, async () =>
        members.length === 1 && first !== undefined
          ? [await this.#sendOne(first, options)]
          : await this.#sender.send(batchContent(members), this.group, first ?? {}, this.#limits(options)),
      );
      return results.map((result) => ({ ok: true, result }));
    } catch (error) {
      return members.map(() => failed(error));
    }
  }

  /** The batch each message belongs to: that of its queue, when it has one. */
  async #lanesOf(messages: readonly (EncodedMessage | undefined)[]): Promise<Map<string, string>> {
    const lanes = new Map<string, string>();
    for (const message of messages) {
      if (message?.shardingKey === undefined || lanes.has(laneKey(message))) continue;
      const queue = await this.#sender.queueOf(message.topic, message.shardingKey).catch(() => undefined);
      lanes.set(
        laneKey(message),
        queue === undefined ? laneKey(message) : `${queue.queueId} ${queue.brokerName}`,
      );
    }
    for (const message of messages) {
      if (message?.queue !== undefined) lanes.set(laneKey(message), laneKey(message));
    }
    return lanes;
  }

  /** Runs a send within the limits of what may be on its way. */
  async #admit<R>(count: number, sizeBytes: number, work: () => Promise<R>): Promise<R> {
    const { inFlightMax, inFlightBytesMax } = this.#settings;
    const tooMany =
      this.#inFlight + count > inFlightMax || this.#inFlightBytes + sizeBytes > inFlightBytesMax;
    if (tooMany && this.#inFlight > 0) {
      const what = `${this.#inFlight} messages of ${this.#inFlightBytes} bytes are on their way`;
      throw new BrokerBusyError(what, 100, 'await earlier sends, or raise maxInFlight and maxInFlightBytes');
    }
    this.#inFlight += count;
    this.#inFlightBytes += sizeBytes;
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
      this.#inFlight -= count;
      this.#inFlightBytes -= sizeBytes;
    }
  }

  /** One send after the other within a lane, whatever becomes of them. */
  async #inTurn<R>(lane: string, work: () => Promise<R>): Promise<R> {
    const previous = this.#lanes.get(lane);
    const current = previous === undefined ? work() : previous.then(work);
    const settled = current.then(
      () => undefined,
      () => undefined,
    );
    this.#lanes.set(lane, settled);
    try {
      return await current;
    } finally {
      if (this.#lanes.get(lane) === settled) this.#lanes.delete(lane);
    }
  }

  #limits({ timeout, signal }: SendOptions): {
    timeoutMs: number;
    retries: number;
    signal: AbortSignal | undefined;
  } {
    const { timeoutMs, retries } = this.#settings;
    return { timeoutMs: timeout === undefined ? timeoutMs : durationMs(timeout, 'timeout'), retries, signal };
  }
}

function laneKey({ shardingKey, queue }: EncodedMessage): string {
  if (queue !== undefined) return `queue ${queue.id} ${queue.broker}`;
  return shardingKey === undefined ? '' : `key ${shardingKey}`;
}

function failed(error: unknown): BatchItemResult {
  return { ok: false, error: error instanceof Error ? error : new Error(String(error)) };
}

function settingsOf(options: ProducerOptions): Settings {
  const group = options.group ?? 'DEFAULT_PRODUCER';
  const fault = groupNameFault(group);
  if (fault !== undefined) throw new IllegalStateError(fault);
  return {
    group,
    timeoutMs: durationMs(options.sendTimeout ?? 3000, 'sendTimeout'),
    retries: options.retries ?? 2,
    sizeMax: options.maxMessageSize ?? 4 * MIB,
    compressOver: options.compressOver ?? 4096,
    batchSizeMax: options.maxBatchSize ?? MIB,
    inFlightMax: options.maxInFlight ?? 10_000,
    inFlightBytesMax: options.maxInFlightBytes ?? 64 * MIB,
  };
}
