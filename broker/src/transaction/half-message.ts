import { MqError } from '@cometmq/common/error/mq-error';
import { PROPERTIES_SIZE_MAX, decodeProperties, encodeProperties } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { AppendRequest } from '../store/append-request.ts';
import { PropertyTrait } from '../store/property-scan.ts';
import type { QueueTable } from '../store/queue/queue-table.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import { recordSize, writeRecord } from '../store/record-writer.ts';
import type { StoredRecord } from '../store/stored-record.ts';
import type { Topic } from '../topic/topic.ts';
import type { OpenTransaction } from './transaction.ts';

const HALF_TOPIC_BYTES = Buffer.from(SystemTopic.TRANS_HALF);
const HALF_QUEUE_ID = 0;
/** Log position of the half message that this one is a copy of; its half-topic offset stands in RocketMQ's property. */
const FIRST_PLACE = 'COMET_HALF_PLACE';
const FIRST_STORED_AT = 'COMET_HALF_STORED_AT';

/** Properties of a copy, and those of a half message that the committed one does not carry. */
const COPY = [Property.TRANSACTION_PREPARED_QUEUE_OFFSET, FIRST_PLACE, FIRST_STORED_AT] as const;
const PLACE = [Property.REAL_TOPIC, Property.REAL_QUEUE_ID, ...COPY] as const;
/** A message can't keep itself from questions for longer, s: a year. */
const IMMUNITY_MAX_S = 366 * 86_400;
/** Room that a copy needs for the properties that say where it comes from. */
const COPY_BYTES = 192;

export function halfQueue(queues: QueueTable): StoreQueue {
  return queues.get(SystemTopic.TRANS_HALF, HALF_QUEUE_ID);
}

/**
 * Turns a request into one that stores a half message: in a topic that no consumer reads.
 * @returns the properties of the half message.
 * @throws MqError `MESSAGE_ILLEGAL` when it is delayed as well, or its properties leave no room.
 */
export function toHalf(
  request: AppendRequest,
  producerGroup: string,
  queues: QueueTable,
): ReadonlyMap<string, string> {
  if ((request.propertyScan.traits & (PropertyTrait.DELAYED | PropertyTrait.TIMED)) !== 0) {
    throw new MqError('MESSAGE_ILLEGAL', 'a transactional message can not be delayed', {
      hint: 'send a delayed message when the transaction is committed, or leave the delay out',
    });
  }
  const text = request.properties.toString('utf8', request.propertiesStart, request.propertiesEnd);
  const properties = decodeProperties(text);
  // Only the broker says that a half message is a copy. Who sends one again that it read has these, too.
  for (const name of COPY) properties.delete(name);
  properties.set(Property.REAL_TOPIC, request.queue.topic);
  properties.set(Property.REAL_QUEUE_ID, String(request.queue.queueId));
  properties.set(Property.TRANSACTION_ID, properties.get(Property.UNIQ_KEY) ?? '');
  // Whoever is asked about it finds its group there.
  if (!properties.has(Property.PRODUCER_GROUP)) properties.set(Property.PRODUCER_GROUP, producerGroup);
  const bytes = Buffer.from(encodeProperties(properties));
  if (bytes.length + COPY_BYTES > PROPERTIES_SIZE_MAX) {
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `properties of a transactional message take ${bytes.length} bytes of at most ${PROPERTIES_SIZE_MAX - COPY_BYTES}`,
    );
  }
  request.properties = bytes;
  request.propertiesStart = 0;
  request.propertiesEnd = bytes.length;
  request.propertyScan.scan(bytes, 0, bytes.length);
  request.sysFlag &= ~SysFlag.TRANSACTION_MASK;
  request.topic = HALF_TOPIC_BYTES;
  request.queue = halfQueue(queues);
  return properties;
}

/** A half message as it lies in the log. */
export interface StoredHalf {
  readonly properties: ReadonlyMap<string, string>;
  readonly queueOffset: number;
  readonly physicalOffset: number;
  /** Wall time, ms. */
  readonly storeTimestamp: number;
  readonly sizeBytes: number;
}

