import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { assignmentHandlers } from '@cometmq/broker/doors/remoting/assignment-handlers';
import { popHandlers } from '@cometmq/broker/doors/remoting/pop-handlers';
import { RemotingClients } from '@cometmq/broker/doors/remoting/remoting-client-channel';
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { errorReply } from '@cometmq/remoting/protocol/error-reply';
import type { Reply } from '@cometmq/remoting/protocol/remoting-command';
import { requestCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import { BrokerWorld } from '../../../../support/broker-world.ts';
import { GROUP, sendTexts } from '../../../../support/pop-world.ts';

let world: BrokerWorld;
let replies: Reply[];

beforeEach(async () => {
  world = await BrokerWorld.open();
  await world.services.topics.put(topicConfig('orders', 2));
  world.services.pops.start();
  replies = [];
});

afterEach(async () => {
  await world.services.pops.stop();
  await world.close();
});

/** What the door answers, at once or later. */
async function ask(
  code: number,
  extFields: Record<string, string>,
  body?: unknown,
  congested = false,
): Promise<Reply | undefined> {
  const { pops, assignments } = world.services;
  const clients = new RemotingClients('broker-a');
  const table = [...popHandlers(pops.service, clients, 'broker-a'), ...assignmentHandlers(assignments)];
  const handler = table.find(([known]) => known === code)?.[1];
  const channel = {
    congested,
    isClosed: false,
    reply: (_command: unknown, reply: Reply): void => void replies.push(reply),
  } as unknown as RemotingChannel;
  const text = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  const command = requestCommand({ code, extFields, body: text }, 1, false);
  try {
    return (await handler?.(command, channel)) ?? replies.shift();
  } catch (error) {
    return errorReply(error);
  }
}

const POP = {
  consumerGroup: GROUP,
  topic: 'orders',
  queueId: '-1',
  maxMsgNums: '32',
  invisibleTime: '30000',
  pollTime: '0',
  bornTime: '0',
  initMode: '0',
  expType: 'TAG',
  exp: '*',
};

const pop = (change: Record<string, string> = {}): Promise<Reply | undefined> =>
  ask(RequestCode.POP_MESSAGE, { ...POP, ...change });

/** The receipt handle that Java's client makes of an answer. */
function handle(
  reply: Reply | undefined,
  queueId: number,
  start: number,
  offset = start,
): Record<string, string> {
  const { popTime, invisibleTime, reviveQid } = reply?.extFields ?? {};
  const extraInfo = [start, popTime, invisibleTime, reviveQid, 0, 'broker-a', queueId, offset].join(' ');
  return { consumerGroup: GROUP, topic: 'orders', queueId: `${queueId}`, offset: `${offset}`, extraInfo };
}

describe('POP_MESSAGE', () => {
  test('tells queues and offsets as Java’s client reads them', async () => {
    await sendTexts(world, ['a', 'b'], { queueId: 1 });
    await sendTexts(world, ['c'], { queueId: 0 });
    const reply = await pop();
    expect(reply).toMatchObject({ code: 0, remark: 'FOUND' });
    const { startOffsetInfo, msgOffsetInfo, restNum } = reply!.extFields!;
    expect(startOffsetInfo?.split(';').sort()).toEqual(['0 0 0', '0 1 0']);
    expect(msgOffsetInfo?.split(';').sort()).toEqual(['0 0 0', '0 1 0,1']);
    expect(restNum).toBe('0');
    expect(
      decodeMessages(reply!.body!)
        .map((message) => message.body.toString())
        .sort(),
    ).toEqual(['a', 'b', 'c']);
  });

  test('gives retries under their own topic, with the handle among their properties', async () => {
    await sendTexts(world, ['a']);
    await pop();
    await world.clock.advance(31_000);
    const reply = await pop();
    const [message] = decodeMessages(reply!.body!);
    expect([message?.topic, message?.reconsumeTimes]).toEqual(['orders', 1]);
    expect(reply?.extFields).toMatchObject({ startOffsetInfo: '1 0 0', msgOffsetInfo: '1 0 0' });
    const { popTime, reviveQid } = reply!.extFields!;
    const extraInfo = message!.properties.get('POP_CK')!;
    expect(extraInfo).toBe(`0 ${popTime} 30000 ${reviveQid} 1 broker-a 0 0`);
    const place = { topic: `%RETRY%${GROUP}_orders`, queueId: '0', offset: '0' };
    const acked = await ask(RequestCode.ACK_MESSAGE, { consumerGroup: GROUP, ...place, extraInfo });
    expect(acked?.code).toBe(0);
  });

  test.each([
    ['nothing is there', {}, 210],
    ['the topic is unknown', { topic: 'nowhere' }, 17],
    ['too many messages are asked for', { maxMsgNums: '33' }, 29],
    ['the queue is not there', { queueId: '2' }, 29],
    ['the filter is none', { expType: 'SQL92', exp: 'a ==' }, 23],
  ])('has whole header fields when %s', async (_what, change, code) => {
    const reply = await pop(change);
    expect(reply?.code).toBe(code);
    expect(Object.keys(reply?.extFields ?? {})).toEqual(
      expect.arrayContaining(['popTime', 'invisibleTime', 'reviveQid', 'restNum']),
    );
  });

  test('leases nothing to a client that does not read its answers', async () => {
    await sendTexts(world, ['a']);
    expect((await ask(RequestCode.POP_MESSAGE, POP, undefined, true))?.code).toBe(210);
    expect(world.services.pops.service.progress(GROUP)).toEqual([]);
  });

  test('in order tells how often a message was given out before', async () => {
    await sendTexts(world, ['a', 'b']);
    const first = await pop({ order: 'true', queueId: '0' });
    expect([first?.extFields?.['orderCountInfo'], first?.extFields?.['reviveQid']]).toEqual([
      undefined,
      '999',
    ]);
    await world.clock.advance(31_000);
    const again = await pop({ order: 'true', queueId: '0' });
    expect(again?.extFields?.['orderCountInfo']).toBe('0 qo0%0 1;0 qo0%1 1');
  });
});

describe('a receipt handle', () => {
  test('is good once', async () => {
    await sendTexts(world, ['a']);
    const name = handle(await pop(), 0, 0);
    expect((await ask(RequestCode.ACK_MESSAGE, name))?.code).toBe(0);
    expect(await ask(RequestCode.ACK_MESSAGE, name)).toMatchObject({ code: 208, remark: /lease/ });
  });

  test('is replaced when the invisible time changes', async () => {
    await sendTexts(world, ['a']);
    const old = handle(await pop(), 0, 0);
    await world.clock.advance(5);
    const changed = await ask(RequestCode.CHANGE_MESSAGE_INVISIBLETIME, { ...old, invisibleTime: '60000' });
    expect(changed).toMatchObject({ code: 0, extFields: { invisibleTime: '60000' } });
    expect((await ask(RequestCode.ACK_MESSAGE, old))?.code).toBe(208);
    expect((await ask(RequestCode.CHANGE_MESSAGE_INVISIBLETIME, { ...old, invisibleTime: '1' }))?.code).toBe(
      208,
    );
    expect((await ask(RequestCode.ACK_MESSAGE, handle(changed, 0, 0)))?.code).toBe(0);
  });

  test.each([
    '',
    ' ',
    'garbage',
    '0 0 0 0 0 broker-a 0',
    '0 1 2 3',
    '-1 1795214696316 60000 0 0 broker-a 0 0',
    '0 99999999999999999999 60000 0 0 broker-a 0 0',
    '0 NaN 60000 0 0 broker-a 0 0',
    '0 1795214696316 60000 0 0 broker-a 1 0',
    '9 '.repeat(10_000),
    '0\u00001795214696316 60000 0 0 broker-a 0 0',
  ])('that is none is refused: %s', async (extraInfo) => {
    await sendTexts(world, ['a']);
    const good = handle(await pop(), 0, 0);
    expect((await ask(RequestCode.ACK_MESSAGE, { ...good, extraInfo }))?.code).toBe(208);
    const change = { ...good, extraInfo, invisibleTime: '1000' };
    expect((await ask(RequestCode.CHANGE_MESSAGE_INVISIBLETIME, change))?.code).toBe(208);
    expect((await ask(RequestCode.ACK_MESSAGE, good))?.code).toBe(0);
  });

  test.each([
    ['a topic that is not there', { topic: 'nowhere' }, 17],
    ['a queue that is not there', { queueId: '7' }, 13],
    ['a negative queue', { queueId: '-1' }, 13],
    ['an offset that nobody has', { offset: '99' }, 208],
  ])('with %s is refused', async (_what, change, code) => {
    await sendTexts(world, ['a']);
    const good = handle(await pop(), 0, 0);
    expect((await ask(RequestCode.ACK_MESSAGE, { ...good, ...change }))?.code).toBe(code);
  });
});

describe('BATCH_ACK_MESSAGE', () => {
  test('acknowledges what its bits say', async () => {
    await sendTexts(world, ['a', 'b', 'c']);
    const popped = await pop();
    const one = {
      c: GROUP,
      t: 'orders',
      q: 0,
      so: 0,
      pt: Number(popped!.extFields!['popTime']),
      r: '0',
      rq: 0,
    };
    const bits = Buffer.of(0b101).toString('base64');
    const reply = await ask(
      RequestCode.BATCH_ACK_MESSAGE,
      {},
      { brokerName: 'broker-a', acks: [{ ...one, b: bits }] },
    );
    expect(reply?.code).toBe(0);
    expect(world.services.pops.service.inFlight(GROUP, 'orders', 0)).toBe(1);
    expect((await ask(RequestCode.ACK_MESSAGE, handle(popped, 0, 0, 1)))?.code).toBe(0);
  });

  test.each([
    [{}],
    [{ acks: null }],
    [{ acks: [{}] }],
    [{ acks: [{ c: GROUP, t: 'orders', q: 0, so: -5, pt: 1, r: '0', b: 'AQ==' }] }],
    [{ acks: [{ c: GROUP, t: 'orders', q: 'x', so: {}, pt: [], r: 7, b: '%%%' }] }],
    [
      {
        acks: [
          {
            c: GROUP,
            t: 'orders',
            q: 0,
            so: 0,
            pt: 1,
            r: '2',
            b: Buffer.alloc(20_000, 255).toString('base64'),
          },
        ],
      },
    ],
  ])('with nonsense does nothing: %j', async (body) => {
    const reply = await ask(RequestCode.BATCH_ACK_MESSAGE, {}, body);
    expect([29, 208]).toContain(reply?.code);
  });
});

test('NOTIFICATION and POLLING_INFO tell of messages and of requests that wait', async () => {
  const place = { consumerGroup: GROUP, topic: 'orders', queueId: '-1' };
  const idle = await ask(RequestCode.NOTIFICATION, { ...place, pollTime: '0', bornTime: '0' });
  expect(idle?.extFields).toEqual({ hasMsg: 'false', pollingFull: 'false' });
  expect(await pop({ pollTime: '15000' })).toBeUndefined();
  expect((await ask(RequestCode.POLLING_INFO, place))?.extFields).toEqual({ pollingNum: '1' });
  await sendTexts(world, ['a', 'b']);
  await world.clock.settle();
  expect(replies.map(({ code }) => code)).toEqual([0]);
  replies = [];
  await sendTexts(world, ['c']);
  const busy = await ask(RequestCode.NOTIFICATION, { ...place, pollTime: '0', bornTime: '0' });
  expect(busy?.extFields).toEqual({ hasMsg: 'true', pollingFull: 'false' });
});

describe('assignment', () => {
  const query = {
    consumerGroup: GROUP,
    topic: 'orders',
    clientId: 'c1',
    messageModel: 'CLUSTERING',
    strategyName: 'AVG',
  };
  const setMode = (change: object = {}): Promise<Reply | undefined> =>
    ask(
      RequestCode.SET_MESSAGE_REQUEST_MODE,
      {},
      { consumerGroup: GROUP, topic: 'orders', mode: 'POP', popShareQueueNum: 0, ...change },
    );

  function join(...clientIds: string[]): void {
    for (const clientId of clientIds) {
      const channel = { remote: clientId, isClosed: false, close: (): void => undefined } as never;
      const beat = {
        consumeType: 'CONSUME_PASSIVELY',
        messageModel: 'CLUSTERING',
        consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
        subscriptions: [],
      } as const;
      world.services.consumers.beat(
        GROUP,
        channel,
        { clientId, language: 'JAVA', version: 493 },
        beat,
        false,
      );
    }
  }

  async function assigned(change: object = {}): Promise<unknown> {
    const reply = await ask(RequestCode.QUERY_ASSIGNMENT, {}, { ...query, ...change });
    return JSON.parse(reply!.body!.toString());
  }

  const queue = (queueId: number, mode = 'PULL', topic = 'orders'): object => ({
    messageQueue: { brokerName: 'broker-a', queueId, topic },
    mode,
  });

  test('shares queues among those who pull, and gives all to those who pop', async () => {
    join('c1', 'c2');
    expect(await assigned()).toEqual({ messageQueueAssignments: [queue(0)] });
    expect(await assigned({ clientId: 'c2', strategyName: 'AVG_BY_CIRCLE' })).toEqual({
      messageQueueAssignments: [queue(1)],
    });
    expect((await setMode())?.code).toBe(0);
    expect(await assigned()).toEqual({ messageQueueAssignments: [queue(-1, 'POP')] });
    const own = `%RETRY%${GROUP}`;
    await world.services.topics.put(topicConfig(own, 1));
    expect(await assigned({ topic: own })).toEqual({ messageQueueAssignments: [queue(0, 'PULL', own)] });
  });

  test('lets queues be shared by some', async () => {
    await world.services.topics.put(topicConfig('orders', 6));
    join('c1', 'c2', 'c3');
    await setMode({ popShareQueueNum: 1 });
    expect(await assigned({ clientId: 'c3' })).toEqual({
      messageQueueAssignments: [4, 5, 0, 1].map((id) => queue(id, 'POP')),
    });
  });

  test('tells strangers that they have nothing, and nobody anything of what is unknown', async () => {
    expect(await assigned()).toEqual({});
    join('c1');
    expect(await assigned({ clientId: 'c9' })).toEqual({ messageQueueAssignments: [] });
    expect(await assigned({ topic: 'nowhere' })).toEqual({});
    expect(await assigned({ strategyName: 'MOON_PHASE' })).toEqual({});
    expect(await assigned({ messageModel: 'BROADCASTING' })).toEqual({
      messageQueueAssignments: [queue(0), queue(1)],
    });
  });

  test.each([
    ['a retry topic', { topic: `%RETRY%${GROUP}` }, 16],
    ['an unknown topic', { topic: 'nowhere' }, 17],
    ['a mode that is none', { mode: 'PUSH' }, 29],
    ['an illegal group', { consumerGroup: 'a b' }, 26],
  ])('refuses a mode for %s', async (_what, change, code) => {
    expect((await setMode(change))?.code).toBe(code);
  });

  test('keeps modes over a restart', async () => {
    await setMode();
    const { clock, disk, kv } = world;
    await world.services.pops.stop();
    await world.close();
    world = await BrokerWorld.open({}, { clock, disk, kv });
    expect(world.services.modes.of(GROUP, 'orders')).toEqual({ mode: 'POP', shareQueues: 0 });
  });
});
