import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MqError } from '@cometmq/common/error/mq-error';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { SystemTopic } from '@cometmq/common/topic/names';
import { sendRequest } from '../../../support/broker-world.ts';
import { GROUP, TransactionWorld, placeOf } from '../../../support/transaction-world.ts';

let tx: TransactionWorld;

beforeEach(async () => {
  tx = await TransactionWorld.open();
});
afterEach(() => tx.close());

describe('a half message', () => {
  test('is not to be seen before it is committed, and then once, marked as committed', async () => {
    const half = await tx.sendHalf();
    expect(tx.bodies()).toEqual([]);
    expect(tx.world.read(SystemTopic.TRANS_HALF)).toHaveLength(1);
    await tx.end(half, 'commit');
    const [message, ...others] = tx.world.read('orders');
    expect(others).toEqual([]);
    expect(message?.body.toString()).toBe('hello');
    expect(message && message.sysFlag & SysFlag.TRANSACTION_MASK).toBe(SysFlag.TRANSACTION_COMMIT);
    expect(message?.preparedTransactionOffset).toBe(placeOf(half));
    expect(Object.fromEntries(message?.properties ?? [])).toMatchObject({
      TRAN_MSG: 'true',
      PGROUP: GROUP,
      KEYS: 'A1',
      __transactionId__: 'ID1',
    });
    expect(message?.properties.has('REAL_TOPIC')).toBe(false);
    expect(tx.table.size).toBe(0);
    expect(tx.table.bytes).toBe(0);
  });

  test('is never seen after a rollback', async () => {
    await tx.end(await tx.sendHalf(), 'rollback');
    expect(tx.bodies()).toEqual([]);
  });

  test('stays open when the producer does not know', async () => {
    const half = await tx.sendHalf();
    await tx.end(half, 'unknown');
    await tx.end(half, 'unknown');
    expect(tx.bodies()).toEqual([]);
    expect(await tx.story('ID1')).toEqual(['answered']);
    await tx.end(half, 'commit');
    expect(tx.bodies()).toEqual(['hello']);
  });

  test('can only be decided by its own group, by its own place and its own id', async () => {
    const half = await tx.sendHalf();
    await expect(tx.end(half, 'commit', { producerGroup: 'others' })).rejects.toThrow(
      'The producer group wrong',
    );
    await expect(tx.end(half, 'commit', { queueOffset: 7 })).rejects.toThrow('state table offset wrong');
    await expect(tx.end(half, 'commit', { ids: ['ID2', ''] })).rejects.toThrow('transaction id wrong');
    const plain = await tx.world.services.producing.send(sendRequest('orders'));
    await expect(tx.end(plain, 'commit')).rejects.toThrow('Find prepared transaction message failed');
    expect(tx.bodies()).toHaveLength(1);
    await tx.end(half, 'commit', { ids: [half.messageId, ''] });
    expect(tx.bodies()).toHaveLength(2);
  });

  test('is decided for a client that does not tell its id', async () => {
    await tx.end(await tx.sendHalf(), 'commit', { ids: ['', ''] });
    expect(tx.bodies()).toHaveLength(1);
  });

  test('whose properties get too long by what the broker adds is refused, and nothing is stored', async () => {
    await expect(tx.sendHalf({ text: 'x'.repeat(32_500) })).rejects.toMatchObject({
      kind: 'MESSAGE_ILLEGAL',
    });
    expect(tx.world.read(SystemTopic.TRANS_HALF)).toEqual([]);
    expect(tx.table.size).toBe(0);
  });

  test.each([{ DELAY: '3' }, { TIMER_DELAY_SEC: '5' }])('can not be delayed as well: %o', async (delay) => {
    await expect(tx.sendHalf(delay)).rejects.toThrow('can not be delayed');
    expect(tx.world.read(SystemTopic.TRANS_HALF)).toEqual([]);
  });

  test('of a producer that does not name its group in the message is known by the group of the send', async () => {
    const half = await tx.sendHalf({ PGROUP: '' }, { producerGroup: 'from the header' });
    await tx.end(half, 'commit', { producerGroup: 'from the header' });
    expect(tx.bodies()).toHaveLength(1);
  });

  test('is refused where the broker takes no transactions', async () => {
    await tx.close();
    tx = await TransactionWorld.open({ rejectTransactions: true });
    await expect(tx.sendHalf()).rejects.toMatchObject({ kind: 'NO_PERMISSION' });
  });

  test('is refused while too many are open, by number and by bytes, and taken again when some are decided', async () => {
    await tx.close();
    tx = await TransactionWorld.open({ transactionOpenMax: 2 });
    const first = await tx.sendHalf();
    await tx.sendHalf();
    await expect(tx.sendHalf()).rejects.toMatchObject({ kind: 'SYSTEM_BUSY' });
    await tx.end(first, 'rollback');
    await tx.sendHalf();
    await tx.close();
    tx = await TransactionWorld.open({ transactionOpenBytesMax: 2 ** 20 });
    await tx.sendHalf({}, { body: Buffer.alloc(2 ** 20) });
    await expect(tx.sendHalf()).rejects.toMatchObject({ kind: 'SYSTEM_BUSY' });
  });
});

