import { ConsumerOffsets } from '@cometmq/broker/offset/consumer-offsets';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { beforeEach, expect, test, vi } from 'vitest';

let kv: MemoryKeyValueStore;
let offsets: ConsumerOffsets;

beforeEach(() => {
  kv = new MemoryKeyValueStore();
  offsets = new ConsumerOffsets(kv);
});

async function reload(): Promise<ConsumerOffsets> {
  const again = new ConsumerOffsets(kv);
  await again.load();
  return again;
}

test('kept over a restart once flushed', async () => {
  offsets.commit('G', 'orders', 0, 5);
  offsets.commit('G', 'orders', 11, 6);
  offsets.commit('H', '%RETRY%H', 0, 7);
  expect((await reload()).find('G', 'orders', 0)).toBeUndefined();
  await offsets.flush(false);
  const again = await reload();
  expect([
    again.find('G', 'orders', 0),
    again.find('G', 'orders', 11),
    again.find('H', '%RETRY%H', 0),
  ]).toEqual([5, 6, 7]);
});

test('may go back; negative ones mean nothing', () => {
  offsets.commit('G', 'orders', 0, 5);
  offsets.commit('G', 'orders', 0, 3);
  offsets.commit('G', 'orders', 0, -1);
  expect(offsets.find('G', 'orders', 0)).toBe(3);
});

test('a reset is told once, and commits are ignored until then', () => {
  offsets.commit('G', 'orders', 0, 50);
  offsets.reset('G', 'orders', 0, 10);
  expect(offsets.commit('G', 'orders', 0, 51)).toBe(false);
  expect(offsets.find('G', 'orders', 0)).toBe(10);
  expect(offsets.takeReset('G', 'orders', 0)).toBe(10);
  expect(offsets.takeReset('G', 'orders', 0)).toBeUndefined();
  expect(offsets.commit('G', 'orders', 0, 11)).toBe(true);
});

test('a flush that fails is repeated by the next one', async () => {
  offsets.commit('G', 'orders', 0, 5);
  const write = kv.write.bind(kv);
  kv.write = () => Promise.reject(new Error('disk full'));
  await expect(offsets.flush(false)).rejects.toThrow('disk full');
  kv.write = write;
  await offsets.flush(false);
  expect((await reload()).find('G', 'orders', 0)).toBe(5);
});

test('a removed group does not come back', async () => {
  offsets.commit('G', 'orders', 0, 5);
  await offsets.flush(false);
  offsets.commit('G', 'orders', 0, 6);
  await offsets.removeGroup('G');
  await offsets.flush(false);
  expect((await reload()).find('G', 'orders', 0)).toBeUndefined();
});

test('a removal that could not be saved can be asked for again', async () => {
  offsets.commit('G', 'orders', 0, 5);
  await offsets.flush(true);
  const write = vi.spyOn(kv, 'write').mockRejectedValueOnce(new Error('No space left on device'));
  await expect(offsets.removeGroup('G')).rejects.toThrow('No space');
  expect(offsets.find('G', 'orders', 0)).toBe(5);
  await offsets.removeGroup('G');
  expect(write).toHaveBeenCalledTimes(2);
  expect((await reload()).find('G', 'orders', 0)).toBeUndefined();
});

test('a flush that fails is made up for by the next one', async () => {
  offsets.commit('G', 'orders', 0, 5);
  vi.spyOn(kv, 'write').mockRejectedValueOnce(new Error('No space left on device'));
  await expect(offsets.flush(false)).rejects.toThrow('No space');
  await offsets.flush(false);
  expect((await reload()).find('G', 'orders', 0)).toBe(5);
});
