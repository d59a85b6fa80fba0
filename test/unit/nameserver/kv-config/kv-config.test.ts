import { beforeEach, describe, expect, test } from 'vitest';
import { KvConfig } from '@cometmq/nameserver/kv-config/kv-config';
import { FakeDisk } from '../support/fake-disk.ts';

const PATH = '/data/kvConfig.json';
const LIMITS = { kvEntriesMax: 3, kvBytesMax: 200 };

let disk: FakeDisk;

beforeEach(() => {
  disk = new FakeDisk();
});

function open(path: string | undefined = PATH): KvConfig {
  const kvConfig = new KvConfig({ disk, path, limits: LIMITS });
  kvConfig.load();
  return kvConfig;
}

test('what was acknowledged is there after a crash', async () => {
  const before = open();
  await before.put('NS', 'k', 'v');
  await before.put('NS', '__proto__', 'p');
  await before.put('__proto__', 'k', 'v');
  await before.delete('NS', 'k');
  disk.crash();
  const after = open();
  expect([...(after.entries('NS') ?? [])]).toEqual([['__proto__', 'p']]);
  expect(after.get('__proto__', 'k')).toBe('v');
});

test('it is RocketMQ’s kvConfig.json', async () => {
  const kvConfig = open();
  await kvConfig.put('ORDER_TOPIC_CONFIG', 't', 'broker-a:4');
  expect(disk.text(PATH)).toBe('{"configTable":{"ORDER_TOPIC_CONFIG":{"t":"broker-a:4"}}}');
});

test('without a path it is kept in memory', async () => {
  const kvConfig = new KvConfig({ disk, path: undefined, limits: LIMITS });
  await kvConfig.put('NS', 'k', 'v');
  expect(kvConfig.get('NS', 'k')).toBe('v');
  expect(disk.files.size).toBe(0);
});

test('changes made at once are all made, in order', async () => {
  const kvConfig = open();
  await Promise.all([
    kvConfig.put('NS', 'k', '1'),
    kvConfig.put('NS', 'k', '2'),
    kvConfig.put('NS', 'l', '3'),
  ]);
  expect([...(open().entries('NS') ?? [])]).toEqual([
    ['k', '2'],
    ['l', '3'],
  ]);
});

test('an entry that the disk refused does not exist', async () => {
  const kvConfig = open();
  await kvConfig.put('NS', 'k', '1');
  disk.failure = new Error('ENOSPC');
  await expect(kvConfig.put('NS', 'k', '2')).rejects.toMatchObject({ kind: 'STORE_FAILED' });
  expect(kvConfig.get('NS', 'k')).toBe('1');
  disk.failure = undefined;
  await kvConfig.put('NS', 'k', '3');
  expect(open().get('NS', 'k')).toBe('3');
});

test('a damaged file is reported, not overwritten', () => {
  disk.put(PATH, Buffer.from('{"configTable":{'));
  expect(() => open()).toThrow(/can't be read/);
  expect(disk.text(PATH)).toBe('{"configTable":{');
});

describe('limits', () => {
  test('entries', async () => {
    const kvConfig = open();
    for (const key of ['a', 'b', 'c']) await kvConfig.put('NS', key, '');
    await expect(kvConfig.put('NS', 'd', '')).rejects.toMatchObject({
      kind: 'SYSTEM_BUSY',
      retryable: false,
    });
    await kvConfig.delete('NS', 'a');
    await kvConfig.put('NS', 'd', '');
  });

  test('bytes', async () => {
    await expect(open().put('NS', 'k', 'x'.repeat(200))).rejects.toMatchObject({ kind: 'SYSTEM_BUSY' });
  });

  test('lengths', () => {
    expect(() => open().put('n'.repeat(256), 'k', '')).toThrow(/longer than 255/);
    expect(() => open().put('NS', 'k', 'x'.repeat(65_537))).toThrow(/longer than 65536/);
  });
});
