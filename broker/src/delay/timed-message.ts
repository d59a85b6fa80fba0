import { MqError } from '@cometmq/common/error/mq-error';
import { encodeProperties } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { AppendRequest } from '../store/append-request.ts';
import type { QueueTable } from '../store/queue/queue-table.ts';
import type { StoredRecord } from '../store/stored-record.ts';

const TIMER_TOPIC_BYTES = Buffer.from(SystemTopic.WHEEL_TIMER);
/** The queue of the timer topic that timed messages wait in; their queue offset there is the schedule's id. */
export const TIMER_QUEUE_ID = 0;

/**
 * When a message wants to be delivered, ms, or undefined when it is not a timed one. The order of the properties is
 * RocketMQ's (HookUtils.transformTimerMessage); `__STARTDELIVERTIME` is what ali-ons sends. A copy of a delivered message
 * (`TIMER_OUT_MS`) does not wait again.
 * @throws MqError `MESSAGE_ILLEGAL` when the time can't be read.
 */
export function dueTimeOf(properties: ReadonlyMap<string, string>, now: number): number | undefined {
  if (properties.has(Property.TIMER_DELETE_KEY)) {
    throw new MqError(
      'MESSAGE_ILLEGAL',
      'a timed message is cancelled with RECALL_MESSAGE, not by a message',
    );
  }
  if (properties.has(Property.TIMER_OUT_MS)) return undefined;
  const [name, value] = timeProperty(properties);
  if (name === undefined) return undefined;
  const number = /^\s*-?\d{1,15}\s*$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isNaN(number)) {
    throw new MqError('MESSAGE_ILLEGAL', `property ${name} is not a time: ${value.slice(0, 40)}`, {
      hint: 'give a whole number: seconds, milliseconds, or milliseconds since 1970',
    });
  }
  if (name === Property.TIMER_DELAY_SEC) return now + number * 1000;
  return name === Property.TIMER_DELAY_MS ? now + number : number;
}

const TIME_PROPERTIES = [
  Property.TIMER_DELAY_SEC,
  Property.TIMER_DELAY_MS,
  Property.TIMER_DELIVER_MS,
  Property.START_DELIVER_TIME,
] as const;

type TimeProperty = (typeof TIME_PROPERTIES)[number];

function timeProperty(properties: ReadonlyMap<string, string>): [TimeProperty | undefined, string] {
  const name = TIME_PROPERTIES.find((candidate) => properties.has(candidate));
  return [name, name === undefined ? '' : (properties.get(name) ?? '')];
}

/**
 * Turns a request with these properties into one that stores the message among the timed ones; where it belongs goes into
 * the properties.
 */
export function divertToTimerQueue(
  request: AppendRequest,
  properties: Map<string, string>,
  dueAt: number,
  queues: QueueTable,
): void {
  properties.set(Property.REAL_TOPIC, request.queue.topic);
  properties.set(Property.REAL_QUEUE_ID, String(request.queue.queueId));
  properties.set(Property.TIMER_OUT_MS, String(dueAt));
  const bytes = Buffer.from(encodeProperties(properties));
  request.properties = bytes;
  request.propertiesStart = 0;
  request.propertiesEnd = bytes.length;
  request.propertyScan.scan(bytes, 0, bytes.length);
  request.topic = TIMER_TOPIC_BYTES;
  request.queue = queues.get(SystemTopic.WHEEL_TIMER, TIMER_QUEUE_ID);
  request.tagsCode = dueAt;
}

/** The due time of a stored timed message as it was sent. */
export function sentDueTime(record: StoredRecord): number {
  return storedDueTime(record.properties());
}

/** The same from the record's properties. */
export function storedDueTime(properties: ReadonlyMap<string, string>): number {
  return Number(properties.get(Property.TIMER_OUT_MS) ?? 0);
}
