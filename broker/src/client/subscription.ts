import { MqError } from '@cometmq/common/error/mq-error';
import { tagsCode } from '@cometmq/common/message/tags-code';
import type { EntryFilter } from '../store/read-plan.ts';

export type ExpressionType = 'TAG' | 'SQL92';

/** What a group wants of one topic, ready to be applied. */
export interface Subscription {
  readonly topic: string;
  readonly expression: string;
  readonly expressionType: ExpressionType;
  readonly tags: readonly string[];
  /** ms clock of the client that subscribed. */
  readonly version: number;
  /** Undefined takes everything. */
  readonly filter: EntryFilter | undefined;
}

/**
 * Compiles a subscription. Tags are compared by hash here; clients compare the text again.
 * @throws MqError `SUBSCRIPTION_ILLEGAL` for an expression that can't be used.
 */
export function subscription(topic: string, expression: string, type: string, version: number): Subscription {
  if (type !== '' && type.toUpperCase() !== 'TAG') {
    throw new MqError('NOT_SUPPORTED', `The broker does not support consumer to filter message by ${type}`);
  }
  const text = expression.trim();
  if (text === '' || text === '*') {
    return { topic, expression: '*', expressionType: 'TAG', tags: [], version, filter: undefined };
  }
  const tags = text
    .split('||')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  if (tags.length === 0)
    throw new MqError('SUBSCRIPTION_ILLEGAL', "parse the consumer's subscription failed");
  const codes = new Set(tags.map((tag) => tagsCode(tag)));
  return { topic, expression: text, expressionType: 'TAG', tags, version, filter: (code) => codes.has(code) };
}
