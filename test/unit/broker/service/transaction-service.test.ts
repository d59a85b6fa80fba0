import { afterEach, describe, expect, test } from 'vitest';
import type { ClientChannel, TransactionQuestion } from '@cometmq/broker/client/client-channel';
import { TransactionCheck } from '@cometmq/broker/transaction/transaction-check';
import { silentLogger } from '@cometmq/common/logging/logger';
import { encodeHost } from '@cometmq/common/message/host';
import { decodeMessage } from '@cometmq/common/message/message-decoder';
import { decodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { SystemTopic } from '@cometmq/common/topic/names';
import type { SendOutcome } from '@cometmq/broker/service/request-types';
import { BrokerWorld, sendRequest } from '../../../support/broker-world.ts';

const GROUP = 'PG';
let world: BrokerWorld;

afterEach(async () => {
  await world.close();
});

async function sendHalf(topic = 'orders', extra: Record<string, string> = {}): Promise<SendOutcome> {
  const properties = { TRAN_MSG: 'true', PGROUP: GROUP, KEYS: 'A1', ...extra };
  return world.services.producing.send(
    sendRequest(topic, properties, { sysFlag: SysFlag.TRANSACTION_PREPARED }),
  );
}

function end(
  half: SendOutcome,
  decision: 'commit' | 'rollback' | 'unknown',
  producerGroup = GROUP,
): Promise<void> {
  const physicalOffset = decodeOffsetMessageId(half.messageId)?.physicalOffset ?? -1;
  return world.services.transactions.end({
    producerGroup,
    queueOffset: half.queueOffset,
    physicalOffset,
    decision,
  });
}

function checker(asked: TransactionQuestion[], group = GROUP): TransactionCheck {
  const { topics, producers, transactionTable: table } = world.services;
  const channel: ClientChannel = {
    remote: '10.0.0.7:50123',
    isClosed: false,
    notifyGroupChanged: () => undefined,
    notifyOffsetsReset: () => undefined,
    askTransaction: (question) => asked.push(question),
    close: () => undefined,
  };
  producers.beat(group, channel, { clientId: 'c1', language: 'JAVA', version: 493 });
  const { clock, store } = world;
  const parts = {
    clock,
    log: silentLogger,
    store,
    topics,
    producers,
    table,
    storeHost: encodeHost('127.0.0.1', 10_911),
  };
  return new TransactionCheck(parts);
}

describe('a half message', () => {
  test('is not to be seen before it is committed, and then once, marked as committed', async () => {
    world = await BrokerWorld.open();
    const half = await sendHalf();
    expect(world.read('orders')).toEqual([]);
    expect(world.read(SystemTopic.TRANS_HALF)).toHaveLength(1);
    await end(half, 'commit');
    const [message, ...others] = world.read('orders');
    expect(others).toEqual([]);
    expect(message?.body.toString()).toBe('hello');
    expect(message && message.sysFlag & SysFlag.TRANSACTION_MASK).toBe(SysFlag.TRANSACTION_COMMIT);
    expect(message?.preparedTransactionOffset).toBe(decodeOffsetMessageId(half.messageId)?.physicalOffset);
    expect(Object.fromEntries(message?.properties ?? [])).toMatchObject({
      TRAN_MSG: 'true',
      PGROUP: GROUP,
      KEYS: 'A1',
      __transactionId__: 'C0A8000100002A9F0000000000000001',
    });
    expect(message?.properties.has('REAL_TOPIC')).toBe(false);
  });

  test('is never seen after a rollback', async () => {
    world = await BrokerWorld.open();
    await end(await sendHalf(), 'rollback');
    expect(world.read('orders')).toEqual([]);
  });

  test('is decided once: a repeated commit and a contradicting decision change nothing', async () => {
    world = await BrokerWorld.open();
    const half = await sendHalf();
    await Promise.all([end(half, 'commit'), end(half, 'commit')]);
    await end(half, 'rollback');
    await end(half, 'commit');
    expect(world.read('orders')).toHaveLength(1);
    const other = await sendHalf();
    await end(other, 'rollback');
    await end(other, 'commit');
    expect(world.read('orders')).toHaveLength(1);
  });

  test('can only be decided by its own group, by its own place', async () => {
    world = await BrokerWorld.open();
    const half = await sendHalf();
    await expect(end(half, 'commit', 'others')).rejects.toThrow('The producer group wrong');
    await expect(end({ ...half, queueOffset: 7 }, 'commit')).rejects.toThrow('state table offset wrong');
    const plain = await world.services.producing.send(sendRequest('orders'));
    await expect(end(plain, 'commit')).rejects.toThrow('Find prepared transaction message failed');
    expect(world.read('orders')).toHaveLength(1);
  });

  test('whose properties get too long by what the broker adds is refused, and nothing is stored', async () => {
    world = await BrokerWorld.open();
    await expect(sendHalf('orders', { text: 'x'.repeat(32_600) })).rejects.toMatchObject({
      kind: 'MESSAGE_ILLEGAL',
    });
    expect(world.read(SystemTopic.TRANS_HALF)).toEqual([]);
    expect(world.services.transactionTable.size).toBe(0);
  });

  test('is not delayed itself by a delay level', async () => {
    world = await BrokerWorld.open();
    await sendHalf('orders', { DELAY: '3' });
    expect(world.read(SystemTopic.TRANS_HALF)).toHaveLength(1);
    expect(world.read(SystemTopic.SCHEDULE, 2)).toEqual([]);
  });
});

describe('a restart', () => {
  test('keeps open half messages open and decided ones decided', async () => {
    world = await BrokerWorld.open();
    const [open, committed, rolledBack] = [await sendHalf(), await sendHalf(), await sendHalf()];
    await end(committed, 'commit');
    await end(rolledBack, 'rollback');
    await world.close();
    world = await BrokerWorld.open({}, world);
    await world.services.transactions.load();
    expect(world.services.transactionTable.size).toBe(1);
    await end(committed, 'commit');
    await end(rolledBack, 'commit');
    expect(world.read('orders')).toHaveLength(1);
    await end(open, 'commit');
    expect(world.read('orders')).toHaveLength(2);
    expect(world.services.transactionTable.lowWater).toBe(3);
  });
});

describe('the check', () => {
  test('asks about a message that nobody decided, with the message as its consumers would get it', async () => {
    world = await BrokerWorld.open();
    const half = await sendHalf();
    const asked: TransactionQuestion[] = [];
    const check = checker(asked);
    await check.round();
    expect(asked).toEqual([]);
    await world.clock.advance(7_000);
    await check.round();
    const [question] = asked;
    expect(question).toMatchObject({
      topic: 'orders',
      queueOffset: half.queueOffset,
      messageId: half.messageId,
    });
    const record = question?.record ?? Buffer.alloc(0);
    const message = decodeMessage(record, 0, record.length);
    expect(message).toMatchObject({ topic: 'orders', queueId: 0 });
    expect(message.properties.get('PGROUP')).toBe(GROUP);
    await end(half, 'commit');
    await check.round();
    expect(asked).toHaveLength(1);
  });

  test('waits as long as the message asks for', async () => {
    world = await BrokerWorld.open();
    await sendHalf('orders', { CHECK_IMMUNITY_TIME_IN_SECONDS: '60' });
    const asked: TransactionQuestion[] = [];
    const check = checker(asked);
    await world.clock.advance(59_000);
    await check.round();
    expect(asked).toEqual([]);
    await world.clock.advance(2_000);
    await check.round();
    expect(asked).toHaveLength(1);
  });

  test('stops after fifteen questions and decides nothing by itself', async () => {
    world = await BrokerWorld.open();
    const half = await sendHalf();
    const asked: TransactionQuestion[] = [];
    const check = checker(asked);
    for (let round = 0; round < 20; round++) {
      await world.clock.advance(30_000);
      await check.round();
    }
    expect(asked).toHaveLength(15);
    expect(world.read('orders')).toEqual([]);
    await end(half, 'commit');
    expect(world.read('orders')).toHaveLength(1);
  });

  test('does not count the rounds in which no member of the group is there', async () => {
    world = await BrokerWorld.open();
    await sendHalf('orders', { PGROUP: 'away' });
    const asked: TransactionQuestion[] = [];
    const check = checker(asked);
    for (let round = 0; round < 20; round++) {
      await world.clock.advance(30_000);
      await check.round();
    }
    expect(asked).toEqual([]);
    checker(asked, 'away');
    await check.round();
    expect(asked).toHaveLength(1);
  });
});
