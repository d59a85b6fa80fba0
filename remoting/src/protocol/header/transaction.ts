import { header, int32, int64, optional, text } from './fields.ts';

/** RESUME_CHECK_HALF_MESSAGE (323). `msgId` is an offset id. */
export const ResumeCheckHeader = header({ topic: optional(text), msgId: text });

/** LIST_TRANSACTIONS (90100). */
export const ListTransactionsHeader = header({
  /** open, prepared, checking, expired, decided, committed, rolledBack; open when absent. */
  state: optional(text),
  group: optional(text),
  topic: optional(text),
  /** Stored at least this long ago, ms. */
  olderThan: optional(int64),
  maxNum: optional(int32),
  /** Where the page before ended. */
  cursor: optional(int64),
});

/** GET_TRANSACTION (90101), CHECK_TRANSACTION (90102). */
export const TransactionHeader = header({ transaction: text });

/** RESUME_TRANSACTION (90103), COMMIT_TRANSACTION (90104), ROLLBACK_TRANSACTION (90105). */
export const TransactionOrderHeader = header({
  transaction: text,
  reason: optional(text),
  /** Who orders it, to be shown. */
  operator: optional(text),
});
