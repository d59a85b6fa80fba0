import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { decodeProperties } from '@cometmq/common/message/properties';
import { SysFlag } from '@cometmq/common/message/sys-flag';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import type { TransactionalOptions, TransactionalProducer } from '@cometmq/client';
import { IllegalStateError, Rollback, json, topic } from '@cometmq/client';
import { SdkWorld } from '../../../support/sdk-world.ts';
import { recordBytes } from '../admin/record-bytes.ts';

const HALF_ID = '7F00000100002A9F0000000000000123';
let world: SdkWorld;
/** What the broker answers a half message and a decision with. */
let sendCode: number;
let endCode: number;
let channels: Set<RemotingChannel>;

beforeEach(async () => {
  world = await SdkWorld.start();
  world.broker.topic('t');
  sendCode = endCode = ResponseCode.SUCCESS;
  channels = new Set();
  world.broker.intercept = ({ code, extFields }, channel) => {
    channels.add(channel);
    if (code === RequestCode.END_TRANSACTION) return { code: endCode };
    if (code !== RequestCode.SEND_MESSAGE_V2) return undefined;
    const queueId = extFields?.['e'] ?? '';
    return { code: sendCode, extFields: { msgId: HALF_ID, queueId, queueOffset: '7' } };
  };
});
afterEach(() => world.stop());

function producer(options: Partial<TransactionalOptions> = {}): TransactionalProducer {
  return world.client().transactional({ group: 'PG', check: () => 'unknown', ...options });
}

function ends(): Record<string, string>[] {
  return world.broker.asked(RequestCode.END_TRANSACTION).map(({ extFields }) => ({ ...extFields }));
}

describe('sendInTransaction', () => {
  test('stores a half message, runs the local transaction with its id, and tells the decision', async () => {
    const local = vi.fn(() => 'commit' as const);
    const result = await world.during(producer().sendInTransaction('t', { body: 'x', keys: ['A1'] }, local));
    expect(result).toMatchObject({ outcome: 'commit', confirmed: true, offset: 7n, status: 'SEND_OK' });
    expect(local).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ id: result.messageId }));
    const [half] = world.broker.asked(RequestCode.SEND_MESSAGE_V2);
    expect(Number(half?.extFields?.['f']) & SysFlag.TRANSACTION_MASK).toBe(SysFlag.TRANSACTION_PREPARED);
    expect(Object.fromEntries(decodeProperties(half?.extFields?.['i'] ?? ''))).toMatchObject({
      ...{ TRAN_MSG: 'true', PGROUP: 'PG', UNIQ_KEY: result.messageId, KEYS: 'A1' },
    });
    expect(ends()).toEqual([
      expect.objectContaining({
        ...{ producerGroup: 'PG', tranStateTableOffset: '7', commitLogOffset: String(0x123) },
        ...{ commitOrRollback: '8', fromTransactionCheck: 'false', msgId: result.messageId },
      }),
    ]);
  });

  test.each([
    ['returns rollback', () => 'rollback' as const],
    ['throws Rollback', () => Promise.reject(new Rollback('no stock'))],
  ])('rolls back when the local transaction %s', async (_how, local) => {
    const result = await world.during(producer().sendInTransaction('t', { body: 'x' }, local));
    expect(result).toMatchObject({ outcome: 'rollback', confirmed: true });
    expect(ends()).toMatchObject([{ commitOrRollback: '12' }]);
  });

  test('leaves the message to the checker after any other error: it may have happened behind a commit', async () => {
    const local = () => Promise.reject(new Error('connection to the database lost'));
    const sending = world.during(producer().sendInTransaction('t', { body: 'x' }, local));
    await expect(sending).rejects.toThrow('connection to the database lost');
    expect(ends()).toEqual([]);
  });

  test('leaves it as well when the local transaction says nothing that can be understood', async () => {
    const local = (() => undefined) as unknown as () => 'unknown';
    const result = await world.during(producer().sendInTransaction('t', { body: 'x' }, local));
    expect(result).toMatchObject({ outcome: 'unknown', confirmed: false });
    expect(ends()).toMatchObject([{ commitOrRollback: '0' }]);
  });

  test.each(['FLUSH_DISK_TIMEOUT', 'FLUSH_SLAVE_TIMEOUT', 'SLAVE_NOT_AVAILABLE'] as const)(
    'rolls back without having run the local transaction when the message is not safe: %s',
    async (status) => {
      sendCode = ResponseCode[status];
      const local = vi.fn(() => 'commit' as const);
      const result = await world.during(producer().sendInTransaction('t', { body: 'x' }, local));
      expect(result).toMatchObject({ outcome: 'rollback', status });
      expect(local).not.toHaveBeenCalled();
      expect(ends()).toMatchObject([{ commitOrRollback: '12' }]);
    },
  );

  test('does not run the local transaction, nor send again, when the message may not be stored', async () => {
    sendCode = ResponseCode.SYSTEM_ERROR;
    const local = vi.fn(() => 'commit' as const);
    await expect(world.during(producer().sendInTransaction('t', { body: 'x' }, local))).rejects.toMatchObject(
      { kind: 'INTERNAL' },
    );
    expect(local).not.toHaveBeenCalled();
    expect(world.broker.asked(RequestCode.SEND_MESSAGE_V2)).toHaveLength(1);
  });

  test('tells that the broker has not confirmed, and rejects when it was decided otherwise', async () => {
    endCode = ResponseCode.SYSTEM_BUSY;
    const unsure = world.during(producer().sendInTransaction('t', { body: 'x' }, () => 'commit'));
    expect(await unsure).toMatchObject({ outcome: 'commit', confirmed: false });
    endCode = ResponseCode.ILLEGAL_OPERATION;
    const refused = world.during(producer().sendInTransaction('t', { body: 'x' }, () => 'commit'));
    await expect(refused).rejects.toMatchObject({ kind: 'CONFLICT' });
  });

  test('refuses what can not be', async () => {
    const transactional = producer();
    const delayed = transactional.sendInTransaction('t', { body: 'x', delayLevel: 3 }, () => 'commit');
    await expect(delayed).rejects.toThrow('can not be delayed');
    const client = world.client();
    const noChecker = { group: 'PG' } as unknown as TransactionalOptions;
    expect(() => client.transactional(noChecker)).toThrow('needs a checker');
    client.transactional({ group: 'PG', check: () => 'unknown' });
    expect(() => client.transactional({ group: 'PG', check: () => 'unknown' })).toThrow(IllegalStateError);
  });

  test('close waits for transactions that are under way', async () => {
    const transactional = producer();
    let finish: (decision: 'commit') => void = () => undefined;
    const sending = transactional.sendInTransaction(
      't',
      { body: 'x' },
      () => new Promise((resolve) => void (finish = resolve)),
    );
    await world.clock.advance(100);
    const closing = transactional.close();
    await world.clock.advance(100);
    expect(ends()).toEqual([]);
    finish('commit');
    await world.during(Promise.all([sending, closing]));
    expect(ends()).toHaveLength(1);
    await expect(transactional.sendInTransaction('t', { body: 'x' }, () => 'commit')).rejects.toMatchObject({
      kind: 'SERVICE_NOT_AVAILABLE',
    });
  });
});

