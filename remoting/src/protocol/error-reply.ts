import type { ErrorKind } from '@cometmq/common/error/mq-error';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Reply } from './remoting-command.ts';
import { ResponseCode } from './response-code.ts';

/** How each kind of failure is told to RocketMQ clients. */
export const CODE_OF_ERROR = {
  INVALID_ARGUMENT: ResponseCode.INVALID_PARAMETER,
  MESSAGE_ILLEGAL: ResponseCode.MESSAGE_ILLEGAL,
  MESSAGE_NOT_FOUND: ResponseCode.SYSTEM_ERROR,
  TOPIC_NOT_EXIST: ResponseCode.TOPIC_NOT_EXIST,
  GROUP_NOT_EXIST: ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST,
  NO_PERMISSION: ResponseCode.NO_PERMISSION,
  // Code 3 means that a request code is unknown; clients take it for an old broker.
  NOT_SUPPORTED: ResponseCode.SYSTEM_ERROR,
  NOT_FOUND: ResponseCode.QUERY_NOT_FOUND,
  CONFLICT: ResponseCode.ILLEGAL_OPERATION,
  CONSUMER_NOT_ONLINE: ResponseCode.CONSUMER_NOT_ONLINE,
  CLIENT_TIMEOUT: ResponseCode.CONSUME_MSG_TIMEOUT,
  SUBSCRIPTION_ILLEGAL: ResponseCode.SUBSCRIPTION_PARSE_FAILED,
  SYSTEM_BUSY: ResponseCode.SYSTEM_BUSY,
  SERVICE_NOT_AVAILABLE: ResponseCode.SERVICE_NOT_AVAILABLE,
  STORE_FAILED: ResponseCode.SYSTEM_ERROR,
  DATA_DAMAGED: ResponseCode.SYSTEM_ERROR,
  CONNECTION: ResponseCode.SYSTEM_ERROR,
  TIMEOUT: ResponseCode.SYSTEM_ERROR,
  PROTOCOL: ResponseCode.SYSTEM_ERROR,
  INTERNAL: ResponseCode.SYSTEM_ERROR,
} as const satisfies Record<ErrorKind, number>;

/** The answer to a request whose handler threw. */
export function errorReply(thrown: unknown): Reply {
  if (!(thrown instanceof MqError)) return { code: ResponseCode.SYSTEM_ERROR, remark: errorText(thrown) };
  const hint = thrown.hint === undefined ? '' : ` (${thrown.hint})`;
  return { code: CODE_OF_ERROR[thrown.kind], remark: thrown.message + hint };
}
