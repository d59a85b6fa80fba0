import { afterEach, beforeEach, expect, test } from 'vitest';
import { brokerConfigSchema } from '@cometmq/broker/config/broker-config';
import type { KeyValueChange } from '@cometmq/broker/store/kv/key-value-store';
import { Transactions } from '@cometmq/broker/transaction/transactions';
import { silentLogger } from '@cometmq/common/logging/logger';
import { encodeHost } from '@cometmq/common/message/host';
import { TransactionWorld } from '../../../support/transaction-world.ts';

let tx: TransactionWorld;

beforeEach(async () => {
  tx = await TransactionWorld.open();
});
afterEach(() => tx.close());

async function rows(): Promise<string[]> {
  const pairs = await tx.world.kv.entries('transaction/');
  return pairs.map(([, text]) => (JSON.parse(text) as { uniqueKey: string }).uniqueKey);
}

test('only transactions that are open at that moment get a row, and lose it when they are decided', async () => {
  const [first, second] = [await tx.sendHalf(), await tx.sendHalf()];
  await tx.end(second, 'commit');
  await tx.snapshot();
  expect(await rows()).toEqual(['ID1']);
  await tx.end(first, 'rollback');
  await tx.snapshot();
  expect(await rows()).toEqual([]);
});

test('a snapshot says up to where it stands for the log; a start reads on from there', async () => {
  for (let index = 0; index < 20; index++) await tx.end(await tx.sendHalf(), 'commit');
  await tx.sendHalf();
  await tx.snapshot();
  await tx.end(await tx.sendHalf(), 'commit');
  await tx.restart();
  expect(await tx.world.kv.get('transaction-position')).toBe('{"half":21,"op":20}');
  expect(tx.table.size).toBe(1);
});

test('what is decided while its row is being written loses the row with the next snapshot', async () => {
  const half = await tx.sendHalf();
  const write = tx.world.kv.write.bind(tx.world.kv);
  let ended: Promise<void> | undefined;
  tx.world.kv.write = async (changes: readonly KeyValueChange[]) => {
    ended ??= tx.end(half, 'commit');
    await ended;
    await write(changes);
  };
  await tx.snapshot();
  expect(await rows()).toEqual(['ID1']);
  await tx.snapshot();
  expect(await rows()).toEqual([]);
  await tx.restart();
  expect(tx.table.size).toBe(0);
});

test('a snapshot that fails is made up for by the next one', async () => {
  const [first] = [await tx.sendHalf(), await tx.sendHalf()];
  await tx.snapshot();
  const write = tx.world.kv.write.bind(tx.world.kv);
  tx.world.kv.write = () => Promise.reject(new Error('no space'));
  await tx.end(first, 'commit');
  await tx.sendHalf();
  await expect(tx.snapshot()).rejects.toThrow('no space');
  tx.world.kv.write = write;
  // The rows of before and the notes since amount to the same.
  const { clock, disk, kv } = tx.world;
  await tx.close();
  await tx.reopen({ clock, disk, kv });
  expect([...tx.table.all()].map(({ uniqueKey }) => uniqueKey)).toEqual(['ID2', 'ID3']);
  await tx.snapshot();
  expect(await rows()).toEqual(['ID2', 'ID3']);
});

test('rows of half messages that the log does not have are dropped, for good', async () => {
  await tx.sendHalf();
  await tx.snapshot();
  const [[, text] = ['', '']] = await tx.world.kv.entries('transaction/');
  const row = JSON.parse(text) as { physicalOffset: number; copyOffset: number; uniqueKey: string };
  const lost = { ...row, physicalOffset: 2 ** 40, copyOffset: 2 ** 40, uniqueKey: 'LOST' };
  await tx.world.kv.write([
    { key: `transaction/${'0'.repeat(3)}1099511627776`, value: JSON.stringify(lost) },
  ]);
  await tx.restart();
  expect(tx.table.size).toBe(1);
  expect(await rows()).toEqual(['ID1']);
});

test('a broker whose start fails before it has read its transactions neither saves nor gives up anything', async () => {
  await tx.sendHalf();
  const { clock, store, kv, services } = tx.world;
  const { topics, producers } = services;
  const failed = new Transactions({
    ...{ clock, log: silentLogger, store, kv, topics, producers },
    ...{
      settings: brokerConfigSchema.parse({}),
      storeHost: encodeHost('127.0.0.1', 10_911),
      durability: 'synced',
    },
  });
  await failed.stop();
  expect(await kv.get('transaction-position')).toBeUndefined();
  await tx.restart();
  expect(tx.table.size).toBe(1);
});
