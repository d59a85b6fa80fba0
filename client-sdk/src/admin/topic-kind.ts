import { isDlqTopic, isRetryTopic, isSystemTopic } from '@cometmq/common/topic/names';
import type { TopicConfig } from '@cometmq/common/topic/topic-config';

export type TopicKind = 'normal' | 'retry' | 'dlq' | 'system';

/** Each cluster has one for answers to requests. */
const REPLY_TOPIC = /_REPLY_TOPIC$/;

/** UNSPECIFIED, NORMAL, FIFO, DELAY, TRANSACTION or MIXED. */
export function messageTypeOf(config: TopicConfig | undefined): string {
  return config?.attributes['message.type'] ?? 'UNSPECIFIED';
}

export function kindOf(topic: string, system: ReadonlySet<string>): TopicKind {
  if (isRetryTopic(topic)) return 'retry';
  if (isDlqTopic(topic)) return 'dlq';
  return isSystemTopic(topic) || system.has(topic) || REPLY_TOPIC.test(topic) ? 'system' : 'normal';
}
