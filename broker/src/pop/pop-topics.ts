import { RETRY_PREFIX } from '@cometmq/common/topic/names';
import { javaStringHash } from '@cometmq/common/message/tags-code';

/** Queues of the topic that the notes go to (Java: reviveQueueNum). */
export const REVIVE_QUEUES = 8;

/** Which kind of topic a popped message is in, as receipt handles say it (Java: KeyBuilder, ExtraInfoUtil). */
export const RetryKind = { NORMAL: 0, RETRY_V1: 1, RETRY_V2: 2 } as const;
export type RetryKind = (typeof RetryKind)[keyof typeof RetryKind];

/** What keeps group and topic apart in the name of a retry topic. */
const SEPARATOR = { [RetryKind.RETRY_V1]: '_', [RetryKind.RETRY_V2]: '+' } as const;

/** The topic of a group's retries of one topic. Version 2 can't be mistaken: `+` is in no group's name. */
export function popRetryTopic(group: string, topic: string, version: 1 | 2): string {
  return RETRY_PREFIX + group + SEPARATOR[version] + topic;
}

/** The kind of a topic, and the topic whose messages it holds, seen by one of its group's consumers. */
export function originOf(group: string, topic: string): { readonly topic: string; readonly kind: RetryKind } {
  const prefix = RETRY_PREFIX + group;
  for (const kind of [RetryKind.RETRY_V1, RetryKind.RETRY_V2] as const) {
    const start = prefix + SEPARATOR[kind];
    if (topic.startsWith(start) && topic.length > start.length)
      return { topic: topic.slice(start.length), kind };
  }
  return { topic, kind: RetryKind.NORMAL };
}

/** One and the same for a topic and its retries, so that the notes of one pop are in one queue, in order. */
export function reviveQueueIdOf(group: string, topic: string): number {
  return Math.abs(javaStringHash(`${group}@${originOf(group, topic).topic}`) % REVIVE_QUEUES);
}
