import { bool, header, int32, int64, optional, text } from './fields.ts';

/** QUERY_CONSUMER_OFFSET (14). */
export const QueryConsumerOffsetHeader = header({
  consumerGroup: text,
  topic: text,
  queueId: int32,
  setZeroIfNotFound: optional(bool),
  bname: optional(text),
});

/** UPDATE_CONSUMER_OFFSET (15). */
export const UpdateConsumerOffsetHeader = header({
  consumerGroup: text,
  topic: text,
  queueId: int32,
  commitOffset: int64,
  bname: optional(text),
});

/** SEARCH_OFFSET_BY_TIMESTAMP (29). */
export const SearchOffsetHeader = header({
  topic: text,
  queueId: int32,
  timestamp: int64,
  /** LOWER (default): first message at or after the time; UPPER: last one at or before it. */
  boundaryType: optional(text),
  bname: optional(text),
});

/** GET_MAX_OFFSET (30), GET_MIN_OFFSET (31), GET_EARLIEST_MSG_STORETIME (32). */
export const QueueHeader = header({
  topic: text,
  queueId: int32,
  committed: optional(bool),
  bname: optional(text),
});

/** Answer of 14, 29, 30 and 31. */
export const OffsetResponseHeader = header({ offset: int64 });

/** Answer of 32. */
export const TimestampResponseHeader = header({ timestamp: int64 });

/** INVOKE_BROKER_TO_RESET_OFFSET (222) and RESET_CONSUMER_CLIENT_OFFSET (220). */
export const ResetOffsetHeader = header({
  topic: text,
  group: text,
  /** ms; negative: to the end. */
  timestamp: int64,
  isForce: optional(bool),
  /** Negative or absent: all queues. */
  queueId: optional(int32),
  /** Negative or absent: by timestamp. */
  offset: optional(int64),
});

/** INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223) and GET_CONSUMER_STATUS_FROM_CLIENT (221). */
export const ConsumerStatusHeader = header({ topic: text, group: text, clientAddr: optional(text) });

/** CLONE_GROUP_OFFSET (314). */
export const CloneGroupOffsetHeader = header({
  srcGroup: text,
  destGroup: text,
  topic: optional(text),
  offline: optional(bool),
});

/** QUERY_CORRECTION_OFFSET (308). */
export const CorrectionOffsetHeader = header({
  filterGroups: optional(text),
  compareGroup: text,
  topic: text,
});
