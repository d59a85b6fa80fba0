import { expect, test, vi } from 'vitest';
import type { BrokerConfig } from '@cometmq/broker/config/broker-config';
import { brokerConfigSchema } from '@cometmq/broker/config/broker-config';
import { BrokerSettings } from '@cometmq/broker/service/broker-settings';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { silentLogger } from '@cometmq/common/logging/logger';

const started = brokerConfigSchema.parse({ permission: 6, pullBatchMax: 32 });

async function open(kv: MemoryKeyValueStore): Promise<BrokerSettings> {
  const settings = new BrokerSettings(started, kv);
  await settings.load(silentLogger);
  return settings;
}

test('a change is in force at once, for those who hold the settings, too, and after a restart', async () => {
  const kv = new MemoryKeyValueStore();
  const settings = await open(kv);
  const held = settings.current;
  await settings.change({ permission: 4 });
  await settings.change({ pullBatchMax: 64 });
  expect(held).toMatchObject({ permission: 4, pullBatchMax: 64 });
  expect(settings.changeCount).toBe(2);
  expect((await open(kv)).current).toMatchObject({ permission: 4, pullBatchMax: 64 });
});

test('a value that is not allowed changes nothing', async () => {
  const settings = await open(new MemoryKeyValueStore());
  await expect(settings.change({ permission: 4, pullBatchMax: 0 })).rejects.toThrow(
    expect.objectContaining({ kind: 'INVALID_ARGUMENT' }),
  );
  expect(settings.current).toEqual(started);
});

test('the change is answered when those who act on it have done so', async () => {
  const settings = await open(new MemoryKeyValueStore());
  const seen: [BrokerConfig, BrokerConfig][] = [];
  settings.onChange(async (previous) => {
    await Promise.resolve();
    seen.push([previous, { ...settings.current }]);
  });
  await settings.change({ permission: 2 });
  expect(seen.map(([previous, next]) => [previous.permission, next.permission])).toEqual([[6, 2]]);
});

test('a change that could not be saved is none, not even with the next one', async () => {
  const kv = new MemoryKeyValueStore();
  const settings = await open(kv);
  vi.spyOn(kv, 'write').mockRejectedValueOnce(new Error('No space left on device'));
  await expect(settings.change({ permission: 4 })).rejects.toThrow('No space');
  expect(settings.current.permission).toBe(6);
  await settings.change({ pullBatchMax: 64 });
  expect((await open(kv)).current).toMatchObject({ permission: 6, pullBatchMax: 64 });
});
