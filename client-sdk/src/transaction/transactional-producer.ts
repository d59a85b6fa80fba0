import { MqError, errorText } from '@cometmq/common/error/mq-error';
import { encodeProperties } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { groupNameFault } from '@cometmq/common/topic/names';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import type { ClientContext } from '../client/client-context.ts';
import { remoteError } from '../connection/remote-error.ts';
import { BrokerBusyError, ClosedError, ConnectError, IllegalStateError } from '../error/client-error.ts';
import type { Codec, Topic } from '../message/topic.ts';
import { asTopic, rawCodec } from '../message/topic.ts';
import { durationMs } from '../options/duration.ts';
import type { EncodedMessage, OutgoingMessage } from '../producer/outgoing-message.ts';
import { encodeMessage } from '../producer/outgoing-message.ts';
import type { SendOptions } from '../producer/producer.ts';
import type { SendContent } from '../producer/send-request.ts';
import { singleContent } from '../producer/send-request.ts';
import type { SendResult } from '../producer/send-result.ts';
import { Sender } from '../producer/sender.ts';
import { masterAddress } from '../route/topic-queues.ts';
import { endRequest, placeOfHalf } from './end-transaction.ts';
import { TransactionChecks } from './transaction-checks.ts';
import type {
  Decision,
  Transaction,
  TransactionResult,
  TransactionalOptions,
} from './transaction-options.ts';
import { Rollback } from './transaction-options.ts';

const MIB = 1024 * 1024;

/** What a local transaction does; what it returns decides, `Rollback` rolls back, any other error leaves it open. */
export type LocalTransaction = (transaction: Transaction) => Decision | Promise<Decision>;

/**
 * Sends messages that become visible when a local transaction has succeeded. Made by `MqClient.transactional`, which
 * takes no options without a checker.
 */
