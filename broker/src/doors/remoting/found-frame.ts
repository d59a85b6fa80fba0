import { encodeCommand } from '@cometmq/remoting/protocol/command-codec';
import { FRAME_PREFIX_SIZE, writeFramePrefix } from '@cometmq/remoting/protocol/frame';
import { PullMessageResponseHeader } from '@cometmq/remoting/protocol/header/pull';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { replyCommand } from '@cometmq/remoting/protocol/remoting-command';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { PROTOCOL_VERSION } from '@cometmq/remoting/protocol/version';
import type { ReadPlan } from '../../service/pull-service.ts';

/**
 * The frame of a pull's answer with room for the records of a plan behind its header. JSON headers come from a template:
 * there is nothing in them but numbers, and writing an object each time would be a fifth of the cost of a pull.
 */
export function foundFrame(command: RemotingCommand, plan: ReadPlan): { frame: Buffer; recordsAt: number } {
  if (command.serialize === 'ROCKETMQ') return withEncodedHeader(command, plan);
  const header =
    `{"code":${ResponseCode.SUCCESS},"extFields":{"suggestWhichBrokerId":"0","nextBeginOffset":"${plan.nextOffset}",` +
    `"minOffset":"${plan.minOffset}","maxOffset":"${plan.maxOffset}","topicSysFlag":"0","groupSysFlag":"0"},"flag":1,` +
    `"language":"JAVA","opaque":${command.opaque},"remark":"FOUND","serializeTypeCurrentRPC":"JSON",` +
    `"version":${PROTOCOL_VERSION}}`;
  const recordsAt = FRAME_PREFIX_SIZE + header.length;
  const frame = Buffer.allocUnsafe(recordsAt + plan.totalSize);
  writeFramePrefix(frame, 0, 'JSON', header.length, plan.totalSize);
  frame.write(header, FRAME_PREFIX_SIZE, 'latin1');
  return { frame, recordsAt };
}

function withEncodedHeader(command: RemotingCommand, plan: ReadPlan): { frame: Buffer; recordsAt: number } {
  const extFields = PullMessageResponseHeader.encode({
    suggestWhichBrokerId: 0,
    nextBeginOffset: plan.nextOffset,
    minOffset: plan.minOffset,
    maxOffset: plan.maxOffset,
    topicSysFlag: 0,
    groupSysFlag: 0,
  });
  const reply = { code: ResponseCode.SUCCESS, remark: 'FOUND', extFields };
  const head = encodeCommand(replyCommand(reply, command.opaque, command.serialize));
  const frame = Buffer.allocUnsafe(head.length + plan.totalSize);
  head.copy(frame);
  writeFramePrefix(frame, 0, command.serialize, head.length - FRAME_PREFIX_SIZE, plan.totalSize);
  return { frame, recordsAt: head.length };
}
