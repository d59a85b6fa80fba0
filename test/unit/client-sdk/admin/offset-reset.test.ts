import { describe, expect, test } from 'vitest';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { Reply } from '@cometmq/remoting/protocol/remoting-command';
import { FakeCluster, objectKeyed, offset, ok, queue } from './fake-cluster.ts';

const A = '127.0.0.1:10911';
const OFFLINE: Reply = { code: 206, remark: 'not online' };

/** Two queues: 0 holds 100 to 200 and the group is at 150; 1 holds 0 to 50 and the group never committed. */
class ResetFixture {
  readonly committed = new Map<number, number>([[0, 150]]);
  readonly cluster = new FakeCluster();
  online: readonly string[] = [];

  constructor() {
    const bounds = [
      { minOffset: 100, maxOffset: 200, lastUpdateTimestamp: 1 },
      { minOffset: 0, maxOffset: 50, lastUpdateTimestamp: 1 },
    ];
    this.cluster
      .broker('broker-a', A)
      .topic('orders', 2)
      .on(A, RequestCode.GET_TOPIC_STATS_INFO, () =>
        objectKeyed(
          'offsetTable',
          bounds.map((stats, id) => [queue('orders', 'broker-a', id), stats]),
        ),
      )
      .on(A, RequestCode.QUERY_CONSUMER_OFFSET, ({ extFields }) => {
        const value = this.committed.get(Number(extFields?.['queueId']));
        return value === undefined ? { code: 22, remark: 'Not found' } : offset(value);
      })
      .on(A, RequestCode.SEARCH_OFFSET_BY_TIMESTAMP, ({ extFields }) =>
        offset(extFields?.['queueId'] === '0' ? 120 : 30),
      )
      .on(A, RequestCode.UPDATE_CONSUMER_OFFSET, ({ extFields }) => {
        this.committed.set(Number(extFields?.['queueId']), Number(extFields?.['commitOffset']));
        return { code: 0 };
      })
      .on(A, RequestCode.GET_CONSUMER_CONNECTION_LIST, () =>
        this.online.length === 0
          ? OFFLINE
          : ok({ connectionSet: this.online.map((clientId) => ({ clientId })) }),
      );
  }

  answerReset(reply: Reply): void {
    this.cluster.on(A, RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, () => reply);
  }

  get resetHeader(): unknown {
    return this.cluster.asked.find(
      ({ request }) => request.code === RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
    )?.request.extFields;
  }
}

describe('plan', () => {
  test.each([
    [{ to: 'time', timestamp: 5 } as const, [120, 30], 30, 0],
    [{ to: 'earliest' } as const, [100, 0], 50, 0],
    [{ to: 'latest' } as const, [200, 50], 0, 50],
  ])('%j', async (target, targets, replay, skip) => {
    const { cluster } = new ResetFixture();
    const plan = await cluster.admin().reset.plan('g', 'orders', target);
    expect(plan.queues.map((planned) => planned.target)).toEqual(targets);
    expect(plan).toMatchObject({ replay, skip, clientsOnline: 0, complete: true });
    expect(plan.queues[1]?.committed).toBeUndefined();
  });

  test('an offset is for one queue and must be in it', async () => {
    const { reset } = new ResetFixture().cluster.admin();
    const target = { to: 'offset', broker: 'broker-a', queueId: 0 } as const;
    expect((await reset.plan('g', 'orders', { ...target, offset: 130 })).queues).toHaveLength(1);
    await expect(reset.plan('g', 'orders', { ...target, offset: 99 })).rejects.toMatchObject({
      hint: 'it holds 100 to 200',
    });
    await expect(reset.plan('g', 'orders', { ...target, offset: 201 })).rejects.toMatchObject({
      kind: 'INVALID_ARGUMENT',
    });
    await expect(reset.plan('g', 'orders', { ...target, queueId: 2, offset: 1 })).rejects.toMatchObject({
      kind: 'NOT_FOUND',
    });
  });
});