export class TransactionalProducer<T = Buffer> implements AsyncDisposable {
  readonly group: string;
  readonly #context: ClientContext;
  readonly #options: TransactionalOptions<T>;
  readonly #timeoutMs: number;
  readonly #inFlightMax: number;
  readonly #sender: Sender;
  readonly #checks: TransactionChecks<T>;
  readonly #onClose: (producer: TransactionalProducer<T>) => Promise<void>;
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  /** @internal */
  constructor(
    context: ClientContext,
    options: TransactionalOptions<T>,
    onClose: (producer: TransactionalProducer<T>) => Promise<void>,
  ) {
    checkOptions(options);
    this.group = options.group;
    this.#context = context;
    this.#options = options;
    this.#timeoutMs = durationMs(options.sendTimeout ?? 3000, 'sendTimeout');
    this.#inFlightMax = options.maxInFlight ?? 10_000;
    this.#sender = new Sender(context);
    this.#onClose = onClose;
    const codecs = new Map<string, Codec<never, T>>();
    for (const { name, codec } of (options.topics ?? []).map((topic) => asTopic<never, T>(topic))) {
      codecs.set(name, codec);
    }
    this.#checks = new TransactionChecks({
      log: context.log,
      group: options.group,
      check: options.check,
      codecOf: (topic) => codecs.get(topic) ?? (rawCodec as unknown as Codec<never, T>),
      concurrency: options.checkConcurrency ?? 20,
    });
    for (const topic of codecs.keys()) this.#introduce(topic);
  }

  /**
   * Stores the message where nobody sees it, runs the local transaction and tells the broker its decision. Rejects with
   * what the local transaction threw, unless it is a `Rollback`: then nothing is decided, and the broker will ask.
   * When the message can't be stored for certain, the local transaction does not run.
   * @throws as `Producer.send`; MqError `CONFLICT` when the transaction was decided otherwise in the meantime.
   */
  async sendInTransaction<In>(
    topic: string | Topic<In, unknown>,
    message: OutgoingMessage<In>,
    local: LocalTransaction,
    options: SendOptions = {},
  ): Promise<TransactionResult> {
    const encoded = this.#encode(asTopic<In, unknown>(topic), message);
    if (this.#running.size >= this.#inFlightMax) {
      throw new BrokerBusyError(`${this.#running.size} transactions are under way`, 100, 'raise maxInFlight');
    }
    const running = this.#run(encoded, local, options);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Transactions under way. */
  stats(): { readonly inFlight: number; readonly inFlightBytes: number; readonly onewayDropped: number } {
    return { inFlight: this.#running.size, inFlightBytes: 0, onewayDropped: 0 };
  }

  /** @internal A broker asks. */
  ask(request: RemotingCommand, channel: RemotingChannel): void {
    this.#checks.ask(request, channel);
  }

  /** Waits for transactions that are under way and for running checks, then tells the brokers. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#running);
    await this.#checks.close();
    await this.#onClose(this);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #encode<In>(topic: Topic<In, unknown>, message: OutgoingMessage<In>): EncodedMessage {
    if (this.#closed) throw new ClosedError('producer');
    if (message.delayLevel !== undefined) {
      throw new IllegalStateError('a transactional message can not be delayed', 'leave delayLevel out');
    }
    const sizeMax = this.#options.maxMessageSize ?? 4 * MIB;
    return encodeMessage(topic, message, this.#context.nextMessageId(), sizeMax);
  }

  async #run(
    message: EncodedMessage,
    local: LocalTransaction,
    options: SendOptions,
  ): Promise<TransactionResult> {
    const timeoutMs =
      options.timeout === undefined ? this.#timeoutMs : durationMs(options.timeout, 'timeout');
    const content = halfContent(await singleContent(message, this.#options.compressOver ?? 4096), this.group);
    // Not tried again when it may have arrived: a second half message would be one more to decide.
    const limits = { timeoutMs, retries: 0, signal: options.signal };
    const [sent] = (await this.#sender.send(content, this.group, message, limits)) as [SendResult];
    // Java: what is stored but not safe is rolled back, without having run the local transaction.
    const outcome = sent.status === 'SEND_OK' ? await this.#decision(sent, local) : 'rollback';
    return { ...sent, outcome, confirmed: await this.#end(sent, outcome, timeoutMs) };
  }

  async #decision(sent: SendResult, local: LocalTransaction): Promise<Decision> {
    try {
      const decision: unknown = await local({ id: sent.messageId, sent });
      return decision === 'commit' || decision === 'rollback' ? decision : 'unknown';
    } catch (error) {
      if (error instanceof Rollback) return 'rollback';
      const { topic, messageId } = sent;
      this.#context.log.warn(
        { topic, messageId, reason: errorText(error), error },
        'the local transaction failed: whether it took effect is not known, so the broker will ask',
      );
      throw error;
    }
  }

  /** True when the broker has carried the decision out. @throws MqError `CONFLICT` when it refused to. */
  async #end(sent: SendResult, decision: Decision, timeoutMs: number): Promise<boolean> {
    const { routes, connections, log, clock } = this.#context;
    const request = endRequest(placeOfHalf(this.group, sent), decision, false);
    const deadlineMs = clock.monotonic() + timeoutMs;
    try {
      const address = masterAddress(await routes.get(sent.topic), sent.queue.broker);
      if (address === undefined) throw new ConnectError('', `broker ${sent.queue.broker} is gone`, false);
      if (decision === 'unknown') {
        // Brokers do not answer that.
        await connections.oneway(address, request);
        return false;
      }
      const answer = await connections.invoke(address, request, Math.max(deadlineMs - clock.monotonic(), 1));
      if (answer.code !== ResponseCode.SUCCESS) {
        throw remoteError(RequestCode.END_TRANSACTION, answer, address);
      }
      return true;
    } catch (error) {
      if (!(error instanceof MqError) || error.kind === 'CONFLICT') throw error;
      log.warn(
        { topic: sent.topic, messageId: sent.messageId, decision, reason: error.message },
        'whether the broker knows the decision is not known; it will ask if not',
      );
      return false;
    }
  }

  /** Brokers of the topic get a heartbeat from the first connection on. */
  #introduce(topic: string): void {
    const { routes, heartbeat, log } = this.#context;
    routes.get(topic).then(heartbeat, (error: unknown) => {
      log.info({ topic, reason: errorText(error) }, 'no broker has this topic yet; the first send finds it');
    });
  }
}

/** The same content, to be stored as a half message. */
function halfContent(content: SendContent, group: string): SendContent {
  const marks = new Map([
    [Property.TRANSACTION_PREPARED, 'true'],
    [Property.PRODUCER_GROUP, group],
  ]);
  return {
    ...content,
    sysFlag: content.sysFlag | SysFlag.TRANSACTION_PREPARED,
    properties: content.properties + encodeProperties(marks),
  };
}

function checkOptions<T>({ group, check }: TransactionalOptions<T>): void {
  const fault = groupNameFault(group);
  if (fault !== undefined) throw new IllegalStateError(fault);
  if (typeof check !== 'function') {
    throw new IllegalStateError(
      'a transactional producer needs a checker',
      'pass check: (message) => what became of the transaction, as your database tells',
    );
  }
}
