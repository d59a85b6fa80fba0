/** Bounds of the console's questions and answers. */
export const LIMITS = {
  /** Requests to brokers under way for one answer. */
  concurrency: 8,
  pageItemsMax: 200,
  /** Groups whose lag the overview adds up. */
  overviewGroupsMax: 200,
  topicsOfOneGroupMax: 100,
  queuesShownMax: 2_000,
  clientsShownMax: 500,
  /** Topics searched when a key or an id comes without a topic. */
  searchTopicsMax: 200,
  searchHitsMax: 64,
  scanQueuesMax: 256,
  scanMessagesMax: 2_000,
  scanBytesMax: 32 * 1024 * 1024,
  pullCountMax: 32,
  bodyPreviewChars: 160,
  bodyBytesUnpackedMax: 8 * 1024 * 1024,
  bodyBytesShownMax: 256 * 1024,
  rewindPlansMax: 64,
  rewindPlanLifeMs: 5 * 60_000,
  historyStepMs: 5_000,
  historySamplesMax: 720,
  requestBodyBytesMax: 64 * 1024,
} as const;