describe('a question of a broker', () => {
  /** The broker asks over a connection that it has. */
  async function ask(group = 'PG', body = '{"paid":true}'): Promise<void> {
    const properties = { PGROUP: group, TRAN_MSG: 'true', TRANSACTION_CHECK_TIMES: '3' };
    const record = recordBytes({ topic: 't', uniqueKey: 'ID1', keys: 'A1', body, properties });
    const extFields = {
      ...{ topic: 'RMQ_SYS_TRANS_HALF_TOPIC', tranStateTableOffset: '9', commitLogOffset: '512' },
      ...{ msgId: 'ID1', transactionId: 'ID1', offsetMsgId: HALF_ID, bname: 'broker-a' },
    };
    const [channel] = channels;
    channel?.invokeOneway({ code: RequestCode.CHECK_TRANSACTION_STATE, extFields, body: record });
    await world.clock.advance(100);
  }

  /** A producer that the broker knows without its having sent anything. */
  async function known(options: Partial<TransactionalOptions> = {}): Promise<void> {
    producer({ topics: ['t'], ...options });
    await world.clock.advance(1000);
    const [beat] = world.broker.asked(RequestCode.HEART_BEAT);
    expect(beat?.body?.toString()).toContain('"producerDataSet":[{"groupName":"PG"}]');
  }

  test('is answered by the checker, which gets the message and how often it was asked', async () => {
    const check = vi.fn<TransactionalOptions['check']>(() => 'commit');
    await known({ check });
    await ask();
    const [[message, context] = []] = check.mock.calls;
    expect([message?.messageId, message?.topic, message?.keys, context?.attempt]).toEqual([
      'ID1',
      't',
      ['A1'],
      3,
    ]);
    expect(message?.body.toString()).toBe('{"paid":true}');
    expect(ends()).toEqual([
      expect.objectContaining({
        ...{ producerGroup: 'PG', tranStateTableOffset: '9', commitLogOffset: '512', commitOrRollback: '8' },
        ...{ fromTransactionCheck: 'true', msgId: 'ID1', transactionId: 'ID1' },
      }),
    ]);
  });

  test('reaches the checker with a body of the topic’s type', async () => {
    const Orders = topic('t', { codec: json<{ paid: boolean }>() });
    const client = world.client();
    client.transactional({
      group: 'PG',
      topics: [Orders],
      check: ({ body }) => (body.paid ? 'commit' : 'rollback'),
    });
    await world.clock.advance(1000);
    await ask('PG', '{"paid":true}');
    await ask('PG', '{"paid":false}');
    await ask('PG', 'not JSON');
    expect(ends().map(({ commitOrRollback }) => commitOrRollback)).toEqual(['8', '12', '0']);
  });

  test('is answered with unknown when the checker fails or returns nonsense', async () => {
    const answers = [() => Promise.reject(new Error('no database')), () => 'yes' as unknown as 'commit'];
    await known({ check: () => answers.shift()?.() ?? 'commit' });
    await ask();
    await ask();
    await ask();
    expect(ends().map(({ commitOrRollback }) => commitOrRollback)).toEqual(['0', '0', '8']);
  });

  test('waits while as many are being answered as may be', async () => {
    let running = 0;
    let most = 0;
    const check = async (): Promise<'commit'> => {
      most = Math.max(most, ++running);
      await Promise.resolve();
      running--;
      return 'commit';
    };
    await known({ check, checkConcurrency: 2 });
    await Promise.all(Array.from({ length: 10 }, () => ask()));
    expect(most).toBe(2);
    expect(ends()).toHaveLength(10);
  });

  test('about a group that has no producer here is not answered', async () => {
    await known();
    await ask('another');
    expect(ends()).toEqual([]);
  });
});
