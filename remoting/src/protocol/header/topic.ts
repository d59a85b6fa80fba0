import { bool, header, int32, optional, text } from './fields.ts';

/** UPDATE_AND_CREATE_TOPIC (17). */
export const CreateTopicHeader = header({
  topic: text,
  defaultTopic: optional(text),
  readQueueNums: int32,
  writeQueueNums: int32,
  perm: int32,
  topicFilterType: optional(text),
  topicSysFlag: optional(int32),
  order: optional(bool),
  /** Modifications such as `+message.type=FIFO,-reserve.time`. */
  attributes: optional(text),
  force: optional(bool),
});

/** Requests whose only field is a topic: 215, 202, 300, 351. */
export const TopicHeader = header({ topic: text, lo: optional(bool) });

/** Answer of GET_ALL_TOPIC_CONFIG (21). */
export const AllTopicConfigResponseHeader = header({ totalTopicNum: int32 });

/** Requests whose only field is a group: 352, 343. */
export const GroupHeader = header({ group: text });

/** DELETE_SUBSCRIPTIONGROUP (207). */
export const DeleteGroupHeader = header({ groupName: text, cleanOffset: optional(bool) });

/** GET_ALL_SUBSCRIPTIONGROUP_CONFIG (201). */
export const AllGroupConfigResponseHeader = header({ totalGroupNum: int32 });
