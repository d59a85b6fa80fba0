import { bool, header, int32, int64, optional, text } from './fields.ts';

/** SEND_MESSAGE (10) and SEND_REPLY_MESSAGE (324): long names. */
export const SendMessageHeader = header({
  producerGroup: text,
  topic: text,
  defaultTopic: text,
  defaultTopicQueueNums: int32,
  queueId: int32,
  sysFlag: int32,
  bornTimestamp: int64,
  flag: int32,
  properties: optional(text),
  reconsumeTimes: optional(int32),
  unitMode: optional(bool),
  maxReconsumeTimes: optional(int32),
  batch: optional(bool),
  bname: optional(text),
});

/** SEND_MESSAGE_V2 (310), SEND_BATCH_MESSAGE (320), SEND_REPLY_MESSAGE_V2 (325): the same fields, one letter each. */
export const SendMessageHeaderV2 = header({
  a: text,
  b: text,
  c: text,
  d: int32,
  e: int32,
  f: int32,
  g: int64,
  h: int32,
  i: optional(text),
  j: optional(int32),
  k: optional(bool),
  l: optional(int32),
  m: optional(bool),
  n: optional(text),
});

export const SendMessageResponseHeader = header({
  msgId: text,
  queueId: int32,
  queueOffset: int64,
  transactionId: optional(text),
  batchUniqId: optional(text),
  recallHandle: optional(text),
  MSG_REGION: optional(text),
  TRACE_ON: optional(text),
  /** Ours: `synced` when the message is on the disk, `written` when the operating system has it. */
  durability: optional(text),
});

/** CONSUMER_SEND_MSG_BACK (36). */
export const SendBackHeader = header({
  offset: int64,
  group: text,
  delayLevel: int32,
  originMsgId: optional(text),
  originTopic: optional(text),
  unitMode: optional(bool),
  maxReconsumeTimes: optional(int32),
  bname: optional(text),
});

/** END_TRANSACTION (37). */
export const EndTransactionHeader = header({
  producerGroup: text,
  tranStateTableOffset: int64,
  commitLogOffset: int64,
  /** 8 commit, 12 rollback, 0 unknown. */
  commitOrRollback: int32,
  fromTransactionCheck: optional(bool),
  msgId: optional(text),
  transactionId: optional(text),
  topic: optional(text),
  bname: optional(text),
});

/** CHECK_TRANSACTION_STATE (39), broker to producer. */
export const CheckTransactionHeader = header({
  topic: optional(text),
  tranStateTableOffset: int64,
  commitLogOffset: int64,
  msgId: optional(text),
  transactionId: optional(text),
  offsetMsgId: optional(text),
  bname: optional(text),
});
