import { header, int32, int64, optional, text } from './fields.ts';

/** QUERY_MESSAGE (12). `_UNIQUE_KEY_QUERY` travels beside it. */
export const QueryMessageHeader = header({
  topic: text,
  key: text,
  maxNum: int32,
  beginTimestamp: int64,
  endTimestamp: int64,
  /** `K` key, `U` unique key, `T` tag; since 5.4. */
  indexType: optional(text),
  _UNIQUE_KEY_QUERY: optional(text),
});

export const QueryMessageResponseHeader = header({
  indexLastUpdateTimestamp: int64,
  indexLastUpdatePhyoffset: int64,
});

/** VIEW_MESSAGE_BY_ID (33). */
export const ViewMessageHeader = header({ offset: int64, topic: optional(text) });
