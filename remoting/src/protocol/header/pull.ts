import { header, int32, int64, optional, text } from './fields.ts';

/** Bits of a pull request's `sysFlag` (Java: PullSysFlag). */
export const PullFlag = { COMMIT_OFFSET: 1, SUSPEND: 2, SUBSCRIPTION: 4, CLASS_FILTER: 8, LITE: 16 } as const;

/** PULL_MESSAGE (11) and LITE_PULL_MESSAGE (361). */
export const PullMessageHeader = header({
  consumerGroup: text,
  topic: text,
  queueId: int32,
  queueOffset: int64,
  maxMsgNums: int32,
  sysFlag: int32,
  commitOffset: int64,
  suspendTimeoutMillis: int64,
  subVersion: int64,
  subscription: optional(text),
  expressionType: optional(text),
  maxMsgBytes: optional(int32),
  bname: optional(text),
});

export const PullMessageResponseHeader = header({
  suggestWhichBrokerId: int64,
  nextBeginOffset: int64,
  minOffset: int64,
  maxOffset: int64,
  topicSysFlag: optional(int32),
  groupSysFlag: optional(int32),
  forbiddenType: optional(int32),
});
