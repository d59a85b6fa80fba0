import { INDEX_ENTRIES_MAX } from '@cometmq/broker/store/index/index-segment';
import { KeyIndex } from '@cometmq/broker/store/index/key-index';
import { PropertyScan } from '@cometmq/broker/store/property-scan';
import { javaStringHash } from '@cometmq/common/message/tags-code';
import { beforeEach, describe, expect, test } from 'vitest';
import { SimulatedDisk } from '../../../../support/simulated-disk.ts';
import { propertyText } from '../../../../support/store-world.ts';

const FOREVER = [0, 2 ** 41] as const;
let disk: SimulatedDisk;
let index: KeyIndex;

async function open(logOffset = Infinity, entries = Infinity, entriesMax?: number): Promise<boolean> {
  index = new KeyIndex(disk, '/index', entriesMax);
  return index.load(logOffset, entries);
}

function add(properties: Record<string, string>, position: number, time = 1_000_000): void {
  const text = propertyText(properties);
  const scan = new PropertyScan();
  scan.scan(text, 0, text.length);
  index.add(javaStringHash('orders#'), text, scan, position, time);
}

function find(key: string, begin: number = FOREVER[0], end: number = FOREVER[1]): number[] {
  return [...index.find('orders', key, begin, end)].map(({ physicalOffset }) => physicalOffset);
}

beforeEach(async () => {
  disk = new SimulatedDisk();
  await open();
});

describe('find', () => {
  test('each word of KEYS, the unique key, the tag; newest first', () => {
    add({ KEYS: 'a b', UNIQ_KEY: 'u1', TAGS: 'T' }, 100);
    add({ KEYS: 'b  c ', UNIQ_KEY: 'u2', TAGS: 'T' }, 200);
    expect([find('a'), find('b'), find('c'), find('u1'), find('T#T'), find('')]).toEqual([
      [100],
      [200, 100],
      [200],
      [100],
      [200, 100],
      [],
    ]);
  });

  test('keys outside ASCII', () => {
    add({ KEYS: '订单-1 é' }, 100);
    expect([find('订单-1'), find('é')]).toEqual([[100], [100]]);
  });

  test('"Aa" and "BB" have one hash: both are candidates', () => {
    add({ KEYS: 'Aa' }, 100);
    add({ KEYS: 'BB' }, 200);
    expect(find('Aa')).toEqual([200, 100]);
  });

  test('by time, to the second', () => {
    add({ KEYS: 'k' }, 100, 10_000);
    add({ KEYS: 'k' }, 200, 20_000);
    add({ KEYS: 'k' }, 300, 30_000);
    expect(find('k', 20_000, 29_999)).toEqual([200]);
    expect(find('k', 15_000, 31_000)).toEqual([300, 200]);
  });
});

