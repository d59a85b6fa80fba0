import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ClientChannel } from '@cometmq/broker/client/client-channel';
import type { PullOutcome, PullRequest } from '@cometmq/broker/service/pull-service';
import { BrokerWorld, sendRequest } from '../../../support/broker-world.ts';

const channel: ClientChannel = {
  remote: '10.0.0.7:50123',
  isClosed: false,
  isCongested: false,
  notifyGroupChanged: () => undefined,
  notifyOffsetsReset: () => undefined,
  askTransaction: () => undefined,
  close: () => undefined,
};
let world: BrokerWorld;

beforeEach(async () => {
  world = await BrokerWorld.open();
  for (const tag of ['A', 'B', 'C'])
    await world.services.producing.send(sendRequest('orders', { TAGS: tag }, { queueId: 0 }));
});

afterEach(() => world.close());

/** A member of the group says what it wants: messages with one tag, or what an expression says. */
function subscribe(expression: string, version: number, type = 'TAG'): Promise<void> {
  const beat = {
    group: 'G',
    consumeType: 'CONSUME_PASSIVELY',
    messageModel: 'CLUSTERING',
    consumeFromWhere: 'CONSUME_FROM_FIRST_OFFSET',
    subscriptions: [world.services.clients.subscription('orders', expression, type, version)],
  } as const;
  return world.services.clients.beat(channel, { clientId: 'c1', language: 'JAVA', version: 493 }, [], [beat]);
}

/** A pull that relies on the subscription of the heartbeats, unless it has one of its own. */
function pull(version: number, more: Partial<PullRequest> = {}): PullOutcome {
  return world.services.pulling.pull(requestOf(version, more), channel, undefined);
}

function requestOf(version: number, more: Partial<PullRequest>): PullRequest {
  return {
    group: 'G',
    topic: 'orders',
    queueId: 0,
    offset: 0,
    countMax: 32,
    bytesMax: undefined,
    commitOffset: undefined,
    waitMs: 0,
    expression: undefined,
    expressionType: 'TAG',
    subscriptionVersion: version,
    ...more,
  };
}

function count(outcome: PullOutcome): number {
  return outcome.kind === 'read' ? outcome.plan.offsets.length : -1;
}

test('a group that is not connected is refused', () => {
  expect(pull(1)).toMatchObject({ kind: 'refused', reason: 'SUBSCRIPTION_NOT_EXIST' });
});

test('tags are chosen as the group subscribed', async () => {
  await subscribe('B', 100);
  expect([count(pull(100)), count(pull(99))]).toEqual([1, 1]);
});

test('a subscription newer than the last heartbeat is left to the client to apply, not refused', async () => {
  await subscribe('B', 100);
  expect(count(pull(101))).toBe(3);
  expect(pull(101, { expressionType: 'SQL92' })).toMatchObject({ reason: 'SUBSCRIPTION_NOT_LATEST' });
  await subscribe('C', 101);
  expect(count(pull(101))).toBe(1);
});

describe('SQL92', () => {
  const SQL = { expressionType: 'SQL92' } as const;
  const own = (expression: string, more: Partial<PullRequest> = {}): PullOutcome =>
    pull(1, { ...SQL, expression, ...more });

  test('messages are chosen by the expression of the heartbeats, whatever type the pull names', async () => {
    await subscribe("TAGS IN ('A', 'C')", 100, 'SQL92');
    expect([count(pull(100, SQL)), count(pull(0))]).toEqual([2, 2]);
  });

  test('or by that of the pull itself', () => {
    expect(own("TAGS = 'B'")).toMatchObject({ kind: 'read', plan: { status: 'FOUND', nextOffset: 3 } });
    expect(own("TAGS = 'D'")).toMatchObject({ plan: { status: 'NO_MATCHED_MESSAGE', nextOffset: 3 } });
  });

  test('a bad expression is no error in a heartbeat; the pull says where it is wrong', async () => {
    await subscribe('a > ', 100, 'SQL92');
    expect(pull(100, SQL)).toMatchObject({ kind: 'refused', reason: 'FILTER_DATA_NOT_EXIST' });
    expect(pull(100, SQL)).toMatchObject({ remark: expect.stringContaining('character 5') as unknown });
    expect(() => own('a > ')).toThrow(expect.objectContaining({ kind: 'SUBSCRIPTION_ILLEGAL' }));
    await subscribe('TAGS IS NOT NULL', 101, 'SQL92');
    expect(count(pull(101, SQL))).toBe(3);
  });

  test('a subscription that is not told yet is waited for: only the broker can apply it', async () => {
    await subscribe("TAGS = 'B'", 100, 'SQL92');
    expect(pull(101)).toMatchObject({ kind: 'refused', reason: 'SUBSCRIPTION_NOT_LATEST' });
  });

  test('everything in a retry topic is wanted', async () => {
    const { producing, clients } = world.services;
    await producing.send(sendRequest('%RETRY%G', { TAGS: 'X' }));
    expect(count(own("TAGS = 'B'", { topic: '%RETRY%G' }))).toBe(1);
    expect(clients.subscription('%RETRY%G', "TAGS = 'B'", 'SQL92', 1)).toMatchObject({ expression: '*' });
  });

  test('a held pull wakes for a message that matches, and for no other', async () => {
    const resumed: string[] = [];
    const request = { waitMs: 15_000, offset: 3, expression: 'amount > 5', ...SQL };
    const held = world.services.pulling.pull(requestOf(1, request), channel, () => void resumed.push('x'));
    expect(held).toEqual({ kind: 'held' });
    const send = (amount: string) =>
      world.services.producing.send(sendRequest('orders', { amount }, { queueId: 0 }));
    await send('5');
    await send('many');
    expect(resumed).toEqual([]);
    await send('6');
    expect(resumed).toEqual(['x']);
    expect(own('amount > 5', { offset: 3 })).toMatchObject({ plan: { offsets: [expect.any(Number)] } });
  });

  test('the check before a consumer starts', () => {
    const { clients } = world.services;
    const check = (expression: string, type = 'SQL92') => {
      clients.checkSubscription('orders', expression, type, 1);
    };
    check('a > 5');
    check('A || B', 'TAG');
    expect(() => check('a >')).toThrow('SQL92 filter, character 4');
    expect(() => check('*')).toThrow('character 1');
    expect(() => check('a', 'XPATH')).toThrow('does not support consumer to filter message by XPATH');
  });

  test('can be forbidden', async () => {
    await world.close();
    world = await BrokerWorld.open({ propertyFilter: false });
    await world.services.producing.send(sendRequest('orders', {}, { queueId: 0 }));
    await subscribe('a > 5', 100, 'SQL92');
    for (const refused of [() => pull(100, SQL), () => own('a > 5')])
      expect(refused).toThrow('The broker does not support consumer to filter message by SQL92');
  });
});
