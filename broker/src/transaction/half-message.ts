import { Property } from '@cometmq/common/message/property-names';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { SystemTopic } from '@cometmq/common/topic/names';
import { decodeProperties, encodeProperties } from '@cometmq/common/message/properties';
import type { AppendRequest } from '../store/append-request.ts';
import { putInt32, putInt64 } from '../store/bytes.ts';
import type { QueueTable } from '../store/queue/queue-table.ts';
import { recordSize, writeRecord } from '../store/record-writer.ts';
import type { StoredRecord } from '../store/stored-record.ts';
import type { Topic } from '../topic/topic.ts';

const HALF_TOPIC_BYTES = Buffer.from(SystemTopic.TRANS_HALF);
export const HALF_QUEUE_ID = 0;

/** Properties of a half message that must not act before it is committed, or that the committed copy does not carry. */
const PLACE = [Property.REAL_TOPIC, Property.REAL_QUEUE_ID] as const;

/** Turns a request into one that stores a half message: in a topic that no consumer reads. */
export function toHalf(request: AppendRequest, queues: QueueTable): void {
  const text = request.properties.toString('utf8', request.propertiesStart, request.propertiesEnd);
  const properties = decodeProperties(text);
  properties.delete(Property.DELAY);
  properties.set(Property.REAL_TOPIC, request.queue.topic);
  properties.set(Property.REAL_QUEUE_ID, String(request.queue.queueId));
  properties.set(Property.TRANSACTION_ID, properties.get(Property.UNIQ_KEY) ?? '');
  const bytes = Buffer.from(encodeProperties(properties));
  request.properties = bytes;
  request.propertiesStart = 0;
  request.propertiesEnd = bytes.length;
  request.propertyScan.scan(bytes, 0, bytes.length);
  request.sysFlag &= ~SysFlag.TRANSACTION_MASK;
  request.topic = HALF_TOPIC_BYTES;
  request.queue = queues.get(SystemTopic.TRANS_HALF, HALF_QUEUE_ID);
}

/** The request that stores the committed copy of a half message where it belongs. */
export function toCommitted(half: StoredRecord, topic: Topic, physicalOffset: number): AppendRequest {
  const properties = half.properties();
  const queueId = Number(properties.get(Property.REAL_QUEUE_ID) ?? 0);
  for (const name of PLACE) properties.delete(name);
  const request = half.toAppend(topic.nameBytes, topic.queue(queueId), properties);
  request.sysFlag = (request.sysFlag & ~SysFlag.TRANSACTION_MASK) | SysFlag.TRANSACTION_COMMIT;
  request.preparedTransactionOffset = physicalOffset;
  return request;
}

/**
 * The record as a producer is asked about it: with the topic and queue that it is meant for, at the place where its
 * half lies.
 */
export function checkRecord(
  half: StoredRecord,
  topic: Topic,
  storeHost: Uint8Array,
  physicalOffset: number,
): Buffer {
  const properties = half.properties();
  const queueId = Number(properties.get(Property.REAL_QUEUE_ID) ?? 0);
  const request = half.toAppend(topic.nameBytes, topic.queue(queueId), properties);
  const size = recordSize(request, storeHost);
  const record = Buffer.allocUnsafe(size);
  writeRecord(record, 0, request, size, half.queueOffset, physicalOffset, half.storeTimestamp, storeHost);
  putInt32(record, 12, queueId);
  putInt64(record, 28, physicalOffset);
  return record;
}
