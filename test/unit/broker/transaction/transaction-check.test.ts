import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeMessage } from '@cometmq/common/message/message-decoder';
import type { TransactionQuestion } from '@cometmq/broker/client/client-channel';
import { SystemTopic } from '@cometmq/common/topic/names';
import { CLIENT, GROUP, TransactionWorld, placeOf } from '../../../support/transaction-world.ts';

let tx: TransactionWorld;

beforeEach(async () => {
  tx = await TransactionWorld.open();
});
afterEach(() => tx.close());

function messageOf({ record }: TransactionQuestion): ReturnType<typeof decodeMessage> {
  return decodeMessage(record, 0, record.length);
}

describe('a question', () => {
  test('is put about a message that nobody decided, with the message as its consumers would get it', async () => {
    const half = await tx.sendHalf({}, { queueId: 2 });
    const asked = tx.producer();
    await tx.pass(5_500);
    expect(asked).toEqual([]);
    await tx.pass(1_000);
    const [question] = asked;
    expect(question).toMatchObject({
      topic: SystemTopic.TRANS_HALF,
      queueOffset: half.queueOffset,
      physicalOffset: placeOf(half),
      messageId: half.messageId,
      uniqueKey: 'ID1',
    });
    const message = messageOf(question as TransactionQuestion);
    expect(message).toMatchObject({ topic: 'orders', queueId: 2, physicalOffset: placeOf(half) });
    expect(message.body.toString()).toBe('hello');
    expect(message.properties.get('PGROUP')).toBe(GROUP);
    expect(message.properties.get('TRANSACTION_CHECK_TIMES')).toBe('1');
    await tx.end(half, 'commit', { isAnswer: true });
    await tx.pass(60_000);
    expect(asked).toHaveLength(1);
    expect(await tx.story('ID1')).toEqual(['checked', 'commit by check']);
    expect(tx.stats).toMatchObject({ checks: 1, checkedCommit: 1 });
  });

  test('is never put about a message that was decided in time', async () => {
    const asked = tx.producer();
    await tx.end(await tx.sendHalf(), 'commit');
    await tx.end(await tx.sendHalf(), 'rollback');
    await tx.pass(120_000);
    expect(asked).toEqual([]);
  });

  test('waits as long as the message asks for', async () => {
    await tx.sendHalf({ CHECK_IMMUNITY_TIME_IN_SECONDS: '60' });
    await tx.sendHalf({ CHECK_IMMUNITY_TIME_IN_SECONDS: '-1' });
    const asked = tx.producer();
    await tx.pass(59_500);
    expect(new Set(asked.map(({ uniqueKey }) => uniqueKey))).toEqual(new Set(['ID2']));
    await tx.pass(1_000);
    expect(asked.some(({ uniqueKey }) => uniqueKey === 'ID1')).toBe(true);
  });

  test.each(['abc', '', '0', '1e400', '-Infinity'])(
    'is not kept away for ever by a time like "%s"',
    async (time) => {
      const half = await tx.sendHalf({ CHECK_IMMUNITY_TIME_IN_SECONDS: time });
      const { nextCheckAt = Infinity } = await tx.admin.get('ID1');
      expect(nextCheckAt - tx.world.clock.now()).toBeLessThanOrEqual(366 * 86_400_000);
      await tx.end(half, 'commit');
      expect(tx.bodies()).toEqual(['hello']);
    },
  );

  test('is repeated every thirty seconds; each is told with who was asked and what it answered', async () => {
    const half = await tx.sendHalf();
    const asked = tx.producer();
    await tx.pass(6_500);
    await tx.end(half, 'unknown', { isAnswer: true });
    await tx.end(half, 'unknown', { isAnswer: true });
    await tx.pass(29_000);
    expect(asked).toHaveLength(1);
    await tx.pass(1_500);
    expect(asked).toHaveLength(2);
    expect(messageOf(asked[1] as TransactionQuestion).properties.get('TRANSACTION_CHECK_TIMES')).toBe('2');
    await tx.end(half, 'rollback', { isAnswer: true });
    expect(await tx.story('ID1')).toEqual(['checked', 'answered', 'checked', 'rollback by check']);
    const { events } = await tx.admin.get('ID1');
    expect(events.map((event) => ('who' in event ? event.who : ''))).toEqual([
      CLIENT,
      CLIENT,
      CLIENT,
      CLIENT,
    ]);
  });

  test('goes to the members of the group by turns, to those that take what they are sent', async () => {
    const members = [tx.producer(GROUP, 'a'), tx.producer(GROUP, 'b'), tx.producer(GROUP, 'c')];
    const others = [
      tx.producer(GROUP, 'gone', { isClosed: true }),
      tx.producer(GROUP, 'stuck', { isCongested: true }),
      tx.producer('PG2', 'stranger'),
    ];
    for (let index = 0; index < 9; index++) await tx.sendHalf();
    await tx.pass(7_000);
    expect(members.map((asked) => asked.length)).toEqual([3, 3, 3]);
    expect(others.map((asked) => asked.length)).toEqual([0, 0, 0]);
  });

  test('finds its group whenever that comes back, under whatever client id: nobody there does not count', async () => {
    const half = await tx.sendHalf();
    await tx.pass(3_600_000);
    expect(await tx.admin.get('ID1')).toMatchObject({ state: 'prepared', checks: 0 });
    expect(tx.stats.checksNobody).toBeGreaterThan(100);
    const asked = tx.producer(GROUP, 'reborn');
    await tx.pass(30_500);
    expect(asked).toHaveLength(1);
    await tx.end(half, 'commit', { isAnswer: true });
    expect(tx.bodies()).toEqual(['hello']);
  });

  test('is put in portions: what is due beyond them waits for the next look', async () => {
    for (let index = 0; index < 20; index++) {
      await tx.sendHalf({}, { body: Buffer.alloc(2 ** 20) });
      await tx.world.clock.advance(100);
    }
    const asked = tx.producer();
    await tx.world.clock.advance(7_000);
    await tx.round();
    expect(asked).toHaveLength(16);
    await tx.round();
    expect(asked).toHaveLength(20);
  });
});

