import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RuntimeInfoService } from '@cometmq/broker/service/runtime-info-service';
import { TransactionWorld } from '../../../support/transaction-world.ts';

let tx: TransactionWorld;

beforeEach(async () => {
  tx = await TransactionWorld.open();
});
afterEach(() => tx.close());

async function ids(
  state: Parameters<typeof tx.admin.list>[0]['state'],
  more: object = {},
): Promise<string[]> {
  const { transactions } = await tx.admin.list({ state, countMax: 100, ...more });
  return transactions.map(({ id }) => id);
}

describe('list', () => {
  test('shows open ones from the oldest on, by state, group, topic and age', async () => {
    await tx.sendHalf();
    await tx.sendHalf({ PGROUP: 'PG2' }, {}, 'payments');
    await tx.world.clock.advance(10_000);
    await tx.sendHalf();
    tx.producer('PG2');
    await tx.round();
    expect(await ids('open')).toEqual(['ID1', 'ID2', 'ID3']);
    expect(await ids('open', { group: 'PG2' })).toEqual(['ID2']);
    expect(await ids('open', { topic: 'payments' })).toEqual(['ID2']);
    expect(await ids('open', { olderThanMs: 9_000 })).toEqual(['ID1', 'ID2']);
    expect(await ids('prepared')).toEqual(['ID1', 'ID3']);
    expect(await ids('checking')).toEqual(['ID2']);
    expect(await ids('expired')).toEqual([]);
    expect(await ids('decided')).toEqual([]);
  });

  test('shows decided ones from the newest on', async () => {
    for (const decision of ['commit', 'rollback', 'commit'] as const)
      await tx.end(await tx.sendHalf(), decision);
    await tx.restart();
    expect(await ids('decided')).toEqual(['ID3', 'ID2', 'ID1']);
    expect(await ids('committed')).toEqual(['ID3', 'ID1']);
    expect(await ids('rolledBack')).toEqual(['ID2']);
    expect(await ids('committed', { group: 'others' })).toEqual([]);
  });

  test.each(['open', 'decided'] as const)('goes page by page: %s', async (state) => {
    for (let index = 0; index < 5; index++) {
      const half = await tx.sendHalf();
      if (state === 'decided') await tx.end(half, 'commit');
    }
    const seen: string[] = [];
    let cursor: number | undefined;
    for (let page = 0; page < 3; page++) {
      const { transactions, ...next } = await tx.admin.list({ state, countMax: 2, cursor });
      seen.push(...transactions.map(({ id }) => id));
      expect(next.cursor === undefined).toBe(page === 2);
      cursor = next.cursor;
    }
    const all = ['ID1', 'ID2', 'ID3', 'ID4', 'ID5'];
    expect(seen).toEqual(state === 'open' ? all : all.toReversed());
  });
});

describe('get', () => {
  test('finds open and decided ones by id, half-topic offset and offset id', async () => {
    await tx.sendHalf();
    const half = await tx.sendHalf();
    for (const state of ['prepared', 'rolledBack']) {
      for (const name of [half.uniqueKey, '1', half.messageId]) {
        expect(await tx.admin.get(name)).toMatchObject({ id: 'ID2', state, halfOffset: 1 });
      }
      if (state === 'prepared') await tx.end(half, 'rollback');
    }
  });

  test('knows no message that is none', async () => {
    const half = await tx.sendHalf();
    await tx.end(half, 'commit');
    const committed = tx.world.read('orders')[0]?.physicalOffset ?? 0;
    for (const name of [
      'ID9',
      '7',
      '',
      half.messageId.slice(0, 24) + committed.toString(16).padStart(8, '0'),
    ])
      await expect(tx.admin.get(name)).rejects.toMatchObject({ kind: 'NOT_FOUND' });
  });

  test('is not misled by business keys that look like the id', async () => {
    await tx.sendHalf({ KEYS: 'ID2' });
    const half = await tx.sendHalf();
    await tx.sendHalf({ KEYS: 'ID2' });
    await tx.end(half, 'rollback');
    expect(await tx.admin.get('ID2')).toMatchObject({ halfOffset: 1, state: 'rolledBack' });
  });
});

