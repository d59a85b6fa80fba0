import { MqError } from '@cometmq/common/error/mq-error';
import type { StoredMessage } from '@cometmq/common/message/message';
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import type { SubscriptionData } from '@cometmq/remoting/protocol/body/heartbeat';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import {
  PullFlag,
  PullMessageHeader,
  PullMessageResponseHeader,
} from '@cometmq/remoting/protocol/header/pull';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RouteTable } from '../route/route-table.ts';
import { MASTER_ID } from '../route/topic-queues.ts';
import type { Connections } from './connections.ts';
import { remoteError } from './remote-error.ts';

export interface PullQuestion {
  readonly group: string;
  readonly queue: MessageQueue;
  readonly offset: number;
  readonly maxMessages: number;
  /** How long the broker may hold the request while there is no message; 0: not at all. */
  readonly suspendMs: number;
  readonly subscription: SubscriptionData;
  /** The subscription travels along, for groups that send no heartbeat. */
  readonly withSubscription: boolean;
  /** Committed along the way. */
  readonly commitOffset?: number | undefined;
  /** Which of the broker's replicas to ask, as the last answer suggested. */
  readonly brokerId?: number | undefined;
}

/** `illegal`: the offset does not exist, `nextOffset` is the nearest that does. */
export interface PullAnswer {
  readonly status: 'found' | 'none' | 'illegal';
  readonly messages: readonly StoredMessage[];
  readonly nextOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly suggestedBrokerId: number;
}

/** Answers come at the latest this long after the time the broker may hold a request. */
const MARGIN_MS = 10_000;
const MAX_BYTES = 256 * 1024;

/** @throws MqError `SERVICE_NOT_AVAILABLE` when no broker holds the queue, and what `Connections.invoke` throws. */
export async function pull(
  connections: Connections,
  routes: RouteTable,
  question: PullQuestion,
): Promise<PullAnswer> {
  const { queue, brokerId = 0 } = question;
  const addresses = routes.broker(queue.brokerName)?.brokerAddrs ?? {};
  const address = addresses[brokerId] ?? addresses[MASTER_ID] ?? Object.values(addresses)[0];
  if (address === undefined)
    throw new MqError('SERVICE_NOT_AVAILABLE', `no address of broker ${queue.brokerName}`);
  const code = RequestCode.PULL_MESSAGE;
  const request = { code, extFields: headerOf(question) };
  const answer = await connections.invoke(address, request, question.suspendMs + MARGIN_MS);
  const status = STATUS_OF_CODE[answer.code];
  if (status === undefined) throw remoteError(code, answer, address);
  const header = PullMessageResponseHeader.decode(answer.extFields);
  return {
    status,
    messages: answer.body === undefined || status !== 'found' ? [] : decodeMessages(answer.body),
    nextOffset: header.nextBeginOffset,
    minOffset: header.minOffset,
    maxOffset: header.maxOffset,
    suggestedBrokerId: header.suggestWhichBrokerId,
  };
}

const STATUS_OF_CODE: Readonly<Record<number, PullAnswer['status']>> = {
  [ResponseCode.SUCCESS]: 'found',
  [ResponseCode.PULL_NOT_FOUND]: 'none',
  [ResponseCode.PULL_RETRY_IMMEDIATELY]: 'none',
  [ResponseCode.PULL_OFFSET_MOVED]: 'illegal',
};

function headerOf(question: PullQuestion): ReturnType<typeof PullMessageHeader.encode> {
  const { subscription, withSubscription, commitOffset, suspendMs, queue } = question;
  return PullMessageHeader.encode({
    consumerGroup: question.group,
    topic: queue.topic,
    queueId: queue.queueId,
    queueOffset: question.offset,
    maxMsgNums: question.maxMessages,
    sysFlag:
      (commitOffset === undefined ? 0 : PullFlag.COMMIT_OFFSET) |
      (suspendMs > 0 ? PullFlag.SUSPEND : 0) |
      (withSubscription ? PullFlag.SUBSCRIPTION : 0),
    commitOffset: commitOffset ?? 0,
    suspendTimeoutMillis: suspendMs,
    subVersion: subscription.subVersion,
    subscription: withSubscription ? subscription.subString : undefined,
    expressionType: subscription.expressionType,
    maxMsgBytes: MAX_BYTES,
    bname: queue.brokerName,
  });
}
