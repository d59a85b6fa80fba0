import { bool, header, int32, int64, optional, text } from './fields.ts';

/** POP_MESSAGE (200050). */
export const PopMessageHeader = header({
  consumerGroup: text,
  topic: text,
  queueId: int32,
  maxMsgNums: int32,
  invisibleTime: int64,
  pollTime: int64,
  initMode: int32,
  bornTime: optional(int64),
  expType: optional(text),
  exp: optional(text),
  order: optional(bool),
  attemptId: optional(text),
});

/** Java decodes it before it looks at the status: it must be whole in refusals as well. */
export const PopMessageResponseHeader = header({
  popTime: int64,
  invisibleTime: int64,
  reviveQid: int32,
  restNum: int64,
  startOffsetInfo: optional(text),
  msgOffsetInfo: optional(text),
  orderCountInfo: optional(text),
});

/** ACK_MESSAGE (200051). */
export const AckMessageHeader = header({
  consumerGroup: text,
  topic: text,
  queueId: int32,
  extraInfo: text,
  offset: int64,
});

/** CHANGE_MESSAGE_INVISIBLETIME (200053). */
export const ChangeInvisibleTimeHeader = header({
  consumerGroup: text,
  topic: text,
  queueId: int32,
  extraInfo: text,
  offset: int64,
  invisibleTime: int64,
});

export const ChangeInvisibleTimeResponseHeader = header({
  popTime: int64,
  invisibleTime: int64,
  reviveQid: int32,
});

/** NOTIFICATION (200054). */
export const NotificationHeader = header({
  consumerGroup: text,
  topic: text,
  queueId: int32,
  pollTime: int64,
  bornTime: optional(int64),
  order: optional(bool),
  attemptId: optional(text),
});

export const NotificationResponseHeader = header({ hasMsg: bool, pollingFull: bool });

/** POLLING_INFO (200055). */
export const PollingInfoHeader = header({ consumerGroup: text, topic: text, queueId: int32 });

export const PollingInfoResponseHeader = header({ pollingNum: int32 });
