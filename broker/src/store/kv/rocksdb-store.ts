import rocksdb from 'rocksdb';
import type { Iterator, RocksDb } from 'rocksdb';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { KeyValueChange, KeyValuePair } from './key-value-store.ts';
import type { TableStore } from './sealed-store.ts';
import { damagedSettings } from './sealed-store.ts';
import { WriteQueue } from './write-queue.ts';

/** What RocksDB says of files that are not what it wrote. */
const DAMAGE = /corruption|no such file|does not exist|existing log file|checksum|mismatch/i;
/** A line of a level in the property that lists the tables: ` 8:3199[1 .. 200]…`. */
const TABLE_LINE = /^ (\d+):\d+\[/gm;

/** Behind every key that begins with a prefix: keys are ASCII. */
const PREFIX_END = '\uffff';

/** The store on RocksDB. */
export class RocksDbStore implements TableStore {
  readonly #db: RocksDb;
  readonly #directory: string;
  readonly #isReadOnly: boolean;
  readonly #writes = new WriteQueue((changes, sync) => this.#writeBatch(changes, sync));

  constructor(directory: string, isReadOnly = false) {
    this.#directory = directory;
    this.#isReadOnly = isReadOnly;
    this.#db = rocksdb(directory);
  }

  async open(): Promise<void> {
    const readOnly = this.#isReadOnly;
    try {
      await settle((done) => {
        const options = { createIfMissing: !readOnly, readOnly, infoLogLevel: 'error', maxOpenFiles: 64 };
        this.#db.open(options, done);
      });
    } catch (error) {
      const reason = errorText(error);
      if (DAMAGE.test(reason)) throw damagedSettings(this.#directory, reason, error);
      throw new MqError('STORE_FAILED', `can't open the settings in ${this.#directory}: ${reason}`, {
        cause: error,
        hint: 'is another broker using the same data folder? may this user write to it, and is there room on the disk?',
      });
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
        else reject(this.#failed(error));
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
    } catch (error) {
      throw this.#failed(error);
    } finally {
      await settle((done) => {
        iterator.end(done);
      });
    }
    return pairs;
  }

  tables(): string[] {
    const text = this.#db.getProperty('rocksdb.sstables');
    return Array.from(text.matchAll(TABLE_LINE), ([, number]) => `${String(number).padStart(6, '0')}.sst`);
  }

  #failed(error: unknown): MqError {
    return damagedSettings(this.#directory, errorText(error), error);
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
