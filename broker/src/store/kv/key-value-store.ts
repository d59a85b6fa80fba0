/** One change of a batch; an undefined value removes the key. */
export interface KeyValueChange {
  readonly key: string;
  readonly value: string | undefined;
}

/**
 * Small durable state beside the log: settings and offsets. Batches are atomic. Keys are ordered, so that a family of
 * keys is read by its prefix.
 */
export interface KeyValueStore {
  open(): Promise<void>;
  /** With `sync` the batch is on the disk when the promise resolves. */
  write(changes: readonly KeyValueChange[], sync: boolean): Promise<void>;
  /** All pairs whose key begins with `prefix`. For start-up: the families are bounded by the settings' limits. */
  entries(prefix: string): Promise<(readonly [key: string, value: string])[]>;
  close(): Promise<void>;
}
