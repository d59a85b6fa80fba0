import {
  PullFlag,
  PullMessageHeader,
  PullMessageResponseHeader,
} from '@cometmq/remoting/protocol/header/pull';
import { errorReply } from '@cometmq/remoting/protocol/error-reply';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import type {
  PullOutcome,
  PullRequest,
  PullService,
  ReadPlan,
  ReadStatus,
} from '../../service/pull-service.ts';
import { foundFrame } from './found-frame.ts';
import type { HandlerTable } from './handler-table.ts';
import type { RemotingClients } from './remoting-client-channel.ts';

/** PULL_MESSAGE and LITE_PULL_MESSAGE. */
export function pullHandlers(pulls: PullService, clients: RemotingClients): HandlerTable {
  const answer = (
    command: RemotingCommand,
    request: PullRequest,
    channel: RemotingChannel,
    isFirst: boolean,
  ): void => {
    const resume = (): void => {
      if (channel.isClosed) return;
      try {
        answer(command, request, channel, false);
      } catch (error) {
        channel.reply(command, errorReply(error));
      }
    };
    const outcome = pulls.pull(request, clients.of(channel), isFirst ? resume : undefined);
    if (outcome.kind !== 'held') respond(command, channel, request, outcome, pulls);
  };
  const pull = (command: RemotingCommand, channel: RemotingChannel): Reply | undefined => {
    const request = pullRequest(command);
    // A client that asks faster than it reads must not make us hold its answers in memory. Asking again is heard once it
    // has read them; an error would make it pause for seconds, and one large message is enough to come here.
    if (channel.congested) {
      const remark = 'answers wait to be read';
      return { code: ResponseCode.PULL_RETRY_IMMEDIATELY, remark, extFields: emptyHeader(request) };
    }
    answer(command, request, channel, true);
    return undefined;
  };
  return [
    [RequestCode.PULL_MESSAGE, pull],
    [RequestCode.LITE_PULL_MESSAGE, pull],
  ];
}

function pullRequest(command: RemotingCommand): PullRequest {
  const header = PullMessageHeader.decode(command.extFields);
  const has = (flag: number): boolean => (header.sysFlag & flag) !== 0;
  return {
    group: header.consumerGroup,
    topic: header.topic,
    queueId: header.queueId,
    offset: header.queueOffset,
    countMax: header.maxMsgNums,
    bytesMax: header.maxMsgBytes,
    commitOffset: has(PullFlag.COMMIT_OFFSET) ? header.commitOffset : undefined,
    waitMs: has(PullFlag.SUSPEND) ? header.suspendTimeoutMillis : 0,
    expression: has(PullFlag.SUBSCRIPTION) ? (header.subscription ?? '*') : undefined,
    expressionType: header.expressionType ?? 'TAG',
    subscriptionVersion: header.subVersion,
  };
}

function respond(
  command: RemotingCommand,
  channel: RemotingChannel,
  request: PullRequest,
  outcome: Exclude<PullOutcome, { kind: 'held' }>,
  pulls: PullService,
): void {
  if (outcome.kind === 'refused') {
    channel.reply(command, {
      code: ResponseCode[outcome.reason],
      remark: outcome.remark,
      extFields: emptyHeader(request),
    });
  } else if (outcome.kind === 'reset') {
    const { offset, minOffset, maxOffset } = outcome;
    const reply = pullReply(ResponseCode.PULL_OFFSET_MOVED, 'OFFSET_RESET', offset, minOffset, maxOffset);
    channel.reply(command, reply);
  } else if (outcome.plan.status === 'FOUND') {
    answerFound(command, outcome.plan, pulls, channel);
  } else {
    const { status, nextOffset, minOffset, maxOffset } = outcome.plan;
    channel.reply(
      command,
      pullReply(codeOf(status, request.offset), status, nextOffset, minOffset, maxOffset),
    );
  }
}

/** Java: PullMessageProcessor.composeResponseHeader. */
function codeOf(status: ReadStatus, offset: number): number {
  switch (status) {
    case 'FOUND':
      return ResponseCode.SUCCESS;
    case 'NO_MATCHED_MESSAGE':
    case 'MESSAGE_WAS_REMOVING':
      return ResponseCode.PULL_RETRY_IMMEDIATELY;
    case 'OFFSET_FOUND_NULL':
    case 'OFFSET_OVERFLOW_ONE':
      return ResponseCode.PULL_NOT_FOUND;
    case 'OFFSET_OVERFLOW_BADLY':
    case 'OFFSET_TOO_SMALL':
      return ResponseCode.PULL_OFFSET_MOVED;
    case 'NO_MATCHED_LOGIC_QUEUE':
    case 'NO_MESSAGE_IN_QUEUE':
      return offset === 0 ? ResponseCode.PULL_NOT_FOUND : ResponseCode.PULL_OFFSET_MOVED;
  }
}

function pullReply(
  code: number,
  remark: string,
  nextBeginOffset: number,
  minOffset: number,
  maxOffset: number,
): Reply {
  const header = {
    suggestWhichBrokerId: 0,
    nextBeginOffset,
    minOffset,
    maxOffset,
    topicSysFlag: 0,
    groupSysFlag: 0,
  };
  return { code, remark, extFields: PullMessageResponseHeader.encode(header) };
}

function emptyHeader(request: PullRequest): Reply['extFields'] {
  const header = { suggestWhichBrokerId: 0, nextBeginOffset: request.offset, minOffset: 0, maxOffset: 0 };
  return PullMessageResponseHeader.encode(header);
}

/** The answer with the stored records copied straight into its frame. */
function answerFound(
  command: RemotingCommand,
  plan: ReadPlan,
  pulls: PullService,
  channel: RemotingChannel,
): void {
  const { frame, recordsAt } = foundFrame(command, plan);
  if (pulls.copyRecords(plan, frame, recordsAt)) {
    channel.send(frame);
    return;
  }
  const readable = readablePart(plan, pulls);
  if (readable.offsets.length > 0) {
    answerFound(command, readable, pulls, channel);
    return;
  }
  // Expired between the look-up and the copy, or damaged: the client goes on behind them.
  const { nextOffset, minOffset, maxOffset } = plan;
  const code = ResponseCode.PULL_RETRY_IMMEDIATELY;
  channel.reply(command, pullReply(code, 'MESSAGE_WAS_REMOVING', nextOffset, minOffset, maxOffset));
}

/** The plan without the records that can't be read: one damaged message must not take others with it. */
function readablePart(plan: ReadPlan, pulls: PullService): ReadPlan {
  const offsets: number[] = [];
  const sizes: number[] = [];
  for (const [index, offset] of plan.offsets.entries()) {
    const size = plan.sizes[index] ?? 0;
    const alone = { ...plan, offsets: [offset], sizes: [size], totalSize: size };
    if (!pulls.copyRecords(alone, Buffer.allocUnsafe(size), 0)) continue;
    offsets.push(offset);
    sizes.push(size);
  }
  return { ...plan, offsets, sizes, totalSize: sizes.reduce((sum, size) => sum + size, 0) };
}
