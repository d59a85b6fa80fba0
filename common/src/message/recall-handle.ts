import { MqError } from '../error/mq-error.ts';

/** What names a timed message to RECALL_MESSAGE (Java: RecallMessageHandle.HandleV1). */
export interface RecallHandle {
  readonly topic: string;
  readonly brokerName: string;
  /** ms. */
  readonly dueAt: number;
  readonly uniqueKey: string;
}

const VERSION = 'v1';
/** RocketMQ's handles name the millisecond after. */
const TIME_STEP = 1;

export function buildRecallHandle({ topic, brokerName, dueAt, uniqueKey }: RecallHandle): string {
  const text = [VERSION, topic, brokerName, dueAt + TIME_STEP, uniqueKey].join(' ');
  // URL-safe and padded, as Java's Base64.getUrlEncoder.
  return Buffer.from(text).toString('base64').replaceAll('+', '-').replaceAll('/', '_');
}

/** @throws MqError `INVALID_ARGUMENT` for a text that is no handle. */
export function readRecallHandle(text: string): RecallHandle {
  const [version, topic = '', brokerName = '', time, uniqueKey, ...rest] = Buffer.from(text, 'base64')
    .toString()
    .split(' ');
  const dueAt = Number(time) - TIME_STEP;
  if (version !== VERSION || uniqueKey === undefined || rest.length > 0 || !Number.isSafeInteger(dueAt)) {
    throw new MqError('INVALID_ARGUMENT', 'recall handle is invalid', {
      hint: 'use the handle that the send of the message answered',
    });
  }
  return { topic, brokerName, dueAt, uniqueKey };
}
