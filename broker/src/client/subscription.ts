import { MqError } from '@cometmq/common/error/mq-error';
import { tagsCode } from '@cometmq/common/message/tags-code';
import { isRetryTopic } from '@cometmq/common/topic/names';
import type { PropertyFilter, PropertyFilters } from '../filter/property-filters.ts';
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
  /** By queue entry; undefined takes everything. */
  readonly filter: EntryFilter | undefined;
  /** By the properties of the message; undefined takes everything. */
  readonly propertyFilter: PropertyFilter | undefined;
  /** Why it can't be applied: the expression of a heartbeat, which is not refused for that. */
  readonly problem: MqError | undefined;
}

/**
 * Compiles a subscription. Tags are compared by hash here; clients compare the text again.
 * @throws MqError `SUBSCRIPTION_ILLEGAL` for an expression that can't be used, `NOT_SUPPORTED` for its type.
 */
export function subscription(
  topic: string,
  expression: string,
  type: string,
  version: number,
  filters: PropertyFilters,
): Subscription {
  // A group's retries carry the tags and properties of their messages; everything in them was wanted once.
  if (isRetryTopic(topic)) return tagSubscription(topic, '*', version);
  if (type === '' || type.toUpperCase() === 'TAG') return tagSubscription(topic, expression, version);
  if (type.toUpperCase() !== 'SQL92') {
    throw new MqError('NOT_SUPPORTED', `The broker does not support consumer to filter message by ${type}`);
  }
  const propertyFilter = filters.compile(expression);
  const wanted = { topic, expression, version, tags: [], filter: undefined, problem: undefined };
  return { ...wanted, expressionType: 'SQL92', propertyFilter };
}

/** As `subscription`, for heartbeats: it keeps the reason why it can't be applied. */
export function subscriptionOrProblem(...asked: Parameters<typeof subscription>): Subscription {
  try {
    return subscription(...asked);
  } catch (error) {
    if (!(error instanceof MqError)) throw error;
    const [topic, expression, type, version] = asked;
    const isTag = type === '' || type.toUpperCase() === 'TAG';
    const wanted = { topic, expression, version, tags: [], filter: undefined, propertyFilter: undefined };
    return { ...wanted, expressionType: isTag ? 'TAG' : 'SQL92', problem: error };
  }
}

function tagSubscription(topic: string, expression: string, version: number): Subscription {
  const text = expression.trim();
  const wanted = {
    topic,
    expressionType: 'TAG',
    version,
    propertyFilter: undefined,
    problem: undefined,
  } as const;
  if (text === '' || text === '*') return { ...wanted, expression: '*', tags: [], filter: undefined };
  const tags = text
    .split('||')
    .map((tag) => tag.trim())
    .filter((tag) => tag !== '');
  if (tags.length === 0)
    throw new MqError('SUBSCRIPTION_ILLEGAL', "parse the consumer's subscription failed");
  const codes = new Set(tags.map((tag) => tagsCode(tag)));
  return { ...wanted, expression: text, tags, filter: (code) => codes.has(code) };
}
