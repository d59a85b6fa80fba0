import { deflate } from 'node:zlib';
import { promisify } from 'node:util';
import type { BatchMember } from '@cometmq/common/message/batch-codec';
import { encodeBatch } from '@cometmq/common/message/batch-codec';
import { encodeProperties } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import { SendMessageHeaderV2 } from '@cometmq/remoting/protocol/header/send';
import type { Request } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { EncodedMessage } from './outgoing-message.ts';

/** What is the same in every attempt to send a message. */
export interface SendContent {
  readonly topic: string;
  readonly code: number;
  readonly body: Buffer;
  readonly sysFlag: number;
  readonly flag: number;
  readonly properties: string;
  readonly batch: boolean;
  readonly messageIds: readonly string[];
  readonly reconsumeTimes?: number;
  readonly maxReconsumeTimes?: number;
}

/** Queues of a topic that the broker creates on the first send (Java: defaultTopicQueueNums). */
export const DEFAULT_TOPIC_QUEUES = 4;
const DEFLATE_LEVEL = 5;
const deflateAsync = promisify<Buffer, { level: number }, Buffer>(deflate);

/** A single message; its body is compressed from `compressOver` bytes on if that makes it smaller. */
export async function singleContent(message: EncodedMessage, compressOver: number): Promise<SendContent> {
  const { topic, flag, properties, messageId } = message;
  const compressed =
    message.body.length < compressOver
      ? undefined
      : await deflateAsync(message.body, { level: DEFLATE_LEVEL });
  const smaller = compressed !== undefined && compressed.length < message.body.length;
  return {
    topic,
    code: RequestCode.SEND_MESSAGE_V2,
    body: smaller ? compressed : message.body,
    sysFlag: smaller ? SysFlag.COMPRESSED | SysFlag.COMPRESSION_ZLIB : 0,
    flag,
    properties,
    batch: false,
    messageIds: [messageId],
  };
}

/** Messages that the broker stores in one go, one behind the other in one queue. */
export function batchContent(messages: readonly EncodedMessage[]): SendContent {
  return {
    topic: messages[0]?.topic ?? '',
    code: RequestCode.SEND_BATCH_MESSAGE,
    body: encodeBatch(messages.map(batchMember)),
    sysFlag: 0,
    flag: 0,
    properties: encodeProperties(new Map([[Property.WAIT, 'true']])),
    batch: true,
    messageIds: messages.map(({ messageId }) => messageId),
  };
}

export function batchMember({ flag, body, properties }: EncodedMessage): BatchMember {
  return { flag, body, properties: Buffer.from(properties) };
}

export function sendRequest(
  content: SendContent,
  group: string,
  queue: MessageQueue,
  bornMs: number,
): Request {
  return {
    code: content.code,
    body: content.body,
    extFields: SendMessageHeaderV2.encode({
      a: group,
      b: content.topic,
      c: SystemTopic.AUTO_CREATE,
      d: DEFAULT_TOPIC_QUEUES,
      e: queue.queueId,
      f: content.sysFlag,
      g: bornMs,
      h: content.flag,
      i: content.properties,
      j: content.reconsumeTimes ?? 0,
      k: false,
      l: content.maxReconsumeTimes,
      m: content.batch,
      n: queue.brokerName,
    }),
  };
}
