import { header, int32, int64, optional, text } from './fields.ts';

/** RECALL_MESSAGE (370). */
export const RecallMessageHeader = header({
  producerGroup: optional(text),
  topic: text,
  recallHandle: text,
  bname: optional(text),
});

export const RecallMessageResponseHeader = header({ msgId: text, MSG_REGION: optional(text) });

/** LIST_SCHEDULES (90150). */
export const ListSchedulesHeader = header({
  topic: optional(text),
  /** Unique key or key: all that is known of it, waiting or not; the other fields but the topic do not matter then. */
  key: optional(text),
  /** Due times in ms; `to` is not in the range. */
  from: optional(int64),
  to: optional(int64),
  maxNum: optional(int32),
  /** Where the page before ended. */
  cursor: optional(text),
});

/** CANCEL_SCHEDULE (90151), MOVE_SCHEDULE (90152), FIRE_SCHEDULE (90153). `dueAt` in ms is for moving. */
export const ChangeScheduleHeader = header({ topic: text, uniqueKey: text, dueAt: optional(int64) });

/** REMOVE_RECURRING_SCHEDULE (90162). */
export const RecurringScheduleHeader = header({ name: text });

/** SCHEDULE_HISTOGRAM (90154). */
export const ScheduleHistogramHeader = header({ from: int64, to: int64, bucketMs: int64 });
