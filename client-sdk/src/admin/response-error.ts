import type { ErrorKind } from '@cometmq/common/error/mq-error';
import { MqError } from '@cometmq/common/error/mq-error';
import { requestCodeName } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode, responseCodeName } from '@cometmq/remoting/protocol/response-code';

/** A server answered with another code than success. */
export class ResponseError extends MqError {
  /** The code of the answer, see `ResponseCode`. */
  readonly remoteCode: number;
  /** `host:port` of the server. */
  readonly address: string;

  constructor(request: number, remoteCode: number, remark: string | undefined, address: string) {
    const kind = kindOf(remoteCode, remark);
    const why = remark === undefined || remark === '' ? responseCodeName(remoteCode) : remark;
    super(kind, `${address} refused ${requestCodeName(request)}: ${withoutFaqLink(why)}`);
    this.remoteCode = remoteCode;
    this.address = address;
  }
}

/** What answers mean to a caller; codes that are missing here are faults of the server. */
const KIND_OF_CODE: Readonly<Record<number, ErrorKind>> = {
  [ResponseCode.SYSTEM_BUSY]: 'SYSTEM_BUSY',
  [ResponseCode.FLOW_CONTROL]: 'SYSTEM_BUSY',
  [ResponseCode.REQUEST_CODE_NOT_SUPPORTED]: 'NOT_SUPPORTED',
  [ResponseCode.MESSAGE_ILLEGAL]: 'MESSAGE_ILLEGAL',
  [ResponseCode.SERVICE_NOT_AVAILABLE]: 'SERVICE_NOT_AVAILABLE',
  [ResponseCode.NO_PERMISSION]: 'NO_PERMISSION',
  [ResponseCode.TOPIC_NOT_EXIST]: 'TOPIC_NOT_EXIST',
  [ResponseCode.QUERY_NOT_FOUND]: 'NOT_FOUND',
  [ResponseCode.SUBSCRIPTION_PARSE_FAILED]: 'SUBSCRIPTION_ILLEGAL',
  [ResponseCode.SUBSCRIPTION_NOT_EXIST]: 'SUBSCRIPTION_ILLEGAL',
  [ResponseCode.SUBSCRIPTION_NOT_LATEST]: 'SUBSCRIPTION_ILLEGAL',
  [ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST]: 'GROUP_NOT_EXIST',
  [ResponseCode.ILLEGAL_OPERATION]: 'CONFLICT',
  [ResponseCode.INVALID_PARAMETER]: 'INVALID_ARGUMENT',
  [ResponseCode.CONSUMER_NOT_ONLINE]: 'CONSUMER_NOT_ONLINE',
  [ResponseCode.CONSUME_MSG_TIMEOUT]: 'CLIENT_TIMEOUT',
};

/** The broker's calls to clients (307, 309) say that one is offline with the code of a system error. */
function kindOf(remoteCode: number, remark: string | undefined): ErrorKind {
  if (remoteCode === ResponseCode.SYSTEM_ERROR && /not online/i.test(remark ?? ''))
    return 'CONSUMER_NOT_ONLINE';
  return KIND_OF_CODE[remoteCode] ?? 'INTERNAL';
}

/** Java appends `See https://… for further details.` on a line of its own, which says nothing about this case. */
function withoutFaqLink(remark: string): string {
  return remark.replace(/\s*See https?:\/\/\S+ for further details\.?/, '').trim();
}
