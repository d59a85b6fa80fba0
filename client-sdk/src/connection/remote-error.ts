import type { MqError } from '@cometmq/common/error/mq-error';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { ResponseError } from '../admin/response-error.ts';
import { BrokerBusyError } from '../error/client-error.ts';

const BUSY_RETRY_AFTER_MS = 50;

/** What a refusal means to the caller. */
export function remoteError(request: number, answer: RemotingCommand, address: string): MqError {
  if (answer.code === ResponseCode.SYSTEM_BUSY || answer.code === ResponseCode.FLOW_CONTROL) {
    return new BrokerBusyError(`${address} is busy: ${answer.remark ?? ''}`, BUSY_RETRY_AFTER_MS);
  }
  return new ResponseError(request, answer.code, answer.remark, address);
}
