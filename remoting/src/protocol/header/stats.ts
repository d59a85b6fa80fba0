import { bool, header, int32, int64, optional, text } from './fields.ts';

/** GET_CONSUME_STATS (208). */
export const ConsumeStatsHeader = header({
  consumerGroup: text,
  topic: optional(text),
  /** Names joined by `;`. */
  topicList: optional(text),
});

/** QUERY_CONSUME_TIME_SPAN (303) and QUERY_SUBSCRIPTION_BY_CONSUMER (345). */
export const TopicGroupHeader = header({ topic: text, group: text });

/** VIEW_BROKER_STATS_DATA (315). */
export const BrokerStatsHeader = header({ statsName: text, statsKey: text });

/** GET_BROKER_CONSUME_STATS (317). */
export const BrokerConsumeStatsHeader = header({ isOrder: optional(bool) });

/** QUERY_CONSUME_QUEUE (321). */
export const QueryConsumeQueueHeader = header({
  topic: text,
  queueId: int32,
  index: int64,
  count: int32,
  consumerGroup: optional(text),
});
