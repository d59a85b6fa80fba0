import type { LanguageCode } from './language-code.ts';
import { PROTOCOL_VERSION } from './version.ts';

export type SerializeType = 'JSON' | 'ROCKETMQ';

/** Header fields of a request or response; all values travel as strings. Has no prototype. */
export type ExtFields = Record<string, string>;

/** One request or response (Java: RemotingCommand). */
export interface RemotingCommand {
  readonly code: number;
  readonly language: LanguageCode;
  readonly version: number;
  /** Correlates a response with its request; the two directions of a connection count separately. */
  readonly opaque: number;
  readonly response: boolean;
  /** A request that must not be answered. */
  readonly oneway: boolean;
  readonly remark: string | undefined;
  /** Undefined is "no fields at all", which some clients tell apart from "no field set". */
  readonly extFields: ExtFields | undefined;
  readonly body: Buffer | undefined;
  readonly serialize: SerializeType;
}

/** What a handler answers; opaque and serialization come from the request. */
export interface Reply {
  readonly code: number;
  readonly remark?: string | undefined;
  readonly extFields?: ExtFields | undefined;
  readonly body?: Buffer | undefined;
}

/** What a caller asks; the connection assigns the opaque. */
export interface Request {
  readonly code: number;
  readonly extFields?: ExtFields | undefined;
  readonly body?: Buffer | undefined;
  readonly serialize?: SerializeType;
  /** JAVA by default: every admin tool knows it. */
  readonly language?: LanguageCode;
}

const FLAG_RESPONSE = 1;
const FLAG_ONEWAY = 2;

export function flagOf(command: RemotingCommand): number {
  return (command.response ? FLAG_RESPONSE : 0) | (command.oneway ? FLAG_ONEWAY : 0);
}

export function isResponseFlag(flag: number): boolean {
  return (flag & FLAG_RESPONSE) !== 0;
}

export function isOnewayFlag(flag: number): boolean {
  return (flag & FLAG_ONEWAY) !== 0;
}

export function requestCommand(request: Request, opaque: number, oneway: boolean): RemotingCommand {
  return {
    code: request.code,
    language: request.language ?? 'JAVA',
    version: PROTOCOL_VERSION,
    opaque,
    response: false,
    oneway,
    remark: undefined,
    extFields: request.extFields,
    body: request.body,
    serialize: request.serialize ?? 'JSON',
  };
}

export function replyCommand(reply: Reply, opaque: number, serialize: SerializeType): RemotingCommand {
  return {
    code: reply.code,
    language: 'JAVA',
    version: PROTOCOL_VERSION,
    opaque,
    response: true,
    oneway: false,
    remark: reply.remark,
    extFields: reply.extFields,
    body: reply.body,
    serialize,
  };
}
