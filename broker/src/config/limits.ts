/** Bounds of everything that clients can make grow. One page, so that they can be judged together. */
export const Limits = {
  connections: 20_000,
  topics: 50_000,
  groups: 50_000,
  /** Pairs of group and topic with committed offsets. */
  groupTopicPairs: 200_000,
  queuesPerTopic: 4_096,
  /** Messages in one batch send. */
  batchMembers: 8_192,
  /** Pull requests that wait for a message. */
  heldPulls: 200_000,
  /** POP requests that wait for a message: for one group and topic, and together (Java: popPollingSize, maxPopPollingSize). */
  heldPopsPerKey: 1_024,
  heldPops: 100_000,
  /** Queues that groups pop from, and messages that are leased. */
  leasedQueues: 1_000_000,
  popInFlight: 2_000_000,
  /** Longest lease of a popped message, ms. */
  invisibleMs: 12 * 3_600_000,
  /** Consumers and producers of one group on one broker. */
  clientsPerGroup: 10_000,
  /** Topics that one group subscribes to. */
  subscriptionsPerGroup: 1_000,
  /** Queues that one group holds locks on. */
  locksPerGroup: 100_000,
  /** Messages that one query by key returns (Java: maxMsgsNumBatch). */
  queryResults: 64,
  /** Entries of a queue that one look at it returns. */
  queueEntries: 1_024,
  /** Characters of an SQL92 filter, how deep its parts may be nested, and strings in one of its lists. */
  filterLength: 16_384,
  filterDepth: 128,
  filterListItems: 2_048,
  /** Longest wait of a held pull, ms. */
  holdTimeoutMs: 60_000,
  /** Appended but unsynced bytes beyond which sends are refused with SYSTEM_BUSY. */
  unsyncedBytes: 64 * 1024 * 1024,
} as const;