describe('a transaction that is out of checks', () => {
  async function exhausted(): Promise<TransactionQuestion[]> {
    const asked = tx.producer();
    await tx.sendHalf();
    await tx.pass(20 * 30_000);
    return asked;
  }

  test('is asked about no more, decided by nobody, listed, and shown where RocketMQ shows it', async () => {
    const asked = await exhausted();
    expect(asked).toHaveLength(15);
    expect(tx.bodies()).toEqual([]);
    expect((await tx.admin.list({ state: 'expired', countMax: 10 })).transactions).toMatchObject([
      { id: 'ID1', state: 'expired', checks: 15 },
    ]);
    const [copy] = tx.world.read(SystemTopic.TRANS_CHECK_MAX_TIME);
    expect(copy?.body.toString()).toBe('hello');
    expect(Object.fromEntries(copy?.properties ?? [])).toMatchObject({
      REAL_TOPIC: 'orders',
      UNIQ_KEY: 'ID1',
    });
    expect(tx.stats.expired).toBe(1);
  });

  test('can be decided by its producer all the same', async () => {
    const [question] = await exhausted();
    await tx.end(
      {
        queueId: 0,
        queueOffset: question?.queueOffset ?? -1,
        messageId: question?.messageId ?? '',
        uniqueKey: 'ID1',
        durability: 'synced',
      },
      'commit',
      { isAnswer: true },
    );
    expect(tx.bodies()).toEqual(['hello']);
  });

  test('is checked again from the first check on when an operator says so, also by the id of its copy', async () => {
    const asked = await exhausted();
    await tx.restart();
    const again = tx.producer();
    await tx.pass(60_000);
    expect([asked.length, again.length]).toEqual([15, 0]);
    const [copy] = tx.world.read(SystemTopic.TRANS_CHECK_MAX_TIME);
    expect(copy).toBeDefined();
    await tx.admin.resume(offsetIdOf(copy?.physicalOffset ?? 0), 'ops', 'database is back');
    await tx.pass(20 * 30_000);
    expect(again).toHaveLength(15);
    expect((await tx.story('ID1')).filter((what) => what !== 'checked')).toEqual([
      'expired',
      'resumed',
      'expired',
    ]);
  });
});

describe('a restart', () => {
  test('forgets neither the questions that were put nor the time until the next one', async () => {
    await tx.sendHalf();
    const before = tx.producer();
    await tx.pass(37_000);
    expect(before).toHaveLength(2);
    await tx.restart();
    expect(await tx.admin.get('ID1')).toMatchObject({ state: 'checking', checks: 2 });
    const after = tx.producer(GROUP, 'other');
    await tx.pass(27_500);
    expect(after).toEqual([]);
    await tx.pass(2_500);
    expect(after).toHaveLength(1);
    await tx.pass(20 * 30_000);
    expect(after).toHaveLength(13);
  });

  test('keeps a message from questions for the rest of its time, whatever the wall clock did meanwhile', async () => {
    await tx.sendHalf({ CHECK_IMMUNITY_TIME_IN_SECONDS: '60' });
    tx.world.clock.stepWallClock(-3_600_000);
    await tx.restart();
    const asked = tx.producer();
    await tx.pass(59_000);
    expect(asked).toEqual([]);
    await tx.pass(1_500);
    expect(asked).toHaveLength(1);
  });

  test('puts settings into force: interval and number of checks', async () => {
    await tx.close();
    tx = await TransactionWorld.open({
      transactionTimeoutMs: 1_000,
      transactionCheckIntervalMs: 2_000,
      transactionCheckMax: 3,
    });
    await tx.sendHalf();
    const asked = tx.producer();
    await tx.pass(1_500);
    expect(asked).toHaveLength(1);
    await tx.pass(60_000);
    expect(asked).toHaveLength(3);
  });
});

function offsetIdOf(physicalOffset: number): string {
  return `7F00000100002A9F${physicalOffset.toString(16).toUpperCase().padStart(16, '0')}`;
}
