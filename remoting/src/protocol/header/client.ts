import { bool, header, optional, text } from './fields.ts';

/** Answer of HEART_BEAT (34). */
export const HeartbeatResponseHeader = header({ IS_SUPPORT_HEART_BEAT_V2: bool, IS_SUB_CHANGE: bool });

/** UNREGISTER_CLIENT (35). */
export const UnregisterClientHeader = header({
  clientID: text,
  producerGroup: optional(text),
  consumerGroup: optional(text),
});

/** GET_CONSUMER_LIST_BY_GROUP (38), NOTIFY_CONSUMER_IDS_CHANGED (40), GET_CONSUMER_CONNECTION_LIST (203). */
export const ConsumerGroupHeader = header({ consumerGroup: text });

/** GET_GROUP_CONFLICTS (90200), CometMQ's own. Without a group: of all. */
export const GroupConflictsHeader = header({ group: optional(text) });

/** GET_PRODUCER_CONNECTION_LIST (204). */
export const ProducerGroupHeader = header({ producerGroup: text });

/** GET_CONSUMER_RUNNING_INFO (307), asked by admin tools and passed on to the client. */
export const ConsumerRunningInfoHeader = header({
  consumerGroup: text,
  clientId: text,
  jstackEnable: optional(bool),
});

/** CONSUME_MESSAGE_DIRECTLY (309), asked by admin tools and passed on to the client. */
export const ConsumeMessageDirectlyHeader = header({
  consumerGroup: text,
  clientId: optional(text),
  /** Offset id of the message. */
  msgId: optional(text),
  brokerName: optional(text),
  topic: optional(text),
});
