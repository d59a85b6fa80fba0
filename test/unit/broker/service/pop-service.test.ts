import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeMessage } from '@cometmq/common/message/message-decoder';
import { subscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { BrokerWorld, sendRequest } from '../../../support/broker-world.ts';
import {
  GROUP,
  acknowledge,
  heldPop,
  messagesOf,
  pop,
  popRequest,
  sendTexts,
} from '../../../support/pop-world.ts';

let world: BrokerWorld;

beforeEach(async () => {
  world = await BrokerWorld.open();
  await world.services.topics.put(topicConfig('orders', 4));
  world.services.pops.start();
});

afterEach(async () => {
  await world.services.pops.stop();
  await world.close();
});

const bodies = (messages: readonly { body: string }[]): string[] => messages.map(({ body }) => body).sort();

describe('a pop', () => {
  test('takes from all queues, each message once', async () => {
    await sendTexts(world, ['a', 'b'], { queueId: 0 });
    await sendTexts(world, ['c'], { queueId: 3 });
    expect(bodies(pop(world))).toEqual(['a', 'b', 'c']);
    expect(pop(world)).toEqual([]);
  });

  test('takes from one queue when it is named, and no more than asked', async () => {
    await sendTexts(world, ['a', 'b', 'c'], { queueId: 1 });
    await sendTexts(world, ['x'], { queueId: 2 });
    expect(bodies(pop(world, { queueId: 1, countMax: 2 }))).toEqual(['a', 'b']);
    expect(bodies(pop(world, { queueId: 1 }))).toEqual(['c']);
    expect(bodies(pop(world))).toEqual(['x']);
  });

  test('is a group’s own: another group gets everything as well', async () => {
    await sendTexts(world, ['a']);
    expect(bodies(pop(world))).toEqual(['a']);
    expect(bodies(pop(world, { group: 'GID_other' }))).toEqual(['a']);
  });

  test('leaves out what the tags or the SQL92 expression do not match, for good', async () => {
    await sendTexts(world, ['red'], { tag: 'R' });
    await sendTexts(world, ['blue'], { tag: 'B' });
    await sendTexts(world, ['red again'], { tag: 'R' });
    const [first, ...others] = pop(world, { expression: 'R', countMax: 1 });
    expect(others).toEqual([]);
    expect(first?.body).toBe('red');
    expect(bodies(pop(world, { expression: 'R' }))).toEqual(['red again']);
    const sql = { group: 'GID_sql', expression: "TAGS = 'B'", expressionType: 'SQL92' };
    expect(bodies(pop(world, sql))).toEqual(['blue']);
  });

  test('begins where the group is told to when it never was there', async () => {
    await sendTexts(world, ['old', 'new']);
    expect(bodies(pop(world, { fromNewest: true }))).toEqual(['new', 'old']);
  });

  test('goes on behind what the group committed by pulling', async () => {
    await sendTexts(world, ['a', 'b', 'c']);
    world.services.offsets.commit(GROUP, 'orders', 0, 2);
    expect(bodies(pop(world))).toEqual(['c']);
  });

  test('takes out a handle that a producer put into a message', async () => {
    await world.services.producing.send(
      sendRequest('orders', { POP_CK: '0 1 2 3 0 broker-a 0 0', KEYS: 'k' }),
    );
    const [message] = pop(world);
    const { properties } = decodeMessage(message?.record ?? Buffer.alloc(0), 0, message?.record.length ?? 0);
    expect(properties.has('POP_CK')).toBe(false);
    expect(properties.get('KEYS')).toBe('k');
  });

  test.each([
    ['more than 32 messages', { countMax: 33 }, 'INVALID_ARGUMENT'],
    ['no message', { countMax: 0 }, 'INVALID_ARGUMENT'],
    ['a queue that is not there', { queueId: 4 }, 'INVALID_ARGUMENT'],
    ['a negative time', { invisibleMs: -1 }, 'INVALID_ARGUMENT'],
    ['more than 12 hours', { invisibleMs: 12 * 3_600_000 + 1 }, 'INVALID_ARGUMENT'],
    ['an unknown topic', { topic: 'nowhere' }, 'TOPIC_NOT_EXIST'],
    ['an illegal group', { group: 'a b' }, 'GROUP_NOT_EXIST'],
    ['an expression that is none', { expression: 'a ==', expressionType: 'SQL92' }, 'SUBSCRIPTION_ILLEGAL'],
  ])('is refused for %s', (_what, change, kind) => {
    expect(() => pop(world, change)).toThrow(expect.objectContaining({ kind }) as Error);
  });

  test('is refused for a group that may not consume', async () => {
    await world.services.groups.put({ ...subscriptionGroupConfig(GROUP), consumeEnable: false });
    expect(() => pop(world)).toThrow(expect.objectContaining({ kind: 'NO_PERMISSION' }) as Error);
  });

  test('stops at the number of messages that a group may leave unacknowledged', async () => {
    await world.services.pops.stop();
    await world.close();
    world = await BrokerWorld.open({ popInFlightMax: 32 });
    await sendTexts(
      world,
      Array.from({ length: 40 }, (_, index) => `m${index}`),
    );
    const first = pop(world);
    expect(first).toHaveLength(32);
    expect(pop(world)).toEqual([]);
    await acknowledge(world, first.slice(0, 1));
    expect(pop(world)).toHaveLength(8);
  });
});

describe('an acknowledgement', () => {
  test('ends the lease: the message does not come again', async () => {
    await sendTexts(world, ['a', 'b']);
    const popped = pop(world);
    expect(await acknowledge(world, popped)).toEqual([true, true]);
    await world.clock.advance(120_000);
    expect(pop(world)).toEqual([]);
  });

  test('of a part leaves the rest to come again', async () => {
    await sendTexts(world, ['a', 'b', 'c']);
    const popped = pop(world);
    await acknowledge(world, [popped[1] ?? popped[0]!]);
    await world.clock.advance(31_000);
    const again = pop(world);
    expect(bodies(again)).toEqual(['a', 'c']);
    expect(again.map(({ reconsumeTimes }) => reconsumeTimes)).toEqual([1, 1]);
  });

  test('is refused the second time, and when the time is over', async () => {
    await sendTexts(world, ['a', 'b']);
    const popped = pop(world);
    expect(await acknowledge(world, popped.slice(0, 1))).toEqual([true]);
    expect(await acknowledge(world, popped.slice(0, 1))).toEqual([false]);
    await world.clock.advance(31_000);
    expect(await acknowledge(world, popped)).toEqual([false, false]);
    const again = pop(world);
    expect(bodies(again)).toEqual(['b']);
    expect(await acknowledge(world, again)).toEqual([true]);
  });

  test('twice in one request counts once', async () => {
    await sendTexts(world, ['a']);
    const [message] = pop(world);
    expect(await acknowledge(world, [message!, message!])).toEqual([true, false]);
  });

  test.each([
    ['another group', { group: 'GID_other' }],
    ['another topic', { topic: 'other' }],
    ['another queue', { queueId: 1 }],
    ['another offset', { offset: 7 }],
    ['another time', { popTime: 1 }],
    ['another check point', { startOffset: 5 }],
    ['a negative offset', { offset: -1, startOffset: -1 }],
    ['numbers that are none', { offset: Number.NaN }],
  ])('by a forged handle of %s does nothing', async (_what, forged) => {
    await sendTexts(world, ['a']);
    const [message] = pop(world);
    const { service } = world.services.pops;
    expect(await service.acknowledge([{ ...message!.lease, ...forged }])).toEqual([false]);
    expect(await service.extend({ ...message!.lease, ...forged }, 1_000)).toBeUndefined();
    expect(await acknowledge(world, [message!])).toEqual([true]);
  });
});

describe('a lease', () => {
  test('that is extended holds longer, under its new name only', async () => {
    await sendTexts(world, ['a']);
    const [message] = pop(world);
    const { service } = world.services.pops;
    await world.clock.advance(20_000);
    const extended = await service.extend(message!.lease, 60_000);
    expect(extended).toMatchObject({ invisibleMs: 60_000 });
    await world.clock.advance(50_000);
    expect(pop(world)).toEqual([]);
    expect(await acknowledge(world, [message!])).toEqual([false]);
    expect(await service.extend(message!.lease, 1_000)).toBeUndefined();
    const name = { ...message!.lease, popTime: extended!.popTime, startOffset: message!.lease.offset };
    expect(await service.acknowledge([name])).toEqual([true]);
    await world.clock.advance(60_000);
    expect(pop(world)).toEqual([]);
  });

  test('that is given back comes again at once', async () => {
    await sendTexts(world, ['a']);
    const [message] = pop(world);
    await world.services.pops.service.extend(message!.lease, 0);
    await world.clock.advance(300);
    expect(bodies(pop(world))).toEqual(['a']);
  });

  test('that ends makes one copy in the retry topic, with the attempts counted, and dead letters after the last', async () => {
    await world.services.groups.put({ ...subscriptionGroupConfig(GROUP), retryMaxTimes: 2 });
    await sendTexts(world, ['poison']);
    const counts: number[] = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      counts.push(...pop(world).map(({ reconsumeTimes }) => reconsumeTimes));
      await world.clock.advance(31_000);
    }
    expect(counts).toEqual([0, 1, 2]);
    expect(world.read(`%RETRY%${GROUP}_orders`).map((message) => message.reconsumeTimes)).toEqual([1, 2]);
    const [dead, ...others] = world.read(`%DLQ%${GROUP}`);
    expect(others).toEqual([]);
    expect(dead?.body.toString()).toBe('poison');
    expect(dead?.properties.get('DLQ_ORIGIN_TOPIC')).toBe('orders');
    expect(dead?.properties.get('ORIGIN_GROUP')).toBe(GROUP);
    expect(world.services.pops.counts).toMatchObject({ revived: 2, dead: 1, lost: 0 });
  });

  test('keeps the retry topic’s second form when that is set', async () => {
    await world.services.pops.stop();
    await world.close();
    world = await BrokerWorld.open({ popRetryTopicV2: true });
    world.services.pops.start();
    await sendTexts(world, ['a']);
    pop(world);
    await world.clock.advance(31_000);
    expect(world.read(`%RETRY%${GROUP}+orders`)).toHaveLength(1);
    expect(bodies(pop(world))).toEqual(['a']);
  });

  test('of a message that expired from the log ends without a copy', async () => {
    await sendTexts(world, ['a']);
    pop(world);
    await world.services.topics.remove('orders', () => world.store.dropTopic('orders'));
    await world.clock.advance(31_000);
    expect(world.services.pops.counts).toMatchObject({ revived: 0, dead: 0, lost: 1 });
  });

  test('is counted as in flight', async () => {
    await sendTexts(world, ['a', 'b', 'c']);
    const popped = pop(world, { countMax: 2 });
    const { service } = world.services.pops;
    expect(service.progress(GROUP)).toEqual([
      { topic: 'orders', queueId: 0, position: 2, maxOffset: 3, inFlight: 2 },
    ]);
    expect(service.inFlight(GROUP, 'orders', 0)).toBe(2);
    await acknowledge(world, popped);
    expect(service.progress(GROUP)[0]).toMatchObject({ position: 2, inFlight: 0 });
    await world.clock.advance(1_100);
    expect(world.services.offsets.find(GROUP, 'orders', 0)).toBe(2);
  });
});

