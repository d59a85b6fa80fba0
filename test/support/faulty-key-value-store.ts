import type { KeyValueChange } from '@cometmq/broker/store/kv/key-value-store';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';

/** What a process or a machine finds after the end of another one. */
export class KeyValueBatches {
  readonly all: { readonly changes: readonly KeyValueChange[]; readonly sync: boolean }[] = [];

  /** What a power cut leaves: up to the last synced batch. */
  synced(): KeyValueBatches {
    const left = new KeyValueBatches();
    const end = this.all.findLastIndex(({ sync }) => sync) + 1;
    left.all.push(...this.all.slice(0, end));
    return left;
  }

  clone(): KeyValueBatches {
    const copy = new KeyValueBatches();
    copy.all.push(...this.all);
    return copy;
  }
}

/** A store of settings in memory of which one write fails, once; the batch is not applied. */
export class FaultyKeyValueStore extends MemoryKeyValueStore {
  readonly #batches: KeyValueBatches;
  readonly #failAt: number | undefined;
  /** Writes so far. */
  writes = 0;
  failed: readonly KeyValueChange[] | undefined;

  constructor(batches: KeyValueBatches, failAt: number | undefined) {
    super();
    this.#batches = batches;
    this.#failAt = failAt;
    for (const { changes } of batches.all) void super.write(changes);
  }

  override async write(changes: readonly KeyValueChange[], sync = false): Promise<void> {
    await Promise.resolve();
    if (changes.length === 0) return;
    if (++this.writes === this.#failAt) {
      this.failed = changes;
      throw Object.assign(new Error('IO error: No space left on device'), { code: 'LEVEL_WRITE' });
    }
    await super.write(changes);
    this.#batches.all.push({ changes: [...changes], sync });
  }
}
