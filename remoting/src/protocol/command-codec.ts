import { isUtf8 } from 'node:buffer';
import { MqError } from '@cometmq/common/error/mq-error';
import { FRAME_PREFIX_SIZE, serializeTypeOf, writeFramePrefix } from './frame.ts';
import { languageOfName, languageOfNumber, numberOfLanguage } from './language-code.ts';
import type { ExtFields, RemotingCommand } from './remoting-command.ts';
import { flagOf, isOnewayFlag, isResponseFlag } from './remoting-command.ts';

/** A request has at most this many header fields; real ones have about twenty. */
export const EXT_FIELDS_MAX = 256;

/** The whole frame of a command, length prefix included. */
export function encodeCommand(command: RemotingCommand): Buffer {
  const header = command.serialize === 'JSON' ? jsonHeader(command) : binaryHeader(command);
  const bodySize = command.body?.length ?? 0;
  const frame = Buffer.allocUnsafe(FRAME_PREFIX_SIZE + header.length + bodySize);
  writeFramePrefix(frame, 0, command.serialize, header.length, bodySize);
  header.copy(frame, FRAME_PREFIX_SIZE);
  command.body?.copy(frame, FRAME_PREFIX_SIZE + header.length);
  return frame;
}

/**
 * Reads the parts of one frame. The body is copied, so the command outlives the receive buffer.
 * @throws MqError `PROTOCOL` when the header can't be read.
 */
export function decodeCommand(
  bytes: Buffer,
  type: number,
  headerStart: number,
  headerEnd: number,
  frameEnd: number,
): RemotingCommand {
  const serialize = serializeTypeOf(type);
  const body = headerEnd === frameEnd ? undefined : Buffer.from(bytes.subarray(headerEnd, frameEnd));
  const header = bytes.subarray(headerStart, headerEnd);
  return serialize === 'JSON' ? fromJson(header, body) : fromBinary(header, body);
}

/** Reads one whole frame, length prefix included. */
export function decodeFrame(frame: Buffer): RemotingCommand {
  return decodeCommand(
    frame,
    frame[4] ?? 0,
    FRAME_PREFIX_SIZE,
    FRAME_PREFIX_SIZE + frame.readUIntBE(5, 3),
    frame.length,
  );
}

function jsonHeader(command: RemotingCommand): Buffer {
  return Buffer.from(
    JSON.stringify({
      code: command.code,
      extFields: command.extFields,
      flag: flagOf(command),
      language: command.language,
      opaque: command.opaque,
      remark: command.remark,
      serializeTypeCurrentRPC: command.serialize,
      version: command.version,
    }),
  );
}

function fromJson(header: Buffer, body: Buffer | undefined): RemotingCommand {
  if (!isUtf8(header)) throw new MqError('PROTOCOL', 'header is not UTF-8');
  let parsed: unknown;
  try {
    parsed = JSON.parse(header.toString('utf8'));
  } catch (error) {
    throw new MqError('PROTOCOL', 'header is not JSON', { cause: error });
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    throw new MqError('PROTOCOL', 'header is not a JSON object');
  }
  const members = parsed as Record<string, unknown>;
  const flag = int32(members['flag'] ?? 0, 'flag');
  return {
    code: int32(members['code'], 'code'),
    language: languageOfName(typeof members['language'] === 'string' ? members['language'] : ''),
    version: int32(members['version'] ?? 0, 'version'),
    opaque: int32(members['opaque'] ?? 0, 'opaque'),
    response: isResponseFlag(flag),
    oneway: isOnewayFlag(flag),
    remark: typeof members['remark'] === 'string' ? members['remark'] : undefined,
    extFields: extFieldsOf(members['extFields']),
    body,
    serialize: 'JSON',
  };
}

function int32(value: unknown, name: string): number {
  if (typeof value !== 'number' || (value | 0) !== value) {
    throw new MqError('PROTOCOL', `header member ${name} is not a 32-bit integer`);
  }
  return value;
}

/** ali-ons and C++ put numbers and booleans where Java puts strings; null members count as absent. */
function extFieldsOf(value: unknown): ExtFields | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value))
    throw new MqError('PROTOCOL', 'extFields is not an object');
  const fields = Object.create(null) as ExtFields;
  const entries = Object.entries(value);
  if (entries.length > EXT_FIELDS_MAX)
    throw new MqError('PROTOCOL', `more than ${EXT_FIELDS_MAX} header fields`);
  for (const [name, field] of entries) {
    if (typeof field === 'string') fields[name] = field;
    else if (typeof field === 'number' || typeof field === 'boolean') fields[name] = String(field);
    else if (field !== null)
      throw new MqError('PROTOCOL', `header field ${name.slice(0, 64)} is not a string`);
  }
  return fields;
}

