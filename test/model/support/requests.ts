// The requests of the model's steps, as any client sends them.
import { encodeBatch } from '@cometmq/common/message/batch-codec';
import { encodeProperties } from '@cometmq/common/message/properties';
import { QueryMessageHeader, ViewMessageHeader } from '@cometmq/remoting/protocol/header/message';
import {
  QueryConsumerOffsetHeader,
  QueueHeader,
  ResetOffsetHeader,
  SearchOffsetHeader,
  UpdateConsumerOffsetHeader,
} from '@cometmq/remoting/protocol/header/offset';
import { PullFlag, PullMessageHeader } from '@cometmq/remoting/protocol/header/pull';
import {
  EndTransactionHeader,
  SendBackHeader,
  SendMessageHeaderV2,
} from '@cometmq/remoting/protocol/header/send';
import { CreateTopicHeader, TopicHeader } from '@cometmq/remoting/protocol/header/topic';
import type { Request } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { Draft } from '../reference/reference-message.ts';
import { bodyOf, propertiesOf } from '../reference/reference-message.ts';

/** Queues that a producer asks for when its topic does not exist yet. */
export const DEFAULT_QUEUES = 3;
const PREPARED = 4;
const RW = 6;

interface Place {
  readonly topic: string;
  readonly queueId: number;
}

/** Delayed when it has a level. */
export function send({ topic, queueId }: Place, draft: Draft, bornAt: number, level = 0): Request {
  return sendRequest(topic, queueId, draft, bornAt, 0, level > 0 ? { DELAY: String(level) } : {});
}

/** A half message; its draft names the producer group. */
export function sendHalf({ topic, queueId }: Place, draft: Draft, bornAt: number): Request {
  return sendRequest(topic, queueId, draft, bornAt, PREPARED, { TRAN_MSG: 'true' });
}

export function sendBatch({ topic, queueId }: Place, drafts: readonly Draft[], bornAt: number): Request {
  const members = drafts.map((draft) => ({
    flag: 0,
    body: bodyOf(draft),
    properties: Buffer.from(encodeProperties(propertiesOf(draft))),
  }));
  return {
    code: RequestCode.SEND_BATCH_MESSAGE,
    extFields: SendMessageHeaderV2.encode({ ...sendHeader(topic, queueId, bornAt), i: '', m: true }),
    body: encodeBatch(members),
  };
}

function sendRequest(
  topic: string,
  queueId: number,
  draft: Draft,
  bornAt: number,
  sysFlag: number,
  extra: Readonly<Record<string, string>> = {},
): Request {
  const properties = new Map([...propertiesOf(draft), ...Object.entries(extra)]);
  return {
    code: RequestCode.SEND_MESSAGE_V2,
    extFields: SendMessageHeaderV2.encode({
      ...sendHeader(topic, queueId, bornAt),
      f: sysFlag,
      i: encodeProperties(properties),
    }),
    body: bodyOf(draft),
  };
}

function sendHeader(
  topic: string,
  queueId: number,
  bornAt: number,
): Parameters<typeof SendMessageHeaderV2.encode>[0] {
  return {
    a: 'producers',
    b: topic,
    c: 'TBW102',
    d: DEFAULT_QUEUES,
    e: queueId,
    f: 0,
    g: bornAt,
    h: 0,
    i: '',
    j: 0,
    k: false,
    m: false,
  };
}

export function pull(
  group: string,
  { topic, queueId }: Place,
  offset: number,
  countMax = 32,
  subscription = '*',
): Request {
  return {
    code: RequestCode.PULL_MESSAGE,
    extFields: PullMessageHeader.encode({
      consumerGroup: group,
      topic,
      queueId,
      queueOffset: offset,
      maxMsgNums: countMax,
      sysFlag: PullFlag.SUBSCRIPTION,
      commitOffset: 0,
      suspendTimeoutMillis: 0,
      subVersion: 1,
      subscription,
      expressionType: 'TAG',
    }),
  };
}

export function commitOffset(group: string, { topic, queueId }: Place, offset: number): Request {
  const header = { consumerGroup: group, topic, queueId, commitOffset: offset };
  return { code: RequestCode.UPDATE_CONSUMER_OFFSET, extFields: UpdateConsumerOffsetHeader.encode(header) };
}

export function endOfQueue({ topic, queueId }: Place, end: 'min' | 'max'): Request {
  const code = end === 'min' ? RequestCode.GET_MIN_OFFSET : RequestCode.GET_MAX_OFFSET;
  return { code, extFields: QueueHeader.encode({ topic, queueId }) };
}

export function queryOffset(group: string, { topic, queueId }: Place): Request {
  const header = { consumerGroup: group, topic, queueId };
  return { code: RequestCode.QUERY_CONSUMER_OFFSET, extFields: QueryConsumerOffsetHeader.encode(header) };
}

export function searchOffset({ topic, queueId }: Place, timestamp: number, boundaryType: string): Request {
  const header = { topic, queueId, timestamp, boundaryType };
  return { code: RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, extFields: SearchOffsetHeader.encode(header) };
}

/** By time, or in one queue to an offset. */
export function resetOffset(
  group: string,
  topic: string,
  timestamp: number,
  one?: { readonly queueId: number; readonly offset: number },
): Request {
  const header = { topic, group, timestamp, isForce: true, ...one };
  return { code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, extFields: ResetOffsetHeader.encode(header) };
}

export interface SendBack {
  readonly physicalOffset: number;
  readonly group: string;
  readonly delayLevel: number;
  readonly maxReconsumeTimes: number;
}

export function sendBack({ physicalOffset: offset, ...rest }: SendBack): Request {
  return { code: RequestCode.CONSUMER_SEND_MSG_BACK, extFields: SendBackHeader.encode({ offset, ...rest }) };
}

export interface EndTransaction {
  readonly producerGroup: string;
  readonly halfOffset: number;
  readonly physicalOffset: number;
  readonly commitOrRollback: number;
}

export function endTransaction({
  producerGroup,
  halfOffset,
  physicalOffset,
  commitOrRollback,
}: EndTransaction): Request {
  const header = {
    producerGroup,
    tranStateTableOffset: halfOffset,
    commitLogOffset: physicalOffset,
    commitOrRollback,
  };
  return { code: RequestCode.END_TRANSACTION, extFields: EndTransactionHeader.encode(header) };
}

export function putTopic(topic: string, queueCount: number): Request {
  const header = { topic, readQueueNums: queueCount, writeQueueNums: queueCount, perm: RW };
  return { code: RequestCode.UPDATE_AND_CREATE_TOPIC, extFields: CreateTopicHeader.encode(header) };
}

export function deleteTopic(topic: string): Request {
  return { code: RequestCode.DELETE_TOPIC_IN_BROKER, extFields: TopicHeader.encode({ topic }) };
}

export function queryByKey(topic: string, key: string, begin: number, end: number): Request {
  const header = { topic, key, maxNum: 64, beginTimestamp: begin, endTimestamp: end };
  return { code: RequestCode.QUERY_MESSAGE, extFields: QueryMessageHeader.encode(header) };
}

export function viewById(physicalOffset: number): Request {
  return {
    code: RequestCode.VIEW_MESSAGE_BY_ID,
    extFields: ViewMessageHeader.encode({ offset: physicalOffset }),
  };
}