describe('a group that is moved', () => {
  test('back gets messages again; forward skips them', async () => {
    await sendTexts(world, ['a', 'b', 'c']);
    await acknowledge(world, pop(world));
    const reset = { topic: 'orders', group: GROUP, timestamp: 0, queueId: 0 };
    world.services.offsetting.reset({ ...reset, offset: 1 });
    expect(bodies(pop(world))).toEqual(['b', 'c']);
    await sendTexts(world, ['d', 'e']);
    world.services.offsetting.reset({ ...reset, offset: 5 });
    expect(pop(world)).toEqual([]);
  });

  test('or whose topic is deleted is forgotten', async () => {
    await sendTexts(world, ['a']);
    pop(world);
    await world.services.offsets.removeGroup(GROUP);
    expect(world.services.pops.service.progress(GROUP)).toEqual([]);
    expect(bodies(pop(world))).toEqual(['a']);
  });
});

describe('long polling', () => {
  test('is answered by a message of any queue, first come first served', async () => {
    const first = heldPop(world);
    const second = heldPop(world);
    await sendTexts(world, ['a'], { queueId: 2 });
    await world.clock.settle();
    expect(first.flatMap((outcome) => bodies(messagesOf(outcome)))).toEqual(['a']);
    expect(second).toEqual([]);
    await sendTexts(world, ['b'], { queueId: 1 });
    await world.clock.settle();
    expect(second.flatMap((outcome) => bodies(messagesOf(outcome)))).toEqual(['b']);
  });

  test('is answered by a retry', async () => {
    await sendTexts(world, ['a']);
    pop(world);
    const held = heldPop(world, { waitMs: 60_000 });
    await world.clock.advance(31_000);
    expect(held.flatMap((outcome) => bodies(messagesOf(outcome)))).toEqual(['a']);
  });

  test('ends with its time', async () => {
    const held = heldPop(world);
    await world.clock.advance(14_000);
    expect(held).toEqual([]);
    await world.clock.advance(2_000);
    expect(held).toEqual([{ kind: 'none', rest: 0 }]);
  });

  test('is forgotten with its connection: nothing is leased to the dead', async () => {
    const owner = {};
    const held = heldPop(world, {}, owner);
    world.services.pops.service.forget(owner);
    await sendTexts(world, ['a']);
    await world.clock.settle();
    expect(held).toEqual([]);
    expect(bodies(pop(world))).toEqual(['a']);
  });

  test('has room for 1,024 requests of one group and topic', () => {
    const { service } = world.services.pops;
    const outcomes = Array.from({ length: 1_025 }, () => heldPop(world));
    expect(outcomes.filter((outcome) => outcome.length > 0)).toEqual([[{ kind: 'full' }]]);
    expect(service.waiting(GROUP, 'orders')).toBe(1_024);
  });

  test('without popping tells that there is a message', async () => {
    const told: string[] = [];
    world.services.pops.service.notify(popRequest({ waitMs: 15_000 }), {}, (outcome) => told.push(outcome));
    expect(told).toEqual([]);
    await sendTexts(world, ['a']);
    await world.clock.settle();
    expect(told).toEqual(['message']);
    expect(bodies(pop(world))).toEqual(['a']);
    world.services.pops.service.notify(popRequest({ waitMs: 0 }), {}, (outcome) => told.push(outcome));
    expect(told).toEqual(['message', 'none']);
  });
});