describe('apply', () => {
  test('takes the offsets that the broker set', async () => {
    const fixture = new ResetFixture();
    fixture.answerReset(
      objectKeyed('offsetTable', [
        [queue('orders', 'broker-a', 0), 121],
        [queue('orders', 'broker-a', 1), 30],
      ]),
    );
    const { reset } = fixture.cluster.admin();
    const result = await reset.apply(await reset.plan('g', 'orders', { to: 'time', timestamp: 5 }));
    expect(fixture.resetHeader).toMatchObject({
      timestamp: '5',
      isForce: 'true',
      queueId: '-1',
      offset: '-1',
    });
    expect(result.queues).toEqual([
      { broker: 'broker-a', queueId: 0, before: 150, after: 121 },
      { broker: 'broker-a', queueId: 1, before: undefined, after: 30 },
    ]);
  });

  test('writes the offsets itself when the broker can move online groups only', async () => {
    const fixture = new ResetFixture();
    fixture.answerReset({ code: 206, remark: 'Consumer not online, so can not reset offset' });
    const { reset } = fixture.cluster.admin();
    const result = await reset.apply(await reset.plan('g', 'orders', { to: 'earliest' }));
    expect(result).toMatchObject({ complete: true });
    expect([...fixture.committed]).toEqual([
      [0, 100],
      [1, 0],
    ]);
  });

  test('does not write under the feet of online consumers', async () => {
    const fixture = new ResetFixture();
    fixture.online = ['c1'];
    fixture.answerReset({ code: 1, remark: 'the client does not support this feature' });
    const { reset } = fixture.cluster.admin();
    const plan = await reset.plan('g', 'orders', { to: 'earliest' });
    await expect(reset.apply(plan)).rejects.toMatchObject({ kind: 'NOT_SUPPORTED' });
    expect(fixture.committed.get(0)).toBe(150);
  });

  test('an offset is asked for so that a broker before 5.0 changes nothing', async () => {
    const fixture = new ResetFixture();
    fixture.cluster.version = 409;
    fixture.answerReset(objectKeyed('offsetTable', [[queue('orders', 'broker-a', 0), 150]]));
    const { reset } = fixture.cluster.admin();
    const target = { to: 'offset', broker: 'broker-a', queueId: 0, offset: 130 } as const;
    const result = await reset.apply(await reset.plan('g', 'orders', target));
    expect(fixture.resetHeader).toMatchObject({
      timestamp: '-1',
      isForce: 'false',
      queueId: '0',
      offset: '130',
    });
    expect(result.queues).toEqual([{ broker: 'broker-a', queueId: 0, before: 150, after: 130 }]);
    expect(fixture.committed.get(0)).toBe(130);
  });

  test('an unknown group is a failure', async () => {
    const fixture = new ResetFixture();
    fixture.answerReset({ code: 26, remark: 'Group g does not exist' });
    const { reset } = fixture.cluster.admin();
    const plan = await reset.plan('g', 'orders', { to: 'latest' });
    await expect(reset.apply(plan)).rejects.toMatchObject({ kind: 'GROUP_NOT_EXIST' });
  });
});

describe('clone', () => {
  test('copies committed offsets only, one write after the other', async () => {
    const fixture = new ResetFixture();
    const { clone } = fixture.cluster.admin();
    const plan = await clone.plan('g', 'h', 'orders');
    expect(plan.queues.map(({ queueId, after }) => [queueId, after])).toEqual([[0, 150]]);
    const result = await clone.apply(plan);
    expect(result.queues).toEqual([
      { topic: 'orders', broker: 'broker-a', queueId: 0, before: 150, after: 150 },
    ]);
  });

  test('is refused while the target is online', async () => {
    const fixture = new ResetFixture();
    fixture.online = ['c1'];
    const { clone } = fixture.cluster.admin();
    await expect(clone.apply(await clone.plan('g', 'h', 'orders'))).rejects.toMatchObject({
      kind: 'NOT_SUPPORTED',
    });
  });
});
