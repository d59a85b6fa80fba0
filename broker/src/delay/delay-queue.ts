import { Property } from '@cometmq/common/message/property-names';
import {
  NAME_VALUE_SEPARATOR,
  PROPERTIES_SIZE_MAX,
  PROPERTY_SEPARATOR,
  decodeProperties,
} from '@cometmq/common/message/properties';
import { MqError } from '@cometmq/common/error/mq-error';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { Clock } from '@cometmq/common/clock/clock';
import type { AppendRequest } from '../store/append-request.ts';
import type { QueueTable } from '../store/queue/queue-table.ts';
import type { TagsCodeRule } from '../store/record-dispatcher.ts';
import type { DelayLevels } from './delay-levels.ts';
import { storedDueTime } from './timed-message.ts';

const SCHEDULE_TOPIC_BYTES = Buffer.from(SystemTopic.SCHEDULE);

/** Queue entries of messages that wait hold the due time where others hold the tag's hash. */
export function delayTagsCodeRule(levels: DelayLevels): TagsCodeRule {
  return (topic, queueId, storeTimestamp, properties) => {
    if (topic === SystemTopic.SCHEDULE) return storeTimestamp + levels.delayMs(queueId + 1);
    return topic === SystemTopic.WHEEL_TIMER ? storedDueTime(properties()) : undefined;
  };
}

/** The level that a message asks for: 0 for none, beyond the last one the last one. */
export function delayLevelOf(request: AppendRequest, levels: DelayLevels): number {
  const text = request.properties.toString('utf8', request.propertiesStart, request.propertiesEnd);
  const level = Number(decodeProperties(text).get(Property.DELAY) ?? 0);
  return Number.isInteger(level) && level > 0 ? levels.clamp(level) : 0;
}

/**
 * Turns a request into one that stores the message in its level's queue; where it really belongs goes into the
 * properties, as in RocketMQ.
 * @throws MqError `MESSAGE_ILLEGAL` when the properties grow over their limit.
 */
export function divertToDelayQueue(
  request: AppendRequest,
  level: number,
  levels: DelayLevels,
  queues: QueueTable,
  clock: Clock,
): void {
  const { properties, propertiesStart, propertiesEnd, queue } = request;
  const separator =
    properties[propertiesEnd - 1] === PROPERTY_SEPARATOR ? '' : String.fromCharCode(PROPERTY_SEPARATOR);
  const place =
    separator +
    entry(Property.REAL_TOPIC, queue.topic) +
    entry(Property.REAL_QUEUE_ID, String(queue.queueId));
  const extended = Buffer.concat([properties.subarray(propertiesStart, propertiesEnd), Buffer.from(place)]);
  if (extended.length > PROPERTIES_SIZE_MAX) {
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `the properties of a delayed message exceed ${PROPERTIES_SIZE_MAX} bytes`,
    );
  }
  request.properties = extended;
  request.propertiesStart = 0;
  request.propertiesEnd = extended.length;
  request.propertyScan.scan(extended, 0, extended.length);
  request.topic = SCHEDULE_TOPIC_BYTES;
  request.queue = queues.get(SystemTopic.SCHEDULE, level - 1);
  request.tagsCode = clock.now() + levels.delayMs(level);
}

function entry(name: string, value: string): string {
  return name + String.fromCharCode(NAME_VALUE_SEPARATOR) + value + String.fromCharCode(PROPERTY_SEPARATOR);
}
