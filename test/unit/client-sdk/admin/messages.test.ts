import { describe, expect, test } from 'vitest';
import type { Clock } from '@cometmq/common/clock/clock';
import type { RandomSource } from '@cometmq/common/random/random';
import { createAdmin } from '@cometmq/client/admin/admin-client';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { FakeCluster, NAME_SERVER, offset, ok } from './fake-cluster.ts';
import type { RecordFields } from './record-bytes.ts';
import { recordBytes } from './record-bytes.ts';

const A = '127.0.0.1:10911';
const B = '127.0.0.1:10921';

function found(...records: readonly RecordFields[]): {
  code: number;
  body: Buffer;
  extFields: Record<string, string>;
} {
  return { code: 0, extFields: {}, body: Buffer.concat(records.map(recordBytes)) };
}

function cluster(): FakeCluster {
  return new FakeCluster().broker('broker-a', A).broker('broker-b', B).topic('orders', 1);
}

describe('by key', () => {
  test('messages of all brokers, oldest first, without those whose key only has the same hash', async () => {
    const fake = cluster()
      .on(A, RequestCode.QUERY_MESSAGE, () =>
        found(
          { keys: 'k1 k2', storeTimestamp: 30, body: 'late' },
          { keys: 'other', storeTimestamp: 5, body: 'collision' },
        ),
      )
      .on(B, RequestCode.QUERY_MESSAGE, () => found({ keys: 'k1', storeTimestamp: 20, body: 'early' }));
    const { messages, complete } = await fake.admin().messages.byKey('orders', 'k1');
    expect(messages.map(({ body, broker }) => [body.toString(), broker])).toEqual([
      ['early', 'broker-b'],
      ['late', 'broker-a'],
    ]);
    expect(complete).toBe(true);
  });

  test('nothing found is an empty result', async () => {
    const fake = cluster().onBrokers(RequestCode.QUERY_MESSAGE, () => ({
      code: 22,
      remark: 'can not find message',
    }));
    expect(await fake.admin().messages.byKey('orders', 'k1')).toMatchObject({ messages: [], complete: true });
  });

  test('a full answer is not complete', async () => {
    const fake = cluster()
      .on(A, RequestCode.QUERY_MESSAGE, () =>
        found({ keys: 'k1', storeTimestamp: 1 }, { keys: 'k1', storeTimestamp: 2 }),
      )
      .on(B, RequestCode.QUERY_MESSAGE, () => ({ code: 22 }));
    expect((await fake.admin().messages.byKey('orders', 'k1', { limit: 2 })).complete).toBe(false);
  });
});

describe('by id', () => {
  test('an offset id leads to its broker', async () => {
    const fake = cluster().on(A, RequestCode.VIEW_MESSAGE_BY_ID, () =>
      found({ uniqueKey: 'U1', physicalOffset: 77 }),
    );
    const { messages } = await fake.admin().messages.byId('orders', '7F00000100002A9F000000000000004D');
    expect(messages).toMatchObject([
      { messageId: 'U1', broker: 'broker-a', offsetMessageId: '7F00000100002A9F000000000000004D' },
    ]);
  });

  test('a unique key that reads as the offset id of nobody is looked up as a key', async () => {
    const uniqueKey = '0A00000115693575D0E46758BD2F3BD0';
    const fake = cluster()
      .on(A, RequestCode.QUERY_MESSAGE, ({ extFields }) => {
        expect(extFields).toMatchObject({ _UNIQUE_KEY_QUERY: 'true', indexType: 'U' });
        return found({ uniqueKey });
      })
      .on(B, RequestCode.QUERY_MESSAGE, () => ({ code: 22 }));
    expect((await fake.admin().messages.byId('orders', uniqueKey)).messages).toHaveLength(1);
  });

  test('an offset inside a record is no message', async () => {
    const fake = cluster().on(A, RequestCode.VIEW_MESSAGE_BY_ID, () => ({
      code: 1,
      remark: 'can not find message by the offset, 5',
    }));
    expect(await fake.admin().messages.byOffsetId('7F00000100002A9F0000000000000005')).toBeUndefined();
    await expect(fake.admin().messages.byOffsetId('xyz')).rejects.toMatchObject({ kind: 'INVALID_ARGUMENT' });
  });
});

