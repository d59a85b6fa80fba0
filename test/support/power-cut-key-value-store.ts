import type { KeyValueChange } from '@cometmq/broker/store/kv/key-value-store';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import type { SeededRandom } from './seeded-random.ts';

interface Batch {
  readonly changes: readonly KeyValueChange[];
  readonly sync: boolean;
}

/** Where a store of settings was at one moment. */
export interface KeyValueMoment {
  readonly batches: readonly Batch[];
  readonly count: number;
}

/** A store of settings that forgets what was not synced when the power goes: as RocksDB, whole batches, the latest ones. */
export class PowerCutKeyValueStore extends MemoryKeyValueStore {
  readonly #batches: Batch[] = [];
  hook: (() => void) | undefined;

  static after({ batches, count }: KeyValueMoment, random: SeededRandom): PowerCutKeyValueStore {
    const synced = batches.slice(0, count).findLastIndex(({ sync }) => sync) + 1;
    const store = new PowerCutKeyValueStore();
    for (const { changes } of batches.slice(0, synced + random.below(count - synced + 1)))
      void store.write(changes, true);
    return store;
  }

  override async write(changes: readonly KeyValueChange[], sync = false): Promise<void> {
    this.#batches.push({ changes: [...changes], sync });
    await super.write(changes);
    this.hook?.();
  }

  moment(): KeyValueMoment {
    return { batches: this.#batches, count: this.#batches.length };
  }
}
