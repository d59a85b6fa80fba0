import type { KeyValueChange } from './key-value-store.ts';

type WriteBatch = (changes: readonly KeyValueChange[], sync: boolean) => Promise<void>;

interface Pending {
  readonly changes: KeyValueChange[];
  sync: boolean;
  readonly settled: Promise<void>;
}

/**
 * Keeps writes in order: a thread pool may finish the later of two batches first, and an old value would be back after
 * a restart. What comes while a batch is being written is joined into the next one.
 */
export class WriteQueue {
  readonly #writeBatch: WriteBatch;
  #writing: Promise<void> = Promise.resolve();
  #next: Pending | undefined;

  constructor(writeBatch: WriteBatch) {
    this.#writeBatch = writeBatch;
  }

  /** Resolves when the changes, and all before them, are written; synced if `sync` was asked for. */
  write(changes: readonly KeyValueChange[], sync: boolean): Promise<void> {
    const next = (this.#next ??= this.#open());
    next.changes.push(...changes);
    next.sync ||= sync;
    return next.settled;
  }

  /** Resolves when nothing is being written any more. */
  async idle(): Promise<void> {
    await (this.#next?.settled ?? this.#writing).catch(() => undefined);
  }

  /** A batch that takes changes until the one before it is written. */
  #open(): Pending {
    const changes: KeyValueChange[] = [];
    const pending: Pending = {
      changes,
      sync: false,
      settled: this.#writing
        .catch(() => undefined)
        .then(() => {
          this.#next = undefined;
          return this.#writeBatch(changes, pending.sync);
        }),
    };
    this.#writing = pending.settled;
    return pending;
  }
}
