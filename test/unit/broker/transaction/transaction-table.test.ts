import { expect, test } from 'vitest';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { TransactionTable } from '@cometmq/broker/transaction/transaction-table';

const DECISIONS = 5_000;

test('one message that nobody decides does not make the decisions behind it pile up, and stays open over a restart', async () => {
  const kv = new MemoryKeyValueStore();
  const table = new TransactionTable(kv);
  for (let offset = 1; offset < DECISIONS; offset++) await table.decide(offset, DECISIONS);
  expect((await kv.entries('transaction-decided/')).length).toBeLessThanOrEqual(1_000);
  expect(await kv.entries('transaction-open/')).toHaveLength(1);
  const restarted = new TransactionTable(kv);
  await restarted.load();
  expect(restarted.oldestOpen).toBe(0);
  expect(restarted.isDecided(0)).toBe(false);
  expect(restarted.isDecided(1)).toBe(true);
  expect(restarted.isDecided(DECISIONS - 1)).toBe(true);
  expect(restarted.isDecided(DECISIONS)).toBe(false);
  await restarted.decide(0, DECISIONS);
  expect(restarted.isDecided(0)).toBe(true);
  expect(await kv.entries('transaction-open/')).toEqual([]);
  expect(restarted.oldestOpen).toBe(restarted.lowWater);
});
