import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { decodeMessage } from '@cometmq/common/message/message-decoder';
import { Property } from '@cometmq/common/message/property-names';
import type { Clock } from '@cometmq/common/clock/clock';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import { readOffsetTable } from '@cometmq/remoting/protocol/body/queue-stats';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import {
  ConsumeMessageDirectlyHeader,
  ConsumerGroupHeader,
  ConsumerRunningInfoHeader,
} from '@cometmq/remoting/protocol/header/client';
import { ConsumerStatusHeader, ResetOffsetHeader } from '@cometmq/remoting/protocol/header/offset';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import type { Outcome } from '../consumer/handler-run.ts';
import type { ConsumerOperator } from '../consumer/consumer-operator.ts';

/** The part of a consumer that brokers talk to. */
export interface ServedConsumer {
  readonly operator: ConsumerOperator;
  rebalance(): void;
}

/** The part of a transactional producer that brokers talk to. */
export interface ServedProducer {
  ask(request: RemotingCommand, channel: RemotingChannel): void;
}

export interface ServerCallsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly consumerOf: (group: string) => ServedConsumer | undefined;
  readonly transactionalOf: (group: string) => ServedProducer | undefined;
}

/** What brokers ask of a client (Java: ClientRemotingProcessor). */
export class ServerCalls {
  readonly #options: ServerCallsOptions;

  constructor(options: ServerCallsOptions) {
    this.#options = options;
  }

  handle(request: RemotingCommand, channel: RemotingChannel): Reply | undefined | Promise<Reply | undefined> {
    switch (request.code) {
      case RequestCode.NOTIFY_CONSUMER_IDS_CHANGED:
        this.#options.consumerOf(ConsumerGroupHeader.decode(request.extFields).consumerGroup)?.rebalance();
        return { code: ResponseCode.SUCCESS };
      case RequestCode.CHECK_TRANSACTION_STATE:
        this.#checkTransaction(request, channel);
        return undefined;
      case RequestCode.RESET_CONSUMER_CLIENT_OFFSET:
        return this.#resetOffset(request);
      case RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT: {
        const { group, topic } = ConsumerStatusHeader.decode(request.extFields);
        return this.#answer(group, (consumer) => consumer.operator.statusBody(topic));
      }
      case RequestCode.GET_CONSUMER_RUNNING_INFO: {
        const { consumerGroup } = ConsumerRunningInfoHeader.decode(request.extFields);
        return this.#answer(consumerGroup, (consumer) => consumer.operator.runningInfoBody());
      }
      case RequestCode.CONSUME_MESSAGE_DIRECTLY:
        return this.#consumeDirectly(request);
      default:
        return {
          code: ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
          remark: ` request type ${request.code} not supported`,
        };
    }
  }

  /** Answered by END_TRANSACTION, not by a response. */
  #checkTransaction(request: RemotingCommand, channel: RemotingChannel): void {
    const { body = Buffer.alloc(0) } = request;
    const group = decodeMessage(body, 0, body.length).properties.get(Property.PRODUCER_GROUP) ?? '';
    const producer = this.#options.transactionalOf(group);
    if (producer !== undefined) producer.ask(request, channel);
    else this.#options.log.warn({ group }, 'asked about a transaction of a group that has no producer here');
  }

  async #resetOffset(request: RemotingCommand): Promise<Reply> {
    const { group, topic } = ResetOffsetHeader.decode(request.extFields);
    const offsets = readOffsetTable(parseBody(request.body));
    this.#options.log.info({ group, topic, queues: offsets.length }, 'offsets reset by an operator');
    await this.#options.consumerOf(group)?.operator.resetOffsets(offsets);
    return { code: ResponseCode.SUCCESS };
  }

  async #consumeDirectly(request: RemotingCommand): Promise<Reply> {
    const { consumerGroup, brokerName } = ConsumeMessageDirectlyHeader.decode(request.extFields);
    const consumer = this.#options.consumerOf(consumerGroup);
    if (consumer === undefined || request.body === undefined) return unknownGroup(consumerGroup);
    const startMs = this.#options.clock.monotonic();
    const message = decodeMessage(request.body, 0, request.body.length);
    const outcome = await consumer.operator.consumeDirectly(message, brokerName ?? '');
    const body = jsonBody({
      autoCommit: true,
      consumeResult: resultName(outcome),
      order: consumer.operator.ordered,
      remark:
        outcome.kind === 'ack' ? undefined : errorText(outcome.error ?? 'the handler asked for a retry'),
      spentTimeMills: Math.round(this.#options.clock.monotonic() - startMs),
    });
    return { code: ResponseCode.SUCCESS, body };
  }

  #answer(group: string, body: (consumer: ServedConsumer) => Buffer): Reply {
    const consumer = this.#options.consumerOf(group);
    return consumer === undefined
      ? unknownGroup(group)
      : { code: ResponseCode.SUCCESS, body: body(consumer) };
  }
}

function resultName(outcome: Outcome): string {
  if (outcome.kind === 'ack') return 'CR_SUCCESS';
  return outcome.error === undefined ? 'CR_LATER' : 'CR_THROW_EXCEPTION';
}

function unknownGroup(group: string): Reply {
  return {
    code: ResponseCode.SYSTEM_ERROR,
    remark: `The Consumer Group <${group}> not exist in this consumer`,
  };
}
