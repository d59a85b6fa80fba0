import { layoutRecord } from '@cometmq/common/message/message-decoder';
import { decodeProperties, encodeProperties } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { RECORD_MAGIC_V1, RecordField, TOPIC_LENGTH_V1_MAX } from '@cometmq/common/message/record-layout';
import { putInt32 } from '../store/bytes.ts';
import type { StoredRecord } from '../store/stored-record.ts';

const CHECKPOINT_ENTRY = Buffer.from(`${Property.POP_CHECKPOINT}\u0001`);

/**
 * A message of a retry topic as its consumer gets it: under its own topic, with the receipt handle among its
 * properties, where clients look before they make one themselves.
 */
export function deliveredRetry(record: Buffer, topic: string, handle: string): Buffer {
  return rewritten(record, topic, (properties) => properties.set(Property.POP_CHECKPOINT, handle));
}

/** True when a producer put a handle of its own into a message; clients would take it for ours. */
export function carriesHandle(record: Buffer): boolean {
  if (!record.includes(CHECKPOINT_ENTRY)) return false;
  const { propertiesAt, propertiesSize } = layoutRecord(record, 0, record.length);
  return record.subarray(propertiesAt, propertiesAt + propertiesSize).includes(CHECKPOINT_ENTRY);
}

/** The message without the handle that its producer put into it. */
export function withoutHandle(record: Buffer): Buffer {
  return rewritten(record, undefined, (properties) => properties.delete(Property.POP_CHECKPOINT));
}

/** Properties of the copy that goes into a retry topic (Java: PopReviveService.reviveRetry). */
export function retryProperties(record: StoredRecord, group: string, popTime: number): Map<string, string> {
  const properties = record.properties();
  properties.delete(Property.POP_CHECKPOINT);
  // Done with; left in place they would delay the copy once more.
  for (const name of [Property.DELAY, Property.REAL_TOPIC, Property.REAL_QUEUE_ID]) properties.delete(name);
  properties.set(Property.ORIGIN_GROUP, group);
  if (!properties.has(Property.FIRST_POP_TIME)) properties.set(Property.FIRST_POP_TIME, String(popTime));
  return properties;
}

function rewritten(
  record: Buffer,
  topic: string | undefined,
  change: (properties: Map<string, string>) => unknown,
): Buffer {
  const layout = layoutRecord(record, 0, record.length);
  const { bodyAt, bodySize, topicAt, topicSize, propertiesAt, propertiesSize } = layout;
  const properties = decodeProperties(record.toString('utf8', propertiesAt, propertiesAt + propertiesSize));
  change(properties);
  const propertyBytes = Buffer.from(encodeProperties(properties));
  const topicBytes = topic === undefined ? record.subarray(topicAt, topicAt + topicSize) : Buffer.from(topic);
  const lengths = Buffer.alloc(2);
  lengths.writeUInt16BE(propertyBytes.length);
  // The name may fit into one byte again; readers of the long form are few.
  const topicLength =
    topicBytes.length <= TOPIC_LENGTH_V1_MAX
      ? Buffer.of(topicBytes.length)
      : Buffer.of(topicBytes.length >>> 8, topicBytes.length & 0xff);
  const head = record.subarray(0, bodyAt + bodySize);
  const result = Buffer.concat([head, topicLength, topicBytes, lengths, propertyBytes]);
  putInt32(result, RecordField.TOTAL_SIZE, result.length);
  if (topicLength.length === 1) putInt32(result, RecordField.MAGIC, RECORD_MAGIC_V1);
  return result;
}
