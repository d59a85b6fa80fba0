import { MqError } from '../error/mq-error.ts';
import { decodeHost } from './host.ts';
import type { StoredMessage } from './message.ts';
import { decodeProperties } from './properties.ts';
import {
  HOST_V6_EXTRA,
  RECORD_MAGIC_V1,
  RECORD_MAGIC_V2,
  RECORD_SIZE_MIN,
  RecordField,
} from './record-layout.ts';
import { SysFlag } from './sys-flag.ts';

/** Where the variable parts of a record lie, checked against its size. */
export interface RecordLayout {
  readonly totalSize: number;
  readonly sysFlag: number;
  readonly storeTimestampAt: number;
  readonly storeHostAt: number;
  readonly reconsumeTimesAt: number;
  readonly bodyAt: number;
  readonly bodySize: number;
  readonly topicAt: number;
  readonly topicSize: number;
  readonly propertiesAt: number;
  readonly propertiesSize: number;
}

/**
 * Measures the record at `start` without copying anything.
 * @throws MqError `DATA_DAMAGED` when the lengths do not agree with each other or with `end`.
 */
export function layoutRecord(bytes: Buffer, start: number, end: number): RecordLayout {
  const available = end - start;
  if (available < RECORD_SIZE_MIN) throw damaged(start, 'too few bytes');
  const totalSize = bytes.readInt32BE(start + RecordField.TOTAL_SIZE);
  if (totalSize < RECORD_SIZE_MIN || totalSize > available) throw damaged(start, `size ${totalSize}`);
  const recordEnd = start + totalSize;
  const magic = bytes.readInt32BE(start + RecordField.MAGIC);
  if (magic !== RECORD_MAGIC_V1 && magic !== RECORD_MAGIC_V2) throw damaged(start, `magic ${magic}`);
  const sysFlag = bytes.readInt32BE(start + RecordField.SYS_FLAG);
  const bornExtra = (sysFlag & SysFlag.BORN_HOST_V6) === 0 ? 0 : HOST_V6_EXTRA;
  const storeExtra = (sysFlag & SysFlag.STORE_HOST_V6) === 0 ? 0 : HOST_V6_EXTRA;
  const storeTimestampAt = start + RecordField.BORN_HOST + 8 + bornExtra;
  const reconsumeTimesAt = storeTimestampAt + 8 + 8 + storeExtra;
  const bodyAt = reconsumeTimesAt + 4 + 8 + 4;
  if (bodyAt > recordEnd) throw damaged(start, 'hosts exceed the record');
  const bodySize = bytes.readInt32BE(bodyAt - 4);
  const topicLengthAt = bodyAt + bodySize;
  const topicLengthSize = magic === RECORD_MAGIC_V1 ? 1 : 2;
  if (bodySize < 0 || topicLengthAt + topicLengthSize > recordEnd)
    throw damaged(start, `body of ${bodySize} bytes`);
  const topicSize =
    topicLengthSize === 1 ? bytes.readUInt8(topicLengthAt) : bytes.readUInt16BE(topicLengthAt);
  const topicAt = topicLengthAt + topicLengthSize;
  const propertiesAt = topicAt + topicSize + 2;
  if (propertiesAt > recordEnd) throw damaged(start, `topic of ${topicSize} bytes`);
  const propertiesSize = bytes.readUInt16BE(propertiesAt - 2);
  if (propertiesAt + propertiesSize > recordEnd)
    throw damaged(start, `properties of ${propertiesSize} bytes`);
  return {
    totalSize,
    sysFlag,
    storeTimestampAt,
    storeHostAt: storeTimestampAt + 8,
    reconsumeTimesAt,
    bodyAt,
    bodySize,
    topicAt,
    topicSize,
    propertiesAt,
    propertiesSize,
  };
}

/** Reads one record. The body is a view of `bytes`, not a copy. */
export function decodeMessage(bytes: Buffer, start: number, end: number): StoredMessage {
  const layout = layoutRecord(bytes, start, end);
  const { sysFlag } = layout;
  return {
    topic: bytes.toString('utf8', layout.topicAt, layout.topicAt + layout.topicSize),
    queueId: bytes.readInt32BE(start + RecordField.QUEUE_ID),
    queueOffset: readInt64(bytes, start + RecordField.QUEUE_OFFSET),
    physicalOffset: readInt64(bytes, start + RecordField.PHYSICAL_OFFSET),
    flag: bytes.readInt32BE(start + RecordField.FLAG),
    sysFlag,
    bodyCrc: bytes.readInt32BE(start + RecordField.BODY_CRC),
    bornTimestamp: readInt64(bytes, start + RecordField.BORN_TIMESTAMP),
    storeTimestamp: readInt64(bytes, layout.storeTimestampAt),
    bornHost: decodeHost(bytes, start + RecordField.BORN_HOST, (sysFlag & SysFlag.BORN_HOST_V6) !== 0),
    storeHost: decodeHost(bytes, layout.storeHostAt, (sysFlag & SysFlag.STORE_HOST_V6) !== 0),
    reconsumeTimes: bytes.readInt32BE(layout.reconsumeTimesAt),
    preparedTransactionOffset: readInt64(bytes, layout.reconsumeTimesAt + 4),
    body: bytes.subarray(layout.bodyAt, layout.bodyAt + layout.bodySize),
    properties: decodeProperties(
      bytes.toString('utf8', layout.propertiesAt, layout.propertiesAt + layout.propertiesSize),
    ),
    storeSize: layout.totalSize,
  };
}

/** Reads records that lie back to back, as a pull answer's body holds them. */
export function decodeMessages(bytes: Buffer): StoredMessage[] {
  const messages: StoredMessage[] = [];
  for (let position = 0; position < bytes.length;) {
    const message = decodeMessage(bytes, position, bytes.length);
    messages.push(message);
    position += message.storeSize;
  }
  return messages;
}

/** A signed 64-bit integer as a number; exact to 2^53, clamped at the safe range beyond. */
export function readInt64(bytes: Buffer, position: number): number {
  const value = bytes.readInt32BE(position) * 2 ** 32 + bytes.readUInt32BE(position + 4);
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, value));
}

function damaged(position: number, why: string): MqError {
  return new MqError('DATA_DAMAGED', `no message record at byte ${position}: ${why}`);
}
