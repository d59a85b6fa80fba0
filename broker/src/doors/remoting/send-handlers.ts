import {
  SendBackHeader,
  SendMessageHeader,
  SendMessageHeaderV2,
  SendMessageResponseHeader,
} from '@cometmq/remoting/protocol/header/send';
import type { HeaderOf } from '@cometmq/remoting/protocol/header/fields';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { ClientVersion } from '@cometmq/remoting/protocol/version';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import type { SendBackService } from '../../service/send-back-service.ts';
import { REGION } from '../../service/producer-service.ts';
import type { ProducerService } from '../../service/producer-service.ts';
import type { SendOutcome, SendRequest } from '../../service/request-types.ts';
import type { HandlerTable } from './handler-table.ts';

type SendHeader = HeaderOf<typeof SendMessageHeader>;

const EMPTY = Buffer.alloc(0);

/** SEND_MESSAGE in both spellings, batches, and CONSUMER_SEND_MSG_BACK. */
export function sendHandlers(producers: ProducerService, sendBack: SendBackService): HandlerTable {
  const send = async (request: RemotingCommand, channel: RemotingChannel): Promise<Reply> => {
    const header = sendHeader(request);
    const message = sendRequest(header, request, channel);
    const isBatch = header.batch === true || request.code === RequestCode.SEND_BATCH_MESSAGE;
    return sendReply(isBatch ? await producers.sendBatch(message) : await producers.send(message));
  };
  return [
    [RequestCode.SEND_MESSAGE, send],
    [RequestCode.SEND_MESSAGE_V2, send],
    [RequestCode.SEND_BATCH_MESSAGE, send],
    [
      RequestCode.CONSUMER_SEND_MSG_BACK,
      async (request): Promise<Reply> => {
        const header = SendBackHeader.decode(request.extFields);
        await sendBack.sendBack({
          group: header.group,
          physicalOffset: header.offset,
          delayLevel: header.delayLevel,
          maxReconsumeTimes: request.version >= ClientVersion.V3_4_9 ? header.maxReconsumeTimes : undefined,
        });
        return { code: ResponseCode.SUCCESS };
      },
    ],
  ];
}

/** C++ sends letters with code 10 and Go sends names with batches: what is there decides. */
function sendHeader(request: RemotingCommand): SendHeader {
  if (request.extFields?.['a'] === undefined) return SendMessageHeader.decode(request.extFields);
  const short = SendMessageHeaderV2.decode(request.extFields);
  return {
    producerGroup: short.a,
    topic: short.b,
    defaultTopic: short.c,
    defaultTopicQueueNums: short.d,
    queueId: short.e,
    sysFlag: short.f,
    bornTimestamp: short.g,
    flag: short.h,
    ...(short.i === undefined ? {} : { properties: short.i }),
    ...(short.j === undefined ? {} : { reconsumeTimes: short.j }),
    ...(short.l === undefined ? {} : { maxReconsumeTimes: short.l }),
    ...(short.m === undefined ? {} : { batch: short.m }),
  };
}

function sendRequest(header: SendHeader, request: RemotingCommand, channel: RemotingChannel): SendRequest {
  return {
    topic: header.topic,
    queueId: header.queueId,
    producerGroup: header.producerGroup,
    defaultTopic: header.defaultTopic,
    defaultTopicQueues: header.defaultTopicQueueNums,
    flag: header.flag,
    sysFlag: header.sysFlag,
    bornTimestamp: header.bornTimestamp,
    bornAddress: channel.stream.remoteAddress,
    bornPort: channel.stream.remotePort,
    reconsumeTimes: header.reconsumeTimes ?? 0,
    maxReconsumeTimes: request.version >= ClientVersion.V3_4_9 ? header.maxReconsumeTimes : undefined,
    body: request.body ?? EMPTY,
    properties: Buffer.from(header.properties ?? ''),
  };
}

function sendReply(outcome: SendOutcome): Reply {
  return {
    code: ResponseCode.SUCCESS,
    extFields: SendMessageResponseHeader.encode({
      msgId: outcome.messageId,
      queueId: outcome.queueId,
      queueOffset: outcome.queueOffset,
      ...(outcome.uniqueKey === '' ? {} : { transactionId: outcome.uniqueKey }),
      ...(outcome.recallHandle === undefined ? {} : { recallHandle: outcome.recallHandle }),
      MSG_REGION: REGION,
      TRACE_ON: 'true',
      durability: outcome.durability,
    }),
  };
}
