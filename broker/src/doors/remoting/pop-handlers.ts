import { readBatchAcks } from '@cometmq/remoting/protocol/body/batch-ack';
import { parseRequestBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { errorReply } from '@cometmq/remoting/protocol/error-reply';
import {
  AckMessageHeader,
  ChangeInvisibleTimeHeader,
  ChangeInvisibleTimeResponseHeader,
  NotificationHeader,
  NotificationResponseHeader,
  PollingInfoHeader,
  PollingInfoResponseHeader,
  PopMessageHeader,
  PopMessageResponseHeader,
} from '@cometmq/remoting/protocol/header/pop';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import type { PopService } from '../../service/pop-service.ts';
import { deliveredRetry } from '../../service/pop-service.ts';
import type { LeaseName, PopOutcome, PopRequest, PoppedMessages } from '../../service/pop-types.ts';
import { RetryKind } from '../../service/pop-types.ts';
import type { HandlerTable } from './handler-table.ts';
import {
  handleOf,
  messageOffsetInfo,
  orderCountInfo,
  readHandle,
  reviveIdOf,
  startOffsetInfo,
} from './pop-handle.ts';
import type { RemotingClients } from './remoting-client-channel.ts';

/** The initial mode of a group without offsets that wants new messages (Java: ConsumeInitMode). */
const INIT_MODE_MAX = 1;
const OVER = 'the lease of this message is over: it was acknowledged, changed, or its time ran out';

/** POP_MESSAGE and what belongs to it. */
export function popHandlers(pops: PopService, clients: RemotingClients, brokerName: string): HandlerTable {
  return [
    [RequestCode.POP_MESSAGE, (command, channel) => pop(pops, clients, brokerName, command, channel)],
    [RequestCode.ACK_MESSAGE, ({ extFields }) => acknowledge(pops, AckMessageHeader.decode(extFields))],
    [RequestCode.BATCH_ACK_MESSAGE, ({ body }) => acknowledgeBatch(pops, body)],
    [RequestCode.CHANGE_MESSAGE_INVISIBLETIME, ({ extFields }) => changeInvisible(pops, extFields)],
    [RequestCode.NOTIFICATION, (command, channel) => notification(pops, clients, command, channel)],
    [
      RequestCode.POLLING_INFO,
      ({ extFields }): Reply => {
        const { consumerGroup, topic } = PollingInfoHeader.decode(extFields);
        const pollingNum = pops.waiting(consumerGroup, topic);
        return { code: ResponseCode.SUCCESS, extFields: PollingInfoResponseHeader.encode({ pollingNum }) };
      },
    ],
  ];
}

function pop(
  pops: PopService,
  clients: RemotingClients,
  brokerName: string,
  command: RemotingCommand,
  channel: RemotingChannel,
): undefined {
  const header = PopMessageHeader.decode(command.extFields);
  const request: PopRequest = {
    group: header.consumerGroup,
    topic: header.topic,
    queueId: header.queueId,
    countMax: header.maxMsgNums,
    invisibleMs: header.invisibleTime,
    // From now on rather than from the time of birth: clients' clocks are not ours.
    waitMs: header.pollTime,
    fromNewest: header.initMode === INIT_MODE_MAX,
    expression: header.exp === '' ? undefined : header.exp,
    expressionType: header.expType ?? 'TAG',
    isOrdered: header.order ?? false,
    attemptId: header.attemptId ?? '',
  };
  const answer = (outcome: PopOutcome): void => {
    channel.reply(command, popReply(request, outcome, brokerName));
  };
  // What a client does not read would be leased for nothing.
  if (channel.congested) answer({ kind: 'none', rest: 0 });
  else {
    try {
      pops.pop(request, clients.of(channel), answer);
    } catch (error) {
      answer({ kind: 'failed', error });
    }
  }
  return undefined;
}

function popReply(request: PopRequest, outcome: PopOutcome, brokerName: string): Reply {
  if (outcome.kind === 'found') return foundReply(request, outcome, brokerName);
  const rest = outcome.kind === 'none' ? outcome.rest : 0;
  const extFields = PopMessageResponseHeader.encode({
    popTime: 0,
    invisibleTime: request.invisibleMs,
    reviveQid: 0,
    restNum: rest,
    startOffsetInfo: '',
    msgOffsetInfo: '',
  });
  if (outcome.kind === 'failed') return { ...errorReply(outcome.error), extFields };
  if (outcome.kind === 'full') return { code: ResponseCode.POLLING_FULL, remark: 'POLLING_FULL', extFields };
  return { code: ResponseCode.POLLING_TIMEOUT, remark: 'NO_MESSAGE_IN_QUEUE', extFields };
}

function foundReply(request: PopRequest, popped: PoppedMessages, brokerName: string): Reply {
  const { popTime, invisibleMs, rest, parts } = popped;
  const { isOrdered } = request;
  const counts = isOrdered ? orderCountInfo(parts) : '';
  const extFields = PopMessageResponseHeader.encode({
    popTime,
    invisibleTime: invisibleMs,
    reviveQid: reviveIdOf(popped, isOrdered),
    restNum: rest,
    startOffsetInfo: startOffsetInfo(parts),
    msgOffsetInfo: messageOffsetInfo(parts),
    orderCountInfo: counts === '' ? undefined : counts,
  });
  const records = parts.flatMap((part) =>
    part.kind === RetryKind.NORMAL
      ? part.records
      : part.records.map((record, index) => {
          const handle = handleOf(popped, part, part.offsets[index] ?? 0, brokerName, isOrdered);
          return deliveredRetry(record, request.topic, handle);
        }),
  );
  return { code: ResponseCode.SUCCESS, remark: 'FOUND', extFields, body: Buffer.concat(records) };
}

interface HandleFields {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  readonly extraInfo: string;
  readonly offset: number;
}

async function acknowledge(pops: PopService, header: HandleFields): Promise<Reply> {
  const name = leaseOf(pops, header);
  if (name === undefined) return { code: ResponseCode.NO_MESSAGE, remark: OVER };
  const [isDone] = await pops.acknowledge([name]);
  return isDone === true ? { code: ResponseCode.SUCCESS } : { code: ResponseCode.NO_MESSAGE, remark: OVER };
}

/** One answer for all: an error only when not a single one was still leased. */
async function acknowledgeBatch(pops: PopService, body: Buffer | undefined): Promise<Reply> {
  const acks = readBatchAcks(parseRequestBody(body));
  const names = acks.flatMap(
    ({ consumerGroup: group, topic, queueId, startOffset, popTime, retry, offsets }) => {
      const from = pops.topicOf(group, topic, retry);
      return offsets.map((offset) => ({ group, topic: from, queueId, startOffset, popTime, offset }));
    },
  );
  const done = await pops.acknowledge(names);
  return done.includes(true)
    ? { code: ResponseCode.SUCCESS }
    : { code: ResponseCode.NO_MESSAGE, remark: OVER };
}

async function changeInvisible(pops: PopService, extFields: RemotingCommand['extFields']): Promise<Reply> {
  const header = ChangeInvisibleTimeHeader.decode(extFields);
  const name = leaseOf(pops, header);
  const lease = name === undefined ? undefined : await pops.extend(name, header.invisibleTime);
  const isOrdered = lease !== undefined && lease.isOrdered;
  const answer = ChangeInvisibleTimeResponseHeader.encode({
    popTime: lease?.popTime ?? 0,
    invisibleTime: lease?.invisibleMs ?? 0,
    reviveQid: lease === undefined ? 0 : reviveIdOf(lease, isOrdered),
  });
  if (lease === undefined) return { code: ResponseCode.NO_MESSAGE, remark: OVER, extFields: answer };
  return { code: ResponseCode.SUCCESS, extFields: answer };
}

/**
 * The lease that a request names, undefined for a handle or an offset that can't be one.
 * @throws MqError `TOPIC_NOT_EXIST`, `MESSAGE_ILLEGAL` for a queue that the topic does not have.
 */
function leaseOf(pops: PopService, header: HandleFields): LeaseName | undefined {
  const { consumerGroup: group, topic, queueId, offset } = header;
  pops.checkQueue(topic, queueId);
  const handle = readHandle(header.extraInfo, queueId);
  return handle === undefined ? undefined : { group, topic, queueId, offset, ...handle };
}

function notification(
  pops: PopService,
  clients: RemotingClients,
  command: RemotingCommand,
  channel: RemotingChannel,
): undefined {
  const header = NotificationHeader.decode(command.extFields);
  const request = {
    group: header.consumerGroup,
    topic: header.topic,
    queueId: header.queueId,
    waitMs: header.pollTime,
    fromNewest: false,
    expression: undefined,
    expressionType: 'TAG',
    isOrdered: header.order ?? false,
    attemptId: header.attemptId ?? '',
  };
  pops.notify(request, clients.of(channel), (outcome) => {
    const answer = { hasMsg: outcome === 'message', pollingFull: outcome === 'full' };
    channel.reply(command, {
      code: ResponseCode.SUCCESS,
      extFields: NotificationResponseHeader.encode(answer),
    });
  });
  return undefined;
}
