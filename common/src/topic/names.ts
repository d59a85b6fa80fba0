/** Names with a meaning (Java: TopicValidator, MixAll). */
export const RETRY_PREFIX = '%RETRY%';
export const DLQ_PREFIX = '%DLQ%';
export const SYSTEM_TOPIC_PREFIX = 'rmq_sys_';
export const SYSTEM_GROUP_PREFIX = 'CID_RMQ_SYS_';

export const SystemTopic = {
  /** Template of automatically created topics. */
  AUTO_CREATE: 'TBW102',
  SCHEDULE: 'SCHEDULE_TOPIC_XXXX',
  BENCHMARK: 'BenchmarkTest',
  TRANS_HALF: 'RMQ_SYS_TRANS_HALF_TOPIC',
  TRANS_OP_HALF: 'RMQ_SYS_TRANS_OP_HALF_TOPIC',
  ROCKSDB_TRANS_HALF: 'RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC',
  ROCKSDB_TRANS_OP_HALF: 'RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC',
  TRACE: 'RMQ_SYS_TRACE_TOPIC',
  TRANS_CHECK_MAX_TIME: 'TRANS_CHECK_MAX_TIME_TOPIC',
  SELF_TEST: 'SELF_TEST_TOPIC',
  OFFSET_MOVED: 'OFFSET_MOVED_EVENT',
  WHEEL_TIMER: 'rmq_sys_wheel_timer',
  /** Ours: what became of schedules. */
  WHEEL_TIMER_OP: 'rmq_sys_wheel_timer_op',
} as const;

/** Producers may not send to these. */
const FORBIDDEN_TOPICS: ReadonlySet<string> = new Set<string>([
  SystemTopic.SCHEDULE,
  SystemTopic.TRANS_HALF,
  SystemTopic.TRANS_OP_HALF,
  SystemTopic.ROCKSDB_TRANS_HALF,
  SystemTopic.ROCKSDB_TRANS_OP_HALF,
  SystemTopic.TRANS_CHECK_MAX_TIME,
  SystemTopic.SELF_TEST,
  SystemTopic.OFFSET_MOVED,
  SystemTopic.WHEEL_TIMER,
  SystemTopic.WHEEL_TIMER_OP,
]);

/** Begins the name of the topic that keeps what was popped and acknowledged. */
const REVIVE_TOPIC_PREFIX = 'rmq_sys_REVIVE_LOG_';

const SYSTEM_TOPICS: ReadonlySet<string> = new Set<string>(Object.values(SystemTopic));

export const TOPIC_LENGTH_MAX = 127;
/** Retry and dead-letter topics carry a group's name and may be longer. */
export const DERIVED_TOPIC_LENGTH_MAX = 255;
export const GROUP_LENGTH_MAX = 120;

const LEGAL_NAME = /^[%|a-zA-Z0-9_-]+$/;
/** A group's retries of one topic, kept apart by a plus sign (version 2 of POP's retry topics). */
const LEGAL_RETRY_TOPIC = /^%RETRY%[%|a-zA-Z0-9_-]+(\+[%|a-zA-Z0-9_-]+)?$/;

/** The topic of a cluster's brokers that keeps what was popped and acknowledged. */
export function reviveTopic(cluster: string): string {
  return REVIVE_TOPIC_PREFIX + cluster;
}

/** True for topics that producers may not send to: the broker believes what is in them. */
export function isForbiddenTopic(topic: string): boolean {
  return FORBIDDEN_TOPICS.has(topic) || topic.startsWith(REVIVE_TOPIC_PREFIX);
}

export function isSystemTopic(topic: string): boolean {
  return SYSTEM_TOPICS.has(topic) || topic.startsWith(SYSTEM_TOPIC_PREFIX);
}

export function retryTopic(group: string): string {
  return RETRY_PREFIX + group;
}

export function dlqTopic(group: string): string {
  return DLQ_PREFIX + group;
}

export function isRetryTopic(topic: string): boolean {
  return topic.startsWith(RETRY_PREFIX);
}

export function isDlqTopic(topic: string): boolean {
  return topic.startsWith(DLQ_PREFIX);
}

/** The group that a `%RETRY%` topic belongs to. */
export function groupOfRetryTopic(topic: string): string {
  return topic.slice(RETRY_PREFIX.length);
}

/** Why a topic name is refused, in RocketMQ's words, or undefined when it is fine. */
export function topicNameFault(topic: string): string | undefined {
  if (topic.trim() === '') return 'The specified topic is blank.';
  if (!LEGAL_NAME.test(topic) && !LEGAL_RETRY_TOPIC.test(topic)) {
    return `The specified topic: ${topic}, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$`;
  }
  const lengthMax = isRetryTopic(topic) || isDlqTopic(topic) ? DERIVED_TOPIC_LENGTH_MAX : TOPIC_LENGTH_MAX;
  if (topic.length > lengthMax) {
    return `The specified topic: ${topic}, is longer than topic max length: ${lengthMax}`;
  }
  return undefined;
}

/** Why a group name is refused, or undefined when it is fine. */
export function groupNameFault(group: string): string | undefined {
  if (group.trim() === '') return 'The specified group is blank.';
  if (!LEGAL_NAME.test(group)) {
    return `The specified group: ${group}, contains illegal characters, allowing only ^[%|a-zA-Z0-9_-]+$`;
  }
  if (group.length > GROUP_LENGTH_MAX) {
    return `The specified group: ${group}, is longer than group max length: ${GROUP_LENGTH_MAX}`;
  }
  return undefined;
}