describe('on disk', () => {
  test('flush takes only records before the log offset', async () => {
    add({ KEYS: 'k' }, 100);
    add({ KEYS: 'k' }, 200);
    await index.flush(200);
    expect(index.flushedEntries).toBe(1);
    await open();
    expect(find('k')).toEqual([100]);
  });

  test('entries behind the checkpoint are cut at a start', async () => {
    add({ KEYS: 'k' }, 100);
    add({ KEYS: 'k' }, 200);
    await index.flush(Infinity);
    await open(200);
    expect(find('k')).toEqual([100]);
  });

  test('full segments are sealed, found after a restart, and expire', async () => {
    for (let n = 0; n < INDEX_ENTRIES_MAX + 10; n++) add({ KEYS: n % 1000 === 0 ? 'rare' : 'k' }, n * 10);
    const before = find('rare');
    // Only a part of the full segment is durable yet.
    await index.flush(5_000);
    expect(index.flushedEntries).toBe(500);
    await index.flush(Infinity);
    expect(disk.listSync('/index')).toEqual([
      '00000000000000000001.entries',
      '00000000000000000001.slots',
      '00000000000000000002.entries',
    ]);
    expect(await open()).toBe(true);
    expect(index.flushedEntries).toBe(INDEX_ENTRIES_MAX + 10);
    expect(find('rare')).toEqual(before);
    await index.removeExpired(INDEX_ENTRIES_MAX * 10 - 1);
    expect(disk.listSync('/index')).toHaveLength(3);
    await index.removeExpired(INDEX_ENTRIES_MAX * 10);
    expect(disk.listSync('/index')).toEqual(['00000000000000000002.entries']);
  }, 20_000);

  test('a segment that was sealed after the checkpoint is not, and what follows it is derived again', async () => {
    await open(Infinity, 0, 4);
    for (let n = 1; n <= 3; n++) add({ KEYS: 'k' }, n * 10);
    await index.flush(Infinity);
    const entries = index.flushedEntries;
    for (let n = 4; n <= 9; n++) add({ KEYS: 'k' }, n * 10);
    await index.flush(Infinity);
    expect(disk.listSync('/index')).toHaveLength(5);
    // The crash came before the next checkpoint; a topic that was deleted meanwhile leaves out the message at 40.
    expect(await open(35, entries, 4)).toBe(true);
    expect([index.flushedEntries, find('k')]).toEqual([3, [30, 20, 10]]);
    for (let n = 5; n <= 9; n++) add({ KEYS: 'k' }, n * 10);
    await index.flush(Infinity);
    const after = index.flushedEntries;
    expect(await open(Infinity, after, 4)).toBe(true);
    expect([index.flushedEntries, find('k')]).toEqual([8, [90, 80, 70, 60, 50, 30, 20, 10]]);
  });

  test('slots of a segment that is no longer sealed do not come back', async () => {
    await open(Infinity, 0, 4);
    await disk.syncDirectory('/');
    for (let n = 1; n <= 5; n++) add({ KEYS: 'k' }, n * 10);
    await index.flush(Infinity);
    // The message at 30 is not derived again, so that other entries fill the segment, which is not sealed yet.
    await open(25, 2, 4);
    for (const n of [4, 5]) add({ KEYS: 'k' }, n * 10);
    await index.flush(Infinity);
    const entries = index.flushedEntries;
    disk = disk.crash({ seed: 0, keep: 0 });
    expect(await open(Infinity, entries, 4)).toBe(true);
    expect(find('k')).toEqual([50, 40, 20, 10]);
  });

  test('entries behind those that the checkpoint counted do not come back', async () => {
    for (let n = 1; n <= 4; n++) add({ KEYS: 'k' }, n * 10);
    await index.flush(Infinity);
    // Only three of them are derived again, and the checkpoint moves on.
    expect(await open(35, 1)).toBe(true);
    for (let n = 3; n <= 4; n++) add({ KEYS: 'k' }, n * 10);
    await index.flush(Infinity);
    expect(await open(100, index.flushedEntries)).toBe(true);
    expect(find('k')).toEqual([40, 30, 10]);
  });

  test('a removal of expired segments that a crash interrupted is ended at the next start', async () => {
    await open(Infinity, 0, 4);
    for (let n = 1; n <= 13; n++) add({ KEYS: 'k' }, n * 10);
    await index.flush(Infinity);
    const entries = index.flushedEntries;
    // Of the first segment only its entries are left, of one before it only its slots.
    disk.lose('/index/00000000000000000001.slots');
    disk.openSync('/index/00000000000000000000.slots', 'create');
    expect(await open(Infinity, entries, 4)).toBe(true);
    expect([index.flushedEntries, find('k')]).toEqual([13, [130, 120, 110, 100, 90, 80, 70, 60, 50]]);
    expect(disk.listSync('/index')).toEqual([
      '00000000000000000002.entries',
      '00000000000000000002.slots',
      '00000000000000000003.entries',
      '00000000000000000003.slots',
      '00000000000000000004.entries',
    ]);
  });

  test('each removal of an expired segment is durable before the next', async () => {
    await open(Infinity, 0, 4);
    for (let n = 1; n <= 13; n++) add({ KEYS: 'k' }, n * 10);
    await index.flush(Infinity);
    const entries = index.flushedEntries;
    await disk.syncDirectory('/');
    const crashes: SimulatedDisk[] = [];
    disk.hook = () => crashes.push(...Array.from({ length: 8 }, (_, subset) => disk.crash({ subset })));
    await index.removeExpired(125);
    for (const crashed of crashes) {
      disk = crashed;
      expect(await open(Infinity, entries, 4)).toBe(true);
      expect(find('k').slice(0, 5)).toEqual([130, 120, 110, 100, 90]);
    }
  });

  test('a cut sealed segment is noticed', async () => {
    for (let n = 0; n < INDEX_ENTRIES_MAX + 10; n++) add({ KEYS: 'k' }, n * 10);
    await index.flush(Infinity);
    disk.cut('/index/00000000000000000001.entries', 48);
    expect(await open()).toBe(false);
  }, 20_000);
});
