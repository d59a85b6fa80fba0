import { javaStringHash } from '@cometmq/common/message/tags-code';
import type { SubscriptionData } from '@cometmq/remoting/protocol/body/heartbeat';
import { IllegalStateError } from '../error/client-error.ts';

/** Which messages of a topic a consumer wants. */
export interface Filter {
  readonly type: 'TAG' | 'SQL92';
  readonly expression: string;
}

export const ALL_MESSAGES: Filter = { type: 'TAG', expression: '*' };

/** Messages that carry one of the tags. */
export function tags(...wanted: string[]): Filter {
  const bad = wanted.find((tag) => tag.trim() === '' || tag.includes('|'));
  if (wanted.length === 0 || bad !== undefined) {
    throw new IllegalStateError(`tags: ${bad === undefined ? 'none given' : `'${bad}' is no tag`}`);
  }
  return { type: 'TAG', expression: wanted.map((tag) => tag.trim()).join('||') };
}

/** Messages whose properties satisfy an SQL92 condition. Apache brokers must allow it (enablePropertyFilter). */
export function sql(condition: string): Filter {
  return { type: 'SQL92', expression: condition };
}

/** What the broker is told about a subscription (Java: FilterAPI). The version orders it against earlier ones. */
export function subscriptionData(topic: string, filter: Filter, version: number): SubscriptionData {
  const { type, expression } = filter;
  const wanted =
    type === 'SQL92' || expression === '*' ? [] : expression.split('||').map((tag) => tag.trim());
  return {
    classFilterMode: false,
    codeSet: wanted.map(javaStringHash),
    expressionType: type,
    subString: expression,
    subVersion: version,
    tagsSet: wanted,
    topic,
  };
}

/** Brokers filter by hash; tags that merely share one are sorted out here. */
export function acceptsTag(subscription: SubscriptionData, tag: string | undefined): boolean {
  return subscription.tagsSet.length === 0 || (tag !== undefined && subscription.tagsSet.includes(tag));
}
