import type { KeyValueChange, KeyValuePair, KeyValueStore } from './key-value-store.ts';

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

  entries(prefix: string): Promise<KeyValuePair[]> {
    return Promise.resolve([...this.#pairs].filter(([key]) => key.startsWith(prefix)).sort(byKey));
  }

  get(key: string): Promise<string | undefined> {
    return Promise.resolve(this.#pairs.get(key));
  }

  range(from: string, to: string, limit: number): Promise<KeyValuePair[]> {
    const pairs = [...this.#pairs].filter(([key]) => key >= from && key < to).sort(byKey);
    return Promise.resolve(pairs.slice(0, limit));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function byKey(a: KeyValuePair, b: KeyValuePair): number {
  return a[0] < b[0] ? -1 : 1;
}
