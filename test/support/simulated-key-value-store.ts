import type { KeyValueChange, KeyValuePair, KeyValueStore } from '@cometmq/broker/store/kv/key-value-store';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { WriteQueue } from '@cometmq/broker/store/kv/write-queue';

type Batch = readonly KeyValueChange[];

/**
 * A store of settings that knows what is durable, with the promises of RocksDB's log: batches are atomic and in order, a
 * synced one makes all before it durable, and a power cut leaves some batches that were written after that, without a gap.
 */
export class SimulatedKeyValueStore implements KeyValueStore {
  /** Called before each write and before each sync. */
  hook: (() => void) | undefined;
  /** Writes wait for this; undefined lets them pass. */
  gate: (() => Promise<void> | undefined) | undefined;
  readonly #view = new MemoryKeyValueStore();
  readonly #batches: Batch[] = [];
  #durable = 0;
  readonly #writes = new WriteQueue((changes, sync) => this.#writeBatch(changes, sync));

  /** Batches that a power cut may take, the last ones first. */
  get unsynced(): number {
    return this.#batches.length - this.#durable;
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  write(changes: Batch, sync: boolean): Promise<void> {
    return changes.length === 0 ? Promise.resolve() : this.#writes.write(changes, sync);
  }

  entries(prefix: string): Promise<KeyValuePair[]> {
    return this.#view.entries(prefix);
  }

  get(key: string): Promise<string | undefined> {
    return this.#view.get(key);
  }

  range(from: string, to: string, limit: number): Promise<KeyValuePair[]> {
    return this.#view.range(from, to, limit);
  }

  async close(): Promise<void> {
    await this.#writes.idle();
    this.#durable = this.#batches.length;
  }

  /** What a power cut leaves when so many of the unsynced batches survive. All of them: what the process's death leaves. */
  crash(survivors: number): SimulatedKeyValueStore {
    const after = new SimulatedKeyValueStore();
    for (const batch of this.#batches.slice(0, this.#durable + survivors)) after.#append(batch);
    after.#durable = after.#batches.length;
    return after;
  }

  /** The same with the same unsynced batches. */
  clone(): SimulatedKeyValueStore {
    const copy = this.crash(this.unsynced);
    copy.#durable = this.#durable;
    return copy;
  }

  async #writeBatch(changes: Batch, sync: boolean): Promise<void> {
    await this.gate?.();
    this.hook?.();
    this.#append([...changes]);
    if (!sync) return;
    const end = this.#batches.length;
    await this.gate?.();
    this.hook?.();
    this.#durable = Math.max(this.#durable, end);
  }

  #append(batch: Batch): void {
    this.#batches.push(batch);
    void this.#view.write(batch);
  }
}
