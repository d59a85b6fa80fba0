/** The part of the `rocksdb` package that we use; it ships no types. */
declare module 'rocksdb' {
  type Done = (error?: Error | null) => void;

  export interface Iterator {
    next(callback: (error: Error | null | undefined, key?: string, value?: string) => void): void;
    end(callback: Done): void;
  }

  export interface RocksDb {
    open(
      options: { createIfMissing: boolean; readOnly: boolean; infoLogLevel: string; maxOpenFiles: number },
      callback: Done,
    ): void;
    close(callback: Done): void;
    getProperty(name: string): string;
    batch(
      operations: readonly ({ type: 'put'; key: string; value: string } | { type: 'del'; key: string })[],
      options: { sync: boolean },
      callback: Done,
    ): void;
    get(
      key: string,
      options: { asBuffer: false },
      callback: (error: Error | null | undefined, value?: string) => void,
    ): void;
    iterator(options: {
      gte: string;
      lt: string;
      /** −1: no limit. */
      limit: number;
      keyAsBuffer: boolean;
      valueAsBuffer: boolean;
    }): Iterator;
  }

  export default function rocksdb(directory: string): RocksDb;
}