describe('a second decision', () => {
  test('that says the same changes nothing and is a success, at once, later and after a restart', async () => {
    const [half, other] = [await tx.sendHalf(), await tx.sendHalf()];
    await Promise.all([tx.end(half, 'commit'), tx.end(half, 'commit'), tx.end(half, 'commit')]);
    await Promise.all([tx.end(other, 'rollback'), tx.end(other, 'rollback')]);
    await tx.end(half, 'commit');
    await tx.restart();
    await tx.end(half, 'commit');
    await tx.end(half, 'unknown');
    await tx.end(other, 'rollback');
    expect(tx.bodies()).toEqual(['hello']);
    expect(tx.stats.contradictory).toBe(0);
    expect(await tx.story('ID1')).toEqual(['commit by producer']);
  });

  test('that contradicts the first is refused, counted and told', async () => {
    const [half, other] = [await tx.sendHalf(), await tx.sendHalf()];
    const [first, second] = await Promise.allSettled([tx.end(half, 'commit'), tx.end(half, 'rollback')]);
    expect(first.status).toBe('fulfilled');
    expect(second).toMatchObject({ status: 'rejected', reason: { kind: 'CONFLICT' } });
    await tx.end(other, 'rollback');
    await expect(tx.end(other, 'commit', { isAnswer: true })).rejects.toThrow('producer decided rollback');
    expect(tx.bodies()).toEqual(['hello']);
    expect(tx.stats).toMatchObject({ committed: 1, rolledBack: 1, contradictory: 2 });
    expect(await tx.story('ID1')).toEqual(['commit by producer', 'refused rollback']);
    expect(await tx.admin.get('ID2')).toMatchObject({ state: 'rolledBack', decision: { by: 'producer' } });
    await tx.restart();
    await expect(tx.end(other, 'commit')).rejects.toMatchObject({ kind: 'CONFLICT' });
    expect(await tx.story('ID2')).toEqual(['rollback by producer', 'refused commit', 'refused commit']);
  });

  test('of one client is not noted for ever', async () => {
    const half = await tx.sendHalf();
    await tx.end(half, 'rollback');
    for (let index = 0; index < 30; index++) {
      await expect(tx.end(half, 'commit')).rejects.toMatchObject({ kind: 'CONFLICT' });
      await tx.world.store.sync();
    }
    expect(await tx.story('ID1')).toHaveLength(17);
    expect(tx.stats.contradictory).toBe(30);
  });
});

