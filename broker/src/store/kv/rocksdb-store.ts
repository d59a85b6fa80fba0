import rocksdb from 'rocksdb';
import type { Iterator, RocksDb } from 'rocksdb';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { KeyValueChange, KeyValuePair, KeyValueStore } from './key-value-store.ts';
import { WriteQueue } from './write-queue.ts';

/** Behind every key that begins with a prefix: keys are ASCII. */
const PREFIX_END = '\uffff';

/** The store on RocksDB. */
export class RocksDbStore implements KeyValueStore {
  readonly #db: RocksDb;
  readonly #directory: string;
  readonly #writes = new WriteQueue((changes, sync) => this.#writeBatch(changes, sync));

  constructor(directory: string) {
    this.#directory = directory;
    this.#db = rocksdb(directory);
  }

  async open(): Promise<void> {
    try {
      await settle((done) => {
        this.#db.open({ createIfMissing: true, infoLogLevel: 'error', maxOpenFiles: 64 }, done);
      });
    } catch (error) {
      throw new MqError(
        'STORE_FAILED',
        `can't open the settings in ${this.#directory}: ${errorText(error)}`,
        {
          cause: error,
          hint: 'is another broker using the same data folder?',
        },
      );
    }
  }

  write(changes: readonly KeyValueChange[], sync: boolean): Promise<void> {
    return changes.length === 0 ? Promise.resolve() : this.#writes.write(changes, sync);
  }

  #writeBatch(changes: readonly KeyValueChange[], sync: boolean): Promise<void> {
    const operations = changes.map(({ key, value }) =>
      value === undefined ? ({ type: 'del', key } as const) : ({ type: 'put', key, value } as const),
    );
    return settle((done) => {
      this.#db.batch(operations, { sync }, done);
    });
  }

  entries(prefix: string): Promise<KeyValuePair[]> {
    return this.range(prefix, prefix + PREFIX_END, Infinity);
  }

  get(key: string): Promise<string | undefined> {
    return new Promise((resolve, reject) => {
      this.#db.get(key, { asBuffer: false }, (error, value) => {
        if (!error) resolve(value);
        else if (/notfound/i.test(error.message)) resolve(undefined);
        else reject(error);
      });
    });
  }

  async range(from: string, to: string, limit: number): Promise<KeyValuePair[]> {
    const iterator = this.#db.iterator({
      gte: from,
      lt: to,
      limit: Number.isFinite(limit) ? limit : -1,
      keyAsBuffer: false,
      valueAsBuffer: false,
    });
    const pairs: KeyValuePair[] = [];
    try {
      for (let pair = await next(iterator); pair !== undefined; pair = await next(iterator)) pairs.push(pair);
    } finally {
      await settle((done) => {
        iterator.end(done);
      });
    }
    return pairs;
  }

  async close(): Promise<void> {
    await this.#writes.idle();
    await settle((done) => {
      this.#db.close(done);
    });
  }
}

function next(iterator: Iterator): Promise<KeyValuePair | undefined> {
  return new Promise((resolve, reject) => {
    iterator.next((error, key, value) => {
      if (error) reject(error);
      else resolve(key === undefined || value === undefined ? undefined : [key, value]);
    });
  });
}

function settle(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