/** Size of the fixed members of a binary header: code, language, version, opaque, flag, two lengths. */
const BINARY_FIXED_SIZE = 2 + 1 + 2 + 4 + 4 + 4 + 4;

function binaryHeader(command: RemotingCommand): Buffer {
  const remark = Buffer.from(command.remark ?? '');
  const fields = Object.entries(command.extFields ?? {}).map(
    ([name, value]) => [Buffer.from(name), Buffer.from(value)] as const,
  );
  const fieldsSize = fields.reduce((sum, [name, value]) => sum + 2 + name.length + 4 + value.length, 0);
  const header = Buffer.allocUnsafe(BINARY_FIXED_SIZE + remark.length + fieldsSize);
  // The code has 16 bits here: larger ones (POP) are cut, as in Java, so they must be asked in JSON.
  let at = header.writeInt16BE((command.code << 16) >> 16, 0);
  at = header.writeInt8(numberOfLanguage(command.language), at);
  at = header.writeInt16BE(command.version, at);
  at = header.writeInt32BE(command.opaque, at);
  at = header.writeInt32BE(flagOf(command), at);
  at = header.writeInt32BE(remark.length, at);
  at += remark.copy(header, at);
  at = header.writeInt32BE(fieldsSize, at);
  for (const [name, value] of fields) {
    at = header.writeInt16BE(name.length, at);
    at += name.copy(header, at);
    at = header.writeInt32BE(value.length, at);
    at += value.copy(header, at);
  }
  return header;
}

function fromBinary(header: Buffer, body: Buffer | undefined): RemotingCommand {
  if (header.length < BINARY_FIXED_SIZE) throw new MqError('PROTOCOL', 'binary header is too short');
  const flag = header.readInt32BE(9);
  const remarkSize = header.readInt32BE(13);
  if (remarkSize < 0 || remarkSize > header.length - BINARY_FIXED_SIZE) {
    throw new MqError('PROTOCOL', `remark of ${remarkSize} bytes`);
  }
  const fieldsAt = 17 + remarkSize;
  const fieldsSize = header.readInt32BE(fieldsAt);
  if (fieldsSize < 0 || fieldsSize > header.length - fieldsAt - 4) {
    throw new MqError('PROTOCOL', `header fields of ${fieldsSize} bytes`);
  }
  return {
    code: header.readInt16BE(0),
    language: languageOfNumber(header.readInt8(2)),
    version: header.readInt16BE(3),
    opaque: header.readInt32BE(5),
    response: isResponseFlag(flag),
    oneway: isOnewayFlag(flag),
    remark: remarkSize === 0 ? undefined : utf8(header, 17, fieldsAt),
    extFields:
      fieldsSize === 0 ? undefined : binaryFields(header.subarray(fieldsAt + 4, fieldsAt + 4 + fieldsSize)),
    body,
    serialize: 'ROCKETMQ',
  };
}

function binaryFields(bytes: Buffer): ExtFields {
  const fields = Object.create(null) as ExtFields;
  let count = 0;
  for (let at = 0; at < bytes.length;) {
    const nameSize = at + 2 <= bytes.length ? bytes.readInt16BE(at) : -1;
    const valueAt = at + 2 + nameSize + 4;
    const valueSize = nameSize >= 0 && valueAt <= bytes.length ? bytes.readInt32BE(valueAt - 4) : -1;
    if (valueSize < 0 || valueAt + valueSize > bytes.length)
      throw new MqError('PROTOCOL', 'a header field is cut off');
    if (++count > EXT_FIELDS_MAX) throw new MqError('PROTOCOL', `more than ${EXT_FIELDS_MAX} header fields`);
    // Java reads an empty value as null.
    if (valueSize > 0) {
      fields[utf8(bytes, at + 2, at + 2 + nameSize)] = utf8(bytes, valueAt, valueAt + valueSize);
    }
    at = valueAt + valueSize;
  }
  return fields;
}

function utf8(bytes: Buffer, start: number, end: number): string {
  if (!isUtf8(bytes.subarray(start, end))) throw new MqError('PROTOCOL', 'text in the header is not UTF-8');
  return bytes.toString('utf8', start, end);
}
