import type { Clock } from '@cometmq/common/clock/clock';
import type { Disk } from '@cometmq/common/disk/disk';
import type { Logger } from '@cometmq/common/logging/logger';
import type { KeyValueStore } from './key-value-store.ts';
import { ReopeningStore } from './reopening-store.ts';
import { RocksDbStore } from './rocksdb-store.ts';
import { SealedStore } from './sealed-store.ts';

export interface SettingsPorts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Settings, offsets and tables of features in a folder: RocksDB, opened anew after failed writes, its damage noticed. */
export function settingsStore(ports: SettingsPorts, directory: string): KeyValueStore {
  const files = (isReadOnly: boolean): RocksDbStore => new RocksDbStore(directory, isReadOnly);
  return new SealedStore({
    ...ports,
    directory,
    makeStore: (isReadOnly) =>
      isReadOnly ? files(true) : new ReopeningStore({ ...ports, makeStore: files }),
  });
}
