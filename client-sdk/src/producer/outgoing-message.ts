import { PROPERTIES_SIZE_MAX, encodeProperties, hasSeparator } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { isForbiddenTopic, topicNameFault } from '@cometmq/common/topic/names';
import { IllegalStateError, MessageTooLargeError } from '../error/client-error.ts';
import type { Queue } from '../message/received-message.ts';
import type { Topic } from '../message/topic.ts';
import type { Duration } from '../options/duration.ts';
import { durationMs } from '../options/duration.ts';

/** The 18 delay levels: 1 s 5 s 10 s 30 s 1 m … 10 m 20 m 30 m 1 h 2 h. */
export type DelayLevel = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 17 | 18;

/** A message to send. */
export interface OutgoingMessage<T> {
  readonly body: T;
  readonly tag?: string | undefined;
  /** Business keys by which the message can be found. */
  readonly keys?: readonly string[] | undefined;
  readonly properties?: Readonly<Record<string, string>> | undefined;
  /** Messages with the same key go to the same queue, one after the other. */
  readonly shardingKey?: string | undefined;
  /** Sends to this queue and no other. */
  readonly queue?: Queue | undefined;
  readonly delayLevel?: DelayLevel | undefined;
  /** Delivered this long after the broker has it, to the millisecond; ms or text such as `'30m'`. */
  readonly delay?: Duration | undefined;
  /** Delivered at this time (a date or ms since the epoch); at once when it has passed. */
  readonly deliverAt?: Date | number | undefined;
  /** A number stored verbatim with the message. */
  readonly flag?: number | undefined;
  /** False: the broker answers without waiting for disk and replicas, whatever its setting. */
  readonly waitForStore?: boolean | undefined;
}

/** A message that was checked and encoded. */
export interface EncodedMessage {
  readonly topic: string;
  readonly messageId: string;
  readonly body: Buffer;
  /** Stored property text. */
  readonly properties: string;
  readonly flag: number;
  readonly shardingKey: string | undefined;
  readonly queue: Queue | undefined;
  /** Can't be part of a batch. */
  readonly delayed: boolean;
}

const RESERVED: ReadonlySet<string> = new Set<string>(Object.values(Property));

/**
 * Checks a message as Java's Validators do and encodes it.
 * @throws IllegalStateError, MessageTooLargeError, SchemaError
 */
export function encodeMessage<T>(
  topic: Topic<T, unknown>,
  message: OutgoingMessage<T>,
  messageId: string,
  sizeMax: number,
): EncodedMessage {
  checkTopic(topic.name);
  const bytes = topic.codec.encode(message.body);
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (body.length === 0)
    throw new IllegalStateError('the body is empty', 'brokers refuse messages without a body');
  if (body.length > sizeMax) throw new MessageTooLargeError('a body', body.length, sizeMax);
  const properties = encodeProperties(propertiesOf(message, messageId));
  const propertiesSize = Buffer.byteLength(properties);
  if (propertiesSize > PROPERTIES_SIZE_MAX) {
    throw new MessageTooLargeError('properties', propertiesSize, PROPERTIES_SIZE_MAX);
  }
  return {
    topic: topic.name,
    messageId,
    body,
    properties,
    flag: message.flag ?? 0,
    shardingKey: message.shardingKey,
    queue: message.queue,
    delayed: whens(message).length > 0,
  };
}

function checkTopic(topic: string): void {
  const fault = topicNameFault(topic);
  if (fault !== undefined) throw new IllegalStateError(fault);
  if (isForbiddenTopic(topic))
    throw new IllegalStateError(`sending to the system topic ${topic} is forbidden`);
}

/** The ways in which a message says that it is to wait. */
function whens({ delayLevel, delay, deliverAt }: OutgoingMessage<unknown>): readonly [string, string][] {
  const time = deliverAt instanceof Date ? deliverAt.getTime() : deliverAt;
  if (time !== undefined && !Number.isFinite(time)) throw new IllegalStateError('deliverAt is not a time');
  const all: [string, string | undefined][] = [
    [Property.DELAY, delayLevel?.toString()],
    [
      Property.TIMER_DELAY_MS,
      delay === undefined ? undefined : Math.round(durationMs(delay, 'delay')).toString(),
    ],
    [Property.TIMER_DELIVER_MS, time === undefined ? undefined : Math.round(time).toString()],
  ];
  return all.filter((when): when is [string, string] => when[1] !== undefined);
}

function propertiesOf(message: OutgoingMessage<unknown>, messageId: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const [name, value] of Object.entries(message.properties ?? {})) {
    if (RESERVED.has(name)) throw new IllegalStateError(`the property name ${name} is reserved`);
    if (name.trim() === '' || value === '')
      throw new IllegalStateError(`property '${name}' has an empty name or value`);
    properties.set(name, value);
  }
  const { tag, keys, shardingKey } = message;
  if (tag !== undefined && tag.includes('|')) throw new IllegalStateError(`tag '${tag}' contains |`);
  const badKey = keys?.find((key) => key === '' || key.includes(' '));
  if (badKey !== undefined)
    throw new IllegalStateError(`key '${badKey}' is empty or contains a blank, the separator`);
  if (tag !== undefined) properties.set(Property.TAGS, tag);
  if (keys !== undefined && keys.length > 0) properties.set(Property.KEYS, keys.join(' '));
  if (shardingKey !== undefined) properties.set(Property.SHARDING_KEY, shardingKey);
  const waits = whens(message);
  if (waits.length > 1)
    throw new IllegalStateError('a message has more than one of delay, deliverAt and delayLevel', 'give one');
  for (const [name, value] of waits) properties.set(name, value);
  properties.set(Property.WAIT, String(message.waitForStore ?? true));
  properties.set(Property.UNIQ_KEY, messageId);
  for (const [name, value] of properties) {
    if (hasSeparator(name) || hasSeparator(value)) {
      throw new IllegalStateError(`property ${name} contains a control character (0x01 or 0x02)`);
    }
  }
  return properties;
}
