import { MqError } from '@cometmq/common/error/mq-error';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import {
  OffsetResponseHeader,
  QueryConsumerOffsetHeader,
  QueueHeader,
  SearchOffsetHeader,
  UpdateConsumerOffsetHeader,
} from '@cometmq/remoting/protocol/header/offset';
import type { RemotingCommand, Request } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RouteTable } from '../route/route-table.ts';
import type { Connections } from './connections.ts';
import { remoteError } from './remote-error.ts';

const TIMEOUT_MS = 5000;

/** Questions about offsets, asked of the master of a queue's broker. All throw what `Connections.invoke` throws. */
export class OffsetRequests {
  readonly #connections: Connections;
  readonly #routes: RouteTable;

  constructor(connections: Connections, routes: RouteTable) {
    this.#connections = connections;
    this.#routes = routes;
  }

  /** Offset of the next message to be stored. */
  max({ topic, queueId, brokerName }: MessageQueue): Promise<number> {
    const extFields = QueueHeader.encode({ topic, queueId, bname: brokerName });
    return this.#offset(brokerName, { code: RequestCode.GET_MAX_OFFSET, extFields });
  }

  /** Offset of the oldest message. */
  async min({ topic, queueId, brokerName }: MessageQueue): Promise<number> {
    const extFields = QueueHeader.encode({ topic, queueId, bname: brokerName });
    // Some 5.x brokers say -1 for a queue without messages.
    return Math.max(0, await this.#offset(brokerName, { code: RequestCode.GET_MIN_OFFSET, extFields }));
  }

  /** First message stored at or after the time; the end when there is none. */
  atTime({ topic, queueId, brokerName }: MessageQueue, timestamp: number): Promise<number> {
    const extFields = SearchOffsetHeader.encode({ topic, queueId, timestamp, bname: brokerName });
    return this.#offset(brokerName, { code: RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, extFields });
  }

  /** What the group has committed; undefined when it never did. */
  async committed(
    consumerGroup: string,
    { topic, queueId, brokerName }: MessageQueue,
  ): Promise<number | undefined> {
    const extFields = QueryConsumerOffsetHeader.encode({ consumerGroup, topic, queueId, bname: brokerName });
    const request = { code: RequestCode.QUERY_CONSUMER_OFFSET, extFields };
    const { answer, address } = await this.#ask(brokerName, request);
    if (answer.code === ResponseCode.QUERY_NOT_FOUND) return undefined;
    return offsetOf(answer, request.code, address);
  }

  async commit(
    consumerGroup: string,
    { topic, queueId, brokerName }: MessageQueue,
    commitOffset: number,
  ): Promise<void> {
    const extFields = UpdateConsumerOffsetHeader.encode({
      consumerGroup,
      topic,
      queueId,
      commitOffset,
      bname: brokerName,
    });
    const code = RequestCode.UPDATE_CONSUMER_OFFSET;
    const { answer, address } = await this.#ask(brokerName, { code, extFields });
    if (answer.code !== ResponseCode.SUCCESS) throw remoteError(code, answer, address);
  }

  async #offset(brokerName: string, request: Request): Promise<number> {
    const { answer, address } = await this.#ask(brokerName, request);
    return offsetOf(answer, request.code, address);
  }

  async #ask(brokerName: string, request: Request): Promise<{ answer: RemotingCommand; address: string }> {
    const address = this.#routes.master(brokerName);
    if (address === undefined)
      throw new MqError('SERVICE_NOT_AVAILABLE', `broker ${brokerName} has no master now`);
    return { address, answer: await this.#connections.invoke(address, request, TIMEOUT_MS) };
  }
}

function offsetOf(answer: RemotingCommand, request: number, address: string): number {
  if (answer.code !== ResponseCode.SUCCESS) throw remoteError(request, answer, address);
  return OffsetResponseHeader.decode(answer.extFields).offset;
}