describe('browse', () => {
  /** A queue of ten messages stored at 1000, 1001, …; each pull gives three. */
  function queueOfTen(): FakeCluster {
    const one = new FakeCluster().broker('broker-a', A).topic('orders', 1);
    return one
      .on(A, RequestCode.GET_MAX_OFFSET, () => offset(10))
      .on(A, RequestCode.GET_MIN_OFFSET, () => offset(0))
      .on(A, RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, ({ extFields }) =>
        offset(Math.max(0, Math.min(10, Number(extFields?.['timestamp']) - 1000))),
      )
      .on(A, RequestCode.PULL_MESSAGE, ({ extFields }) => {
        const from = Number(extFields?.['queueOffset']);
        const to = Math.min(10, from + Math.min(3, Number(extFields?.['maxMsgNums'])));
        const records = Array.from({ length: to - from }, (_, index) => ({
          queueOffset: from + index,
          storeTimestamp: 1000 + from + index,
          body: `m${from + index}`,
        }));
        const header = {
          suggestWhichBrokerId: '0',
          nextBeginOffset: String(to),
          minOffset: '0',
          maxOffset: '10',
        };
        return { ...found(...records), extFields: header };
      });
  }

  test.each([
    ['all', {}, 'm0 m1 m2 m3 m4 m5 m6 m7 m8 m9', true],
    ['a range of time', { from: 1002, to: 1005 }, 'm2 m3 m4 m5', true],
    ['the oldest of a range', { from: 1002, limit: 4 }, 'm2 m3 m4 m5', false],
    ['the newest', { newest: true, limit: 2 }, 'm8 m9', false],
    ['a range behind the end', { from: 2000 }, '', true],
  ])('%s', async (_name, query, bodies, complete) => {
    const result = await queueOfTen().admin().browser.browse('orders', query);
    expect(result.messages.map(({ body }) => body.toString()).join(' ')).toBe(bodies);
    expect(result.complete).toBe(complete);
  });

  test('what remains says where to read on', async () => {
    const { remaining } = await queueOfTen().admin().browser.browse('orders', { limit: 4 });
    expect(remaining).toEqual([{ topic: 'orders', broker: 'broker-a', queueId: 0, nextOffset: 4 }]);
  });

  test('a broker that does not move on does not hang the reader', async () => {
    const stuck = { suggestWhichBrokerId: '0', nextBeginOffset: '0', minOffset: '0', maxOffset: '10' };
    const fake = queueOfTen().on(A, RequestCode.PULL_MESSAGE, () => ({ code: 20, extFields: stuck }));
    expect((await fake.admin().browser.browse('orders')).messages).toEqual([]);
  });
});

describe('send', () => {
  const clock = { now: () => 1_700_000_000_000 } as Clock;
  const random: RandomSource = { below: () => 0, bytes: (length) => Buffer.alloc(length) };

  test('to a writable queue, with keys, tag and a unique key', async () => {
    const fake = new FakeCluster()
      .broker('broker-a', A)
      .broker('broker-b', B)
      .topic('orders', 2, ['broker-b']);
    fake.on(B, RequestCode.SEND_MESSAGE_V2, () => ({
      code: 0,
      extFields: { msgId: 'OFFSETID', queueId: '0', queueOffset: '9', durability: 'synced' },
    }));
    const admin = createAdmin({ nameServers: NAME_SERVER, transport: fake, clock, random });
    const result = await admin.sender.send({
      topic: 'orders',
      body: Buffer.from('x'),
      tag: 'a',
      keys: ['k1', 'k2'],
    });
    expect(result).toMatchObject({
      status: 'SEND_OK',
      broker: 'broker-b',
      queueOffset: 9,
      durability: 'synced',
    });
    const header = fake.asked.at(-1)?.request.extFields;
    expect(header).toMatchObject({ b: 'orders', e: '0', g: '1700000000000' });
    expect(header?.['i']).toContain('KEYS\u0001k1 k2\u0002');
    expect(header?.['i']).toContain(`UNIQ_KEY\u0001${result.messageId}\u0002`);
  });

  test('is refused when no queue may be written', async () => {
    const fake = new FakeCluster().broker('broker-a', A).topic('orders', 2, ['broker-a'], 4);
    await expect(fake.admin().sender.send({ topic: 'orders', body: Buffer.from('x') })).rejects.toMatchObject(
      { kind: 'NOT_FOUND' },
    );
  });

  test('a separator in a property is refused', async () => {
    const fake = new FakeCluster()
      .broker('broker-a', A)
      .topic('orders', 2)
      .on(A, RequestCode.SEND_MESSAGE_V2, () => ok({}));
    const message = { topic: 'orders', body: Buffer.from('x'), properties: { a: 'b\u0002KEYS\u0001k' } };
    await expect(fake.admin().sender.send(message)).rejects.toMatchObject({ kind: 'INVALID_ARGUMENT' });
  });
});

test('a consumer answers what it made of a message; Go says it as a number', async () => {
  const fake = cluster()
    .on(A, RequestCode.VIEW_MESSAGE_BY_ID, () => found({ uniqueKey: 'U1' }))
    .on(A, RequestCode.CONSUME_MESSAGE_DIRECTLY, () =>
      ok({ consumeResult: 4, remark: 'boom', spentTimeMills: 3 }),
    );
  const { messages } = fake.admin();
  const message = await messages.byOffsetId('7F00000100002A9F0000000000000000');
  expect(await messages.consumeDirectly('g', 'c1', message!)).toEqual({
    result: 'CR_THROW_EXCEPTION',
    remark: 'boom',
    spentMs: 3,
  });
});