describe('an ordered pop', () => {
  const ordered = { isOrdered: true, queueId: 0, countMax: 3 } as const;

  test('blocks its queue until all of it is acknowledged', async () => {
    await sendTexts(world, ['1', '2', '3', '4', '5']);
    const batch = pop(world, ordered);
    expect(batch.map(({ body }) => body)).toEqual(['1', '2', '3']);
    expect(pop(world, ordered)).toEqual([]);
    await acknowledge(world, batch.slice(0, 2));
    expect(pop(world, ordered)).toEqual([]);
    await acknowledge(world, batch.slice(2));
    expect(pop(world, ordered).map(({ body }) => body)).toEqual(['4', '5']);
  });

  test('that is not acknowledged comes again in order, without what was, before all that follows', async () => {
    await sendTexts(world, ['1', '2', '3', '4']);
    const batch = pop(world, ordered);
    await acknowledge(world, [batch[1]!]);
    await world.clock.advance(31_000);
    const again = pop(world, ordered);
    expect(again.map(({ body, attempts }) => [body, attempts])).toEqual([
      ['1', 1],
      ['3', 1],
    ]);
    expect(await acknowledge(world, batch)).toEqual([false, false, false]);
    await acknowledge(world, again);
    const rest = pop(world, ordered);
    expect([...again, ...rest].map(({ body }) => body)).toEqual(['1', '3', '4']);
    expect(world.services.topics.find(`%RETRY%${GROUP}_orders`)).toBeUndefined();
  });

  test('is repeated for who asks with the same attempt id', async () => {
    await sendTexts(world, ['1', '2']);
    const first = pop(world, { ...ordered, attemptId: 'try-1' });
    const again = pop(world, { ...ordered, attemptId: 'try-1' });
    expect(again.map(({ body, attempts }) => [body, attempts])).toEqual([
      ['1', 0],
      ['2', 0],
    ]);
    expect(pop(world, { ...ordered, attemptId: 'try-2' })).toEqual([]);
    expect(await acknowledge(world, again)).toEqual([true, true]);
    expect(first).toHaveLength(2);
  });

  test('waits for its queue, and gets the next batch when the one before is done', async () => {
    await sendTexts(world, ['1', '2', '3', '4']);
    const batch = pop(world, ordered);
    const held = heldPop(world, ordered);
    await acknowledge(world, batch);
    await world.clock.settle();
    expect(held.flatMap((outcome) => bodies(messagesOf(outcome)))).toEqual(['4']);
  });

  test('whose lease is shortened is free as soon as its last message is', async () => {
    await sendTexts(world, ['1', '2']);
    const batch = pop(world, ordered);
    const { service } = world.services.pops;
    await service.extend(batch[0]!.lease, 1_000);
    await world.clock.advance(5_000);
    expect(pop(world, ordered)).toEqual([]);
    await service.extend(batch[1]!.lease, 1_000);
    await world.clock.advance(1_200);
    expect(pop(world, ordered).map(({ body }) => body)).toEqual(['1', '2']);
  });

  test('gives a message up after the last attempt, and goes on', async () => {
    await world.services.groups.put({ ...subscriptionGroupConfig(GROUP), retryMaxTimes: 1 });
    await sendTexts(world, ['poison', 'next']);
    const one = { ...ordered, countMax: 1 };
    for (let attempt = 0; attempt < 2; attempt++) {
      expect(bodies(pop(world, one))).toEqual(['poison']);
      await world.clock.advance(31_000);
    }
    expect(bodies(pop(world, one))).toEqual(['next']);
    expect(world.read(`%DLQ%${GROUP}`).map((message) => message.body.toString())).toEqual(['poison']);
  });
});