describe('a half message that is sent again', () => {
  test('while it is open is not stored twice: its producer had not seen the answer', async () => {
    const first = await tx.sendHalf({ UNIQ_KEY: 'SAME' });
    const again = await tx.sendHalf({ UNIQ_KEY: 'SAME' });
    expect([again.messageId, again.queueOffset]).toEqual([first.messageId, first.queueOffset]);
    expect(tx.table.size).toBe(1);
    await tx.restart();
    expect((await tx.sendHalf({ UNIQ_KEY: 'SAME' })).messageId).toBe(first.messageId);
    await tx.end(again, 'commit');
    expect(tx.bodies()).toEqual(['hello']);
    expect(await tx.story('SAME')).toEqual(['repeated', 'repeated', 'commit by producer']);
  });

  test('at the same moment waits for the first one', async () => {
    const [first, again] = await Promise.all([
      tx.sendHalf({ UNIQ_KEY: 'SAME' }),
      tx.sendHalf({ UNIQ_KEY: 'SAME' }),
    ]);
    expect(again.messageId).toBe(first.messageId);
    expect(tx.table.size).toBe(1);
  });

  test('with another body, to another topic, by another group or after its decision is another one', async () => {
    const first = await tx.sendHalf({ UNIQ_KEY: 'SAME' });
    await tx.sendHalf({ UNIQ_KEY: 'SAME' }, { body: Buffer.from('other') });
    await tx.sendHalf({ UNIQ_KEY: 'SAME' }, {}, 'payments');
    await tx.sendHalf({ UNIQ_KEY: 'SAME', PGROUP: 'PG2' });
    expect(tx.table.size).toBe(4);
    await tx.end(first, 'commit');
    await tx.sendHalf({ UNIQ_KEY: 'SAME' });
    expect(tx.table.size).toBe(4);
  });
});

describe('a decision that comes later than the message’s own time for it', () => {
  test('is refused unless it answers a question', async () => {
    const half = await tx.sendHalf({ CHECK_IMMUNITY_TIME_IN_SECONDS: '60' });
    await tx.world.clock.advance(61_000);
    await expect(tx.end(half, 'commit')).rejects.toMatchObject({ kind: 'CONFLICT' });
    expect(tx.bodies()).toEqual([]);
    expect(tx.stats.late).toBe(1);
    await tx.end(half, 'commit', { isAnswer: true });
    expect(tx.bodies()).toEqual(['hello']);
    expect(await tx.story('ID1')).toEqual(['refused commit', 'commit by check']);
  });

  test('is measured by a clock that does not step', async () => {
    const half = await tx.sendHalf({ CHECK_IMMUNITY_TIME_IN_SECONDS: '60' });
    tx.world.clock.stepWallClock(3_600_000);
    await tx.end(half, 'commit');
    expect(tx.bodies()).toEqual(['hello']);
  });

  test('does not exist without such a time', async () => {
    const half = await tx.sendHalf();
    await tx.world.clock.advance(3_600_000);
    await tx.end(half, 'commit');
    expect(tx.bodies()).toEqual(['hello']);
  });
});

test('a commit to a topic that was deleted fails visibly and leaves the transaction open', async () => {
  const half = await tx.sendHalf();
  const { topics } = tx.world.services;
  await topics.remove('orders', () => tx.world.store.dropTopic('orders'));
  await expect(tx.end(half, 'commit')).rejects.toMatchObject({ kind: 'TOPIC_NOT_EXIST' });
  expect(await tx.story('ID1')).toEqual(['refused commit']);
  expect(await tx.admin.get('ID1')).toMatchObject({ state: 'prepared' });
  await tx.end(half, 'rollback');
  expect(await tx.admin.get('ID1')).toMatchObject({ state: 'rolledBack' });
});

test('a decision that the log can not take at the moment is carried out when it can', async () => {
  const half = await tx.sendHalf();
  const { journal } = tx.world.services.openTransactions;
  const append = journal.append.bind(journal);
  let refusals = 3;
  journal.append = (...request) => {
    if (refusals-- > 0) throw new MqError('SYSTEM_BUSY', 'the next log segment is still being prepared');
    return append(...request);
  };
  const ended = tx.end(half, 'commit');
  await tx.world.clock.advance(1_000);
  await ended;
  expect(tx.bodies()).toEqual(['hello']);
});
