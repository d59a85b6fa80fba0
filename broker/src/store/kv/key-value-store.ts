/** One change of a batch; an undefined value removes the key. */
export interface KeyValueChange {
  readonly key: string;
  readonly value: string | undefined;
}

export type KeyValuePair = readonly [key: string, value: string];

/**
 * Durable state beside the log: settings, offsets, tables of features. Batches are atomic. Keys are ASCII and
 * ordered, so that a family of keys is read by its prefix, and a large one by ranges.
 */
export interface KeyValueStore {
  open(): Promise<void>;
  /** With `sync` the batch is on the disk when the promise resolves. */
  write(changes: readonly KeyValueChange[], sync: boolean): Promise<void>;
  /** All pairs whose key begins with `prefix`. For start-up: the families are bounded by the settings' limits. */
  entries(prefix: string): Promise<KeyValuePair[]>;
  get(key: string): Promise<string | undefined>;
  /** The first `limit` pairs with `from` <= key < `to`, in the order of their keys. */
  range(from: string, to: string, limit: number): Promise<KeyValuePair[]>;
  /** What was written before is on the disk when the promise resolves, synced or not. */
  close(): Promise<void>;
}
