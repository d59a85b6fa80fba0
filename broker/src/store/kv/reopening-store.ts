import type { Clock } from '@cometmq/common/clock/clock';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { KeyValueChange, KeyValuePair } from './key-value-store.ts';
import type { TableStore } from './sealed-store.ts';

export interface ReopeningStoreOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes the store over the files; a read-only one must not change any file. */
  readonly makeStore: (isReadOnly: boolean) => TableStore;
}

/** Pause between two attempts: each closes and opens the files. */
const RETRY_MS = 1_000;

/**
 * Opens the files anew after a failed write, before anything else is written. RocksDB would go on once the disk has room,
 * but its log then has a torn record in the middle: all that is written behind it, synced or not, is gone after a crash.
 * While opening fails, the files are read only. Writes come one at a time (`SealedStore` keeps them in order).
 */
export class ReopeningStore implements TableStore {
  readonly #options: ReopeningStoreOptions;
  /** Undefined: the files can't even be read now. */
  #store: TableStore | undefined;
  /** Why nothing can be written. */
  #fault: MqError | undefined;
  #retryAtMs = 0;
  #exchange: Promise<void> | undefined;
  #reads = 0;
  #readsDone: (() => void) | undefined;

  constructor(options: ReopeningStoreOptions) {
    this.#options = options;
    this.#store = options.makeStore(false);
  }

  open(): Promise<void> {
    return this.#open.open();
  }

  /** @throws MqError `SERVICE_NOT_AVAILABLE` while the disk does not take writes. */
  async write(changes: readonly KeyValueChange[], sync: boolean): Promise<void> {
    if (this.#fault !== undefined) await this.#reopen(this.#fault);
    try {
      await this.#open.write(changes, sync);
    } catch (error) {
      throw this.#failed(error);
    }
  }

  entries(prefix: string): Promise<KeyValuePair[]> {
    return this.#read((store) => store.entries(prefix));
  }

  get(key: string): Promise<string | undefined> {
    return this.#read((store) => store.get(key));
  }

  range(from: string, to: string, limit: number): Promise<KeyValuePair[]> {
    return this.#read((store) => store.range(from, to, limit));
  }

  tables(): string[] {
    if (this.#exchange !== undefined) throw new MqError('SYSTEM_BUSY', 'the settings are being opened anew');
    return this.#open.tables();
  }

  async close(): Promise<void> {
    await this.#exchange?.catch(() => undefined);
    await this.#store?.close();
  }

  async #reopen(fault: MqError): Promise<void> {
    const now = this.#options.clock.monotonic();
    if (now < this.#retryAtMs) throw fault;
    this.#retryAtMs = now + RETRY_MS;
    this.#exchange = this.#exchangeStore();
    try {
      await this.#exchange;
    } finally {
      this.#exchange = undefined;
    }
  }

  async #exchangeStore(): Promise<void> {
    const { log, makeStore } = this.#options;
    if (this.#reads > 0) {
      await new Promise<void>((resolve) => {
        this.#readsDone = resolve;
      });
    }
    const before = this.#store;
    this.#store = undefined;
    await before?.close();
    const store = makeStore(false);
    try {
      await store.open();
      this.#store = store;
      this.#fault = undefined;
    } catch (error) {
      const readable = makeStore(true);
      await readable.open().then(
        () => (this.#store = readable),
        () => undefined,
      );
      throw this.#failed(error);
    }
    log.info({}, 'settings and offsets can be saved again');
  }

  async #read<T>(work: (store: TableStore) => Promise<T>): Promise<T> {
    while (this.#exchange !== undefined) await this.#exchange.catch(() => undefined);
    const store = this.#open;
    this.#reads++;
    try {
      return await work(store);
    } finally {
      if (--this.#reads === 0) this.#readsDone?.();
    }
  }

  get #open(): TableStore {
    if (this.#store !== undefined) return this.#store;
    throw this.#fault ?? new MqError('STORE_FAILED', 'the settings are closed');
  }

  #failed(cause: unknown): MqError {
    if (cause === this.#fault) return this.#fault as MqError;
    const reason = errorText(cause);
    if (this.#fault === undefined) {
      this.#options.log.error({ reason }, 'settings and offsets can not be saved; it is tried again');
      this.#retryAtMs = 0;
    }
    this.#fault = new MqError('SERVICE_NOT_AVAILABLE', `settings and offsets can not be saved: ${reason}`, {
      cause,
      hint: 'free disk space; saving resumes by itself',
    });
    return this.#fault;
  }
}
