import type { KeyValueChange } from '@cometmq/broker/store/kv/key-value-store';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { SealedStore } from '@cometmq/broker/store/kv/sealed-store';
import { silentLogger } from '@cometmq/common/logging/logger';
import { expect, test } from 'vitest';
import { ManualClock } from '../../../../support/manual-clock.ts';
import { SimulatedDisk } from '../../../../support/simulated-disk.ts';

/** Notes which writes are synced, and whether the last one before closing was. */
class WatchedStore extends MemoryKeyValueStore {
  readonly syncs: boolean[] = [];
  syncedWhenClosed: boolean | undefined;

  tables(): string[] {
    return [];
  }

  override async write(changes: readonly KeyValueChange[], sync = false): Promise<void> {
    await super.write(changes);
    this.syncs.push(sync);
  }

  override close(): Promise<void> {
    this.syncedWhenClosed = this.syncs.at(-1);
    return Promise.resolve();
  }
}

async function openSealed(): Promise<{ store: SealedStore; beneath: WatchedStore }> {
  const beneath = new WatchedStore();
  const store = new SealedStore({
    disk: new SimulatedDisk(),
    clock: new ManualClock(),
    log: silentLogger,
    directory: '/config',
    makeStore: () => beneath,
  });
  await store.open();
  return { store, beneath };
}

test('what was not synced is synced before the folder is sealed as closed', async () => {
  const { store, beneath } = await openSealed();
  await store.write([{ key: 'a', value: '1' }], true);
  await store.write([{ key: 'a', value: '2' }], false);
  await store.close();
  expect(beneath.syncedWhenClosed).toBe(true);
});

test('closing writes nothing when all is synced', async () => {
  const { store, beneath } = await openSealed();
  await store.write([{ key: 'a', value: '1' }], true);
  const { length } = beneath.syncs;
  await store.close();
  expect(beneath.syncs).toHaveLength(length);
});
