import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ClientChannel } from '@cometmq/broker/client/client-channel';
import type { PullOutcome, PullRequest } from '@cometmq/broker/service/pull-service';
import { BrokerWorld, sendRequest } from '../../../support/broker-world.ts';

const channel: ClientChannel = {
  remote: '10.0.0.7:50123',
  isClosed: false,
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

/** A pull that relies on the subscription of the heartbeats. */
function pull(version: number, more: Partial<PullRequest> = {}): PullOutcome {
  const request: PullRequest = {
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
  return world.services.pulling.pull(request, channel, undefined);
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
