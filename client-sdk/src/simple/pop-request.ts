import { MqError } from '@cometmq/common/error/mq-error';
import type { StoredMessage } from '@cometmq/common/message/message';
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import { Property } from '@cometmq/common/message/property-names';
import { PopMessageHeader, PopMessageResponseHeader } from '@cometmq/remoting/protocol/header/pop';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { Connections } from '../connection/connections.ts';
import { remoteError } from '../connection/remote-error.ts';
import type { Filter } from '../message/filter.ts';
import type { RouteTable } from '../route/route-table.ts';

export interface PopQuestion {
  readonly group: string;
  readonly topic: string;
  readonly brokerName: string;
  readonly max: number;
  readonly invisibleMs: number;
  readonly waitMs: number;
  readonly filter: Filter;
  readonly fromNewest: boolean;
  readonly isOrdered: boolean;
  readonly attemptId: string;
}

/** A message and what proves that it is ours for now. */
export interface PoppedMessage {
  readonly stored: StoredMessage;
  /** Deliveries before this one. */
  readonly earlier: number;
  readonly handle: string;
}

/** Answers come at the latest this long after the time the broker may hold a request. */
const MARGIN_MS = 10_000;
const INIT_MODE = { oldest: 0, newest: 1 } as const;
const ANY_QUEUE = -1;

const NOTHING: ReadonlySet<number> = new Set([
  ResponseCode.POLLING_TIMEOUT,
  ResponseCode.POLLING_FULL,
  ResponseCode.PULL_NOT_FOUND,
]);

/** @throws MqError `SERVICE_NOT_AVAILABLE` when the broker has no address, and what `Connections.invoke` throws. */
export async function popFrom(
  connections: Connections,
  routes: RouteTable,
  question: PopQuestion,
): Promise<PoppedMessage[]> {
  const { brokerName, waitMs } = question;
  const address = masterOf(routes, brokerName);
  const code = RequestCode.POP_MESSAGE;
  const request = { code, extFields: headerOf(question) };
  const answer = await connections.invoke(address, request, waitMs + MARGIN_MS);
  if (NOTHING.has(answer.code)) return [];
  if (answer.code !== ResponseCode.SUCCESS) throw remoteError(code, answer, address);
  const header = PopMessageResponseHeader.decode(answer.extFields);
  const starts = startOffsets(header.startOffsetInfo ?? '');
  const counts = attemptCounts(header.orderCountInfo ?? '');
  return decodeMessages(answer.body ?? Buffer.alloc(0)).map((stored) => {
    const { queueId, queueOffset, properties } = stored;
    const { popTime, invisibleTime, reviveQid } = header;
    const own = [
      starts.get(queueId) ?? queueOffset,
      popTime,
      invisibleTime,
      reviveQid,
      0,
      brokerName,
      queueId,
    ];
    return {
      stored,
      earlier: counts.get(`qo${queueId}%${queueOffset}`) ?? stored.reconsumeTimes,
      // The broker writes the handle into retries: they come from another topic than they say.
      handle: properties.get(Property.POP_CHECKPOINT) ?? [...own, queueOffset].join(' '),
    };
  });
}

/** Where a broker takes requests. @throws MqError `SERVICE_NOT_AVAILABLE`. */
export function masterOf(routes: RouteTable, brokerName: string): string {
  const address = routes.master(brokerName);
  if (address !== undefined) return address;
  throw new MqError('SERVICE_NOT_AVAILABLE', `no address of broker ${brokerName}`);
}

function headerOf(question: PopQuestion): ReturnType<typeof PopMessageHeader.encode> {
  const { filter, attemptId } = question;
  return PopMessageHeader.encode({
    consumerGroup: question.group,
    topic: question.topic,
    queueId: ANY_QUEUE,
    maxMsgNums: question.max,
    invisibleTime: question.invisibleMs,
    pollTime: question.waitMs,
    bornTime: 0,
    initMode: question.fromNewest ? INIT_MODE.newest : INIT_MODE.oldest,
    expType: filter.type,
    exp: filter.expression,
    order: question.isOrdered,
    attemptId: attemptId === '' ? undefined : attemptId,
  });
}

/** `f queueId startOffset` of each queue; retries carry their handles themselves. */
function startOffsets(info: string): Map<number, number> {
  const parts = info.split(';').map((part) => part.split(' ').map(Number));
  return new Map(parts.filter(([kind]) => kind === 0).map(([, queueId = 0, start = 0]) => [queueId, start]));
}

/** `f qo<queueId>%<offset> count` of each message that was given out before, in order. */
function attemptCounts(info: string): Map<string, number> {
  return new Map(
    info.split(';').flatMap((part) => {
      const [, place, count] = part.split(' ');
      return place === undefined ? [] : [[place, Number(count)] as const];
    }),
  );
}
