// What both stores of settings promise: the one in memory stands in for RocksDB in most tests.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeyValueStore } from '@cometmq/broker/store/kv/key-value-store';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { RocksDbStore } from '@cometmq/broker/store/kv/rocksdb-store';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'comet-kv-'));
let count = 0;

const stores: Record<string, () => KeyValueStore> = {
  memory: () => new MemoryKeyValueStore(),
  RocksDB: () => new RocksDbStore(join(directory, String(count++))),
};

describe.each(Object.entries(stores))('%s', (_name, newStore) => {
  let store: KeyValueStore;
  beforeEach(async () => {
    store = newStore();
    await store.open();
    const changes = ['a/1', 'a/10', 'a/2', 'b/1', 'B/1'].map((key) => ({ key, value: `of ${key}` }));
    await store.write(changes, false);
  });
  afterEach(() => store.close());

  test('a key is read by its name; one that is missing or removed is undefined', async () => {
    expect(await store.get('a/1')).toBe('of a/1');
    expect(await store.get('a/')).toBeUndefined();
    await store.write([{ key: 'a/1', value: undefined }], true);
    expect(await store.get('a/1')).toBeUndefined();
  });

  test('a range begins with its first key, ends before its last, in the order of bytes', async () => {
    const keys = async (from: string, to: string, limit: number): Promise<string[]> =>
      (await store.range(from, to, limit)).map(([key]) => key);
    expect(await keys('', 'z', 10)).toEqual(['B/1', 'a/1', 'a/10', 'a/2', 'b/1']);
    expect(await keys('a/1', 'a/2', 10)).toEqual(['a/1', 'a/10']);
    expect(await keys('a/', 'b', 2)).toEqual(['a/1', 'a/10']);
    expect(await keys('c', 'd', 2)).toEqual([]);
    expect(await store.range('b', 'c', 5)).toEqual([['b/1', 'of b/1']]);
  });

  test('a family is read by its prefix', async () => {
    expect((await store.entries('a/')).map(([key]) => key)).toEqual(['a/1', 'a/10', 'a/2']);
  });
});

afterEach(() => {
  if (count > 3) rmSync(directory, { recursive: true, force: true });
});