describe('an operator', () => {
  test('decides with a reason, which is told with name and time', async () => {
    await tx.sendHalf();
    await tx.sendHalf();
    await expect(tx.admin.decide('ID1', 'commit', 'ops', ' ')).rejects.toMatchObject({
      kind: 'INVALID_ARGUMENT',
    });
    expect(await tx.admin.decide('ID1', 'commit', 'ops', 'paid, see INC-41')).toMatchObject({
      state: 'committed',
      decision: { by: 'operator', who: 'ops', reason: 'paid, see INC-41' },
    });
    await tx.admin.decide('ID2', 'rollback', 'ops', 'never paid');
    expect(tx.bodies()).toEqual(['hello']);
    expect(tx.stats).toMatchObject({ committed: 1, rolledBack: 1, decidedByOperator: 2 });
  });

  test('repeats a decision without harm and can not contradict one; neither can the producer afterwards', async () => {
    const half = await tx.sendHalf();
    await tx.admin.decide('ID1', 'commit', 'ops', 'paid');
    await tx.admin.decide('ID1', 'commit', 'ops', 'paid');
    await expect(tx.admin.decide('ID1', 'rollback', 'ops', 'oh')).rejects.toMatchObject({ kind: 'CONFLICT' });
    await expect(tx.end(half, 'rollback')).rejects.toThrow('operator decided commit');
    await tx.end(half, 'commit');
    expect(tx.bodies()).toEqual(['hello']);
    expect(tx.stats.contradictory).toBe(2);
    const { events } = await tx.admin.get('ID1');
    expect(events.filter(({ what }) => what === 'refused')).toMatchObject([
      { who: 'ops', outcome: 'rollback', reason: 'oh' },
      { outcome: 'rollback' },
    ]);
  });

  test('and a producer at the same moment: one of them decides', async () => {
    const half = await tx.sendHalf();
    const results = await Promise.allSettled([
      tx.admin.decide('ID1', 'rollback', 'ops', 'never paid'),
      tx.end(half, 'commit'),
    ]);
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(tx.stats.committed + tx.stats.rolledBack).toBe(1);
    expect(tx.bodies()).toHaveLength(tx.stats.committed);
  });

  test('has one checked now, out of turn, if a producer is there', async () => {
    const half = await tx.sendHalf();
    await expect(tx.admin.check('ID1')).rejects.toMatchObject({ kind: 'CONSUMER_NOT_ONLINE' });
    const asked = tx.producer();
    expect(await tx.admin.check('ID1')).toMatchObject({ state: 'checking', checks: 1 });
    expect(asked).toHaveLength(1);
    await tx.pass(29_000);
    expect(asked).toHaveLength(1);
    await tx.end(half, 'commit', { isAnswer: true });
    await expect(tx.admin.check('ID1')).rejects.toThrow("can't be checked: it is committed, by check");
    await expect(tx.admin.resume('ID1', 'ops', 'why not')).rejects.toMatchObject({ kind: 'CONFLICT' });
  });
});

test('the broker’s numbers tell how transactions fare', async () => {
  await tx.end(await tx.sendHalf(), 'commit');
  await tx.sendHalf();
  tx.producer();
  await tx.pass(7_000);
  const { clock, disk, store, services } = tx.world;
  const runtime = new RuntimeInfoService({
    ...{ clock, disk, store, dataDir: '/', stats: services.stats, delivery: services.delivery },
    ...{ schedules: services.schedules, guard: services.guard, transactions: services.openTransactions },
    pops: services.pops,
  });
  expect(await runtime.table()).toMatchObject({
    transactionHalfMessages: '1',
    transactionOldestAgeMs: '7000',
    transactionPreparedTotal: '2',
    transactionCommittedTotal: '1',
    transactionChecksTotal: '1',
    transactionContradictoryTotal: '0',
  });
});
