import type { KeyValueChange } from '@cometmq/broker/store/kv/key-value-store';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';

interface Batch {
  readonly changes: readonly KeyValueChange[];
  readonly sync: boolean;
}

/** The batches that a broker wrote to its store of settings, in order: what a crash leaves is a beginning of them. */
export class SettingsJournal {
  readonly #batches: Batch[];

  constructor(batches: readonly Batch[] = []) {
    this.#batches = [...batches];
  }

  get all(): readonly Batch[] {
    return this.#batches;
  }

  write(batch: Batch): void {
    this.#batches.push(batch);
  }

  /** What a power cut leaves: all up to the last synced batch, and of the ones behind it as many as `share` says. */
  cut(share: number): SettingsJournal {
    const synced = this.#batches.findLastIndex(({ sync }) => sync) + 1;
    const kept = synced + Math.round((this.#batches.length - synced) * share);
    return new SettingsJournal(this.#batches.slice(0, kept));
  }

  /** All that was written is on the disk: so ends an orderly stop. */
  syncAll(): void {
    const last = this.#batches.pop();
    if (last !== undefined) this.#batches.push({ ...last, sync: true });
  }
}

/** A store of settings over what an earlier one left. */
export class JournaledSettings extends MemoryKeyValueStore {
  readonly #journal: SettingsJournal;

  constructor(journal: SettingsJournal) {
    super();
    this.#journal = journal;
    for (const { changes } of journal.all) void super.write(changes);
  }

  override async write(changes: readonly KeyValueChange[], sync = false): Promise<void> {
    await Promise.resolve();
    if (changes.length === 0) return;
    await super.write(changes);
    this.#journal.write({ changes: [...changes], sync });
  }

  override close(): Promise<void> {
    this.#journal.syncAll();
    return super.close();
  }
}
