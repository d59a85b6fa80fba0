import type { KeyValueChange, KeyValueStore } from './key-value-store.ts';

/** Keeps nothing over a restart: for tests and brokers without a data folder. */
export class MemoryKeyValueStore implements KeyValueStore {
  readonly #pairs = new Map<string, string>();

  open(): Promise<void> {
    return Promise.resolve();
  }

  write(changes: readonly KeyValueChange[]): Promise<void> {
    for (const { key, value } of changes) {
      if (value === undefined) this.#pairs.delete(key);
      else this.#pairs.set(key, value);
    }
    return Promise.resolve();
  }

  entries(prefix: string): Promise<(readonly [string, string])[]> {
    return Promise.resolve([...this.#pairs].filter(([key]) => key.startsWith(prefix)).sort());
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
