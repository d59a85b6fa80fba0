import { encodeHost } from '@cometmq/common/message/host';
import { encodeProperties } from '@cometmq/common/message/properties';
import { RECORD_MAGIC_V1 } from '@cometmq/common/message/record-layout';

export interface RecordFields {
  readonly topic?: string;
  readonly keys?: string;
  readonly uniqueKey?: string;
  readonly queueOffset?: number;
  readonly physicalOffset?: number;
  readonly storeTimestamp?: number;
  readonly body?: string;
  readonly properties?: Readonly<Record<string, string>>;
}

/** A stored message as brokers send it. */
export function recordBytes(fields: RecordFields): Buffer {
  const body = Buffer.from(fields.body ?? 'body');
  const topic = Buffer.from(fields.topic ?? 'orders');
  const properties = Buffer.from(
    encodeProperties(
      new Map([
        ['KEYS', fields.keys ?? ''],
        ['UNIQ_KEY', fields.uniqueKey ?? ''],
        ...Object.entries(fields.properties ?? {}),
      ]),
    ),
  );
  const host = encodeHost('127.0.0.1', 10_911);
  const record = Buffer.alloc(91 + body.length + topic.length + properties.length);
  let at = record.writeInt32BE(record.length, 0);
  at = record.writeInt32BE(RECORD_MAGIC_V1, at);
  at += 12; // checksum, queue, flag
  at = record.writeBigInt64BE(BigInt(fields.queueOffset ?? 0), at);
  at = record.writeBigInt64BE(BigInt(fields.physicalOffset ?? 0), at);
  at += 4 + 8; // system flag, born time
  at += host.copy(record, at);
  at = record.writeBigInt64BE(BigInt(fields.storeTimestamp ?? 0), at);
  at += host.copy(record, at);
  at += 4 + 8; // reconsume times, prepared offset
  at = record.writeInt32BE(body.length, at);
  at += body.copy(record, at);
  at = record.writeUInt8(topic.length, at);
  at += topic.copy(record, at);
  at = record.writeUInt16BE(properties.length, at);
  properties.copy(record, at);
  return record;
}