export function storedHalf(record: StoredRecord): StoredHalf {
  const { queueOffset, physicalOffset, storeTimestamp } = record;
  const properties = record.properties();
  return { properties, queueOffset, physicalOffset, storeTimestamp, sizeBytes: record.bytes.length };
}

/** The transaction that begins with a half message, or, for a copy, that the copy belongs to. */
export function transactionOf(half: StoredHalf): OpenTransaction {
  const { properties } = half;
  const immunitySeconds = Math.min(Number(properties.get(Property.CHECK_IMMUNITY_TIME) ?? 0), IMMUNITY_MAX_S);
  return {
    physicalOffset: whole(properties.get(FIRST_PLACE), half.physicalOffset),
    queueOffset: whole(properties.get(Property.TRANSACTION_PREPARED_QUEUE_OFFSET), half.queueOffset),
    uniqueKey: properties.get(Property.UNIQ_KEY) ?? '',
    producerGroup: properties.get(Property.PRODUCER_GROUP) ?? '',
    topic: properties.get(Property.REAL_TOPIC) ?? '',
    storedAt: whole(properties.get(FIRST_STORED_AT), half.storeTimestamp),
    immunityMs: immunitySeconds > 0 ? immunitySeconds * 1000 : undefined,
    sizeBytes: half.sizeBytes,
    copyOffset: half.physicalOffset,
    checks: 0,
    checkedAt: 0,
    isUndecided: false,
    isExpired: false,
  };
}

/** Text from a property, which may be anything. */
function whole(text: string | undefined, fallback: number): number {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : fallback;
}

/** The request that stores the committed message where it belongs. */
export function toCommitted(half: StoredRecord, topic: Topic, open: OpenTransaction): AppendRequest {
  const properties = half.properties();
  const queueId = Number(properties.get(Property.REAL_QUEUE_ID) ?? 0);
  for (const name of PLACE) properties.delete(name);
  const request = half.toAppend(topic.nameBytes, topic.queue(queueId), properties);
  request.sysFlag = (request.sysFlag & ~SysFlag.TRANSACTION_MASK) | SysFlag.TRANSACTION_COMMIT;
  request.preparedTransactionOffset = open.physicalOffset;
  return request;
}

/** The request that stores a half message again: its first segment is about to expire, or it is out of checks. */
export function toCopy(half: StoredRecord, open: OpenTransaction, queue: StoreQueue): AppendRequest {
  const properties = half.properties();
  properties.set(Property.TRANSACTION_PREPARED_QUEUE_OFFSET, String(open.queueOffset));
  properties.set(FIRST_PLACE, String(open.physicalOffset));
  properties.set(FIRST_STORED_AT, String(open.storedAt));
  return half.toAppend(Buffer.from(queue.topic), queue, properties);
}

/** Where the transaction of a half message or of a copy was first stored; undefined for other records. */
export function firstPlace(record: StoredRecord): number | undefined {
  if (record.topic !== SystemTopic.TRANS_HALF && record.topic !== SystemTopic.TRANS_CHECK_MAX_TIME)
    return undefined;
  return transactionOf(storedHalf(record)).physicalOffset;
}

/**
 * The record as a producer is asked about it: with the topic and queue that it is meant for, and with how often it was
 * asked about; at the place that the transaction is known by.
 */
export function checkRecord(
  half: StoredRecord,
  topic: Topic,
  storeHost: Uint8Array,
  open: OpenTransaction,
): Buffer {
  const properties = half.properties();
  const queueId = Number(properties.get(Property.REAL_QUEUE_ID) ?? 0);
  for (const name of COPY) properties.delete(name);
  properties.set(Property.TRANSACTION_CHECK_TIMES, String(open.checks));
  const request = half.toAppend(topic.nameBytes, topic.queue(queueId), properties);
  const size = recordSize(request, storeHost);
  const record = Buffer.allocUnsafe(size);
  const { queueOffset, physicalOffset, storedAt } = open;
  writeRecord(record, 0, request, size, queueOffset, physicalOffset, storedAt, storeHost);
  return record;
}
