import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import {
  BrokerBusyError,
  ClosedError,
  ConnectError,
  ResponseError,
  RouteNotFoundError,
  TimeoutError,
} from '@cometmq/client';
import { SdkWorld } from '../../../support/sdk-world.ts';

let world: SdkWorld;
beforeEach(async () => {
  world = await SdkWorld.start();
  world.broker.topic('t');
});
afterEach(() => world.stop());

const sends = () => world.broker.asked(RequestCode.SEND_MESSAGE_V2);

describe('send', () => {
  test('resolves with where the message is and how durable', async () => {
    world.broker.intercept = ({ code, extFields }) =>
      code === RequestCode.SEND_MESSAGE_V2
        ? {
            code: 0,
            extFields: {
              msgId: 'AB',
              queueId: extFields?.['e'] ?? '',
              queueOffset: '9007199254740991',
              durability: 'synced',
            },
          }
        : undefined;
    const result = await world.during(world.client().producer().send('t', { body: 'x' }));
    expect(result).toMatchObject({
      offset: 9007199254740991n,
      status: 'SEND_OK',
      durability: 'synced',
      offsetMessageId: 'AB',
    });
    expect(result.messageId).toMatch(/^[0-9A-F]{32}$/);
  });

  test.each([
    [ResponseCode.FLUSH_DISK_TIMEOUT, 'FLUSH_DISK_TIMEOUT'],
    [ResponseCode.FLUSH_SLAVE_TIMEOUT, 'FLUSH_SLAVE_TIMEOUT'],
    [ResponseCode.SLAVE_NOT_AVAILABLE, 'SLAVE_NOT_AVAILABLE'],
  ])('code %d is a success with a status', async (code, status) => {
    const extFields = { msgId: 'AB', queueId: '0', queueOffset: '1' };
    world.broker.intercept = (request) =>
      request.code === RequestCode.SEND_MESSAGE_V2 ? { code, extFields } : undefined;
    await expect(world.during(world.client().producer().send('t', { body: 'x' }))).resolves.toMatchObject({
      status,
    });
  });

  test('retries what another attempt may cure, with the same message id, and no more often than asked', async () => {
    world.broker.intercept = ({ code }) =>
      code === RequestCode.SEND_MESSAGE_V2
        ? { code: ResponseCode.SERVICE_NOT_AVAILABLE, remark: 'disk full' }
        : undefined;
    const sending = world.during(world.client().producer({ retries: 2 }).send('t', { body: 'x' }));
    await expect(sending).rejects.toMatchObject({
      remoteCode: 14,
      kind: 'SERVICE_NOT_AVAILABLE',
      retryable: true,
    });
    expect(sends()).toHaveLength(3);
    expect(new Set(sends().map(({ extFields }) => extFields?.['i'])).size).toBe(1);
  });

  test('a refusal after an attempt without an answer does not say that the message was refused', async () => {
    let attempts = 0;
    world.broker.intercept = ({ code }, channel) => {
      if (code !== RequestCode.SEND_MESSAGE_V2) return undefined;
      if (attempts++ === 0) channel.close();
      return { code: ResponseCode.SERVICE_NOT_AVAILABLE, remark: 'the server is starting, try again' };
    };
    const sending = world.during(world.client().producer({ retries: 2 }).send('t', { body: 'x' }));
    const failure: unknown = await sending.catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TimeoutError);
    expect(failure).toMatchObject({ kind: 'TIMEOUT', retryable: true });
    expect(String(failure)).toContain('it is not known whether t has the message');
    expect((failure as Error).cause).toMatchObject({ kind: 'SERVICE_NOT_AVAILABLE' });
  });

  test('outlasts the start of a broker', async () => {
    const readyAtMs = world.clock.monotonic() + 700;
    world.broker.intercept = ({ code }) =>
      code === RequestCode.SEND_MESSAGE_V2 && world.clock.monotonic() < readyAtMs
        ? { code: ResponseCode.SERVICE_NOT_AVAILABLE, remark: 'the server is starting, try again' }
        : undefined;
    const sent = await world.during(world.client().producer({ retries: 2 }).send('t', { body: 'x' }));
    expect(sent.status).toBe('SEND_OK');
  });

  test('does not retry what can not get better', async () => {
    world.broker.intercept = ({ code }) =>
      code === RequestCode.SEND_MESSAGE_V2
        ? { code: ResponseCode.MESSAGE_ILLEGAL, remark: 'too long' }
        : undefined;
    await expect(world.during(world.client().producer().send('t', { body: 'x' }))).rejects.toBeInstanceOf(
      ResponseError,
    );
    expect(sends()).toHaveLength(1);
  });

  test('waits a little for a busy broker', async () => {
    let busy = 2;
    world.broker.intercept = ({ code }) =>
      code === RequestCode.SEND_MESSAGE_V2 && busy-- > 0
        ? { code: ResponseCode.SYSTEM_BUSY, remark: 'busy' }
        : undefined;
    await world.during(world.client().producer().send('t', { body: 'x' }));
    expect(sends()).toHaveLength(3);
    busy = 99;
    await expect(world.during(world.client().producer().send('t', { body: 'x' }))).rejects.toBeInstanceOf(
      BrokerBusyError,
    );
  });

  test('many sends that wait at a time are no leak that Node warns of', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue(undefined);
    world.broker.intercept = ({ code }) =>
      code === RequestCode.SEND_MESSAGE_V2 ? { code: ResponseCode.SYSTEM_BUSY, remark: 'busy' } : undefined;
    const producer = world.client().producer();
    await world.during(
      Promise.allSettled(Array.from({ length: 12 }, () => producer.send('t', { body: 'x' }))),
    );
    expect(warn).not.toHaveBeenCalled();
  });

  test('keeps trying to reach a broker that refuses connections until the time is over: nothing was sent', async () => {
    const producer = world.client().producer({ sendTimeout: '3s', retries: 0 });
    await world.during(producer.send('t', { body: 'first' }));
    world.net.refuse(world.broker.port);
    world.net.cut(world.broker.port);
    await world.clock.settle();
    const sending = producer.send('t', { body: 'second' });
    sending.catch(() => undefined);
    await world.clock.advance(1000);
    world.net.refuse(world.broker.port, false);
    await expect(world.during(sending)).resolves.toMatchObject({ status: 'SEND_OK' });
    world.net.refuse(world.broker.port);
    world.net.cut(world.broker.port);
    await world.clock.settle();
    await expect(world.during(producer.send('t', { body: 'third' }))).rejects.toBeInstanceOf(ConnectError);
    expect(world.broker.bodies('t').sort()).toEqual(['first', 'second']);
  });

  test('times out in all, and stops at once when aborted', async () => {
    world.broker.intercept = ({ code }) => (code === RequestCode.SEND_MESSAGE_V2 ? null : undefined);
    const producer = world.client().producer({ sendTimeout: '1s' });
    await expect(world.during(producer.send('t', { body: 'x' }))).rejects.toBeInstanceOf(TimeoutError);
    const abort = new AbortController();
    abort.abort(new Error('enough'));
    await expect(world.during(producer.send('t', { body: 'x' }, { signal: abort.signal }))).rejects.toThrow(
      'enough',
    );
  });

  test('a topic nobody knows: the error says who was asked; with a template topic it is created by sending', async () => {
    const producer = world.client().producer();
    const unknown = world.during(producer.send('new', { body: 'x' }));
    await expect(unknown).rejects.toBeInstanceOf(RouteNotFoundError);
    await expect(unknown).rejects.toThrow(/127\.0\.0\.1:10911 does not know it/);
    world.broker.topic('TBW102', 8);
    world.broker.intercept = ({ code, extFields }) => {
      if (code === RequestCode.SEND_MESSAGE_V2 && world.broker.count('new') === 0)
        world.broker.topic('new', Number(extFields?.['d']));
      return undefined;
    };
    await world.during(producer.send('new', { body: 'x' }));
    expect(sends()[0]?.extFields).toMatchObject({ b: 'new', c: 'TBW102', d: '4' });
    expect(Number(sends()[0]?.extFields?.['e'])).toBeLessThan(4);
    expect(world.broker.bodies('new')).toEqual(['x']);
  });

  test('compresses large bodies only where that helps', async () => {
    const producer = world.client().producer({ compressOver: 100 });
    await world.during(producer.send('t', { body: 'a'.repeat(1000) }));
    await world.during(producer.send('t', { body: 'a' }));
    expect(sends().map(({ extFields, body }) => [extFields?.['f'], (body?.length ?? 0) < 100])).toEqual([
      ['769', true],
      ['0', true],
    ]);
  });
});

describe('order', () => {
  test('of one key only one message is on its way; other keys do not wait', async () => {
    const held: (() => void)[] = [];
    world.broker.intercept = (request, channel) => {
      if (request.code !== RequestCode.SEND_MESSAGE_V2) return undefined;
      held.push(() =>
        channel.reply(request, { code: 0, extFields: { msgId: 'A', queueId: '0', queueOffset: '0' } }),
      );
      return null;
    };
    const producer = world.client().producer();
    const all = ['a', 'a', 'b'].map((shardingKey, n) =>
      producer.send('t', { body: `${shardingKey}${n}`, shardingKey }),
    );
    await world.clock.settle();
    expect(sends().map(({ body }) => body?.toString())).toEqual(['a0', 'b2']);
    for (let n = 0; n < 3; n++) {
      held.shift()?.();
      await world.clock.settle();
    }
    await Promise.all(all);
    expect(sends()).toHaveLength(3);
  });

  test('the next message of a key is sent even when the one before failed', async () => {
    let first = true;
    world.broker.intercept = ({ code }) => {
      if (code !== RequestCode.SEND_MESSAGE_V2 || !first) return undefined;
      first = false;
      return { code: ResponseCode.MESSAGE_ILLEGAL };
    };
    const producer = world.client().producer();
    const [one, two] = [1, 2].map((n) => producer.send('t', { body: `${n}`, shardingKey: 'k' }));
    await expect(world.during(one!)).rejects.toBeInstanceOf(ResponseError);
    await expect(world.during(two!)).resolves.toMatchObject({ status: 'SEND_OK' });
  });
});

describe('limits', () => {
  test('too many messages on their way are refused, not queued without end', async () => {
    world.broker.intercept = ({ code }) => (code === RequestCode.SEND_MESSAGE_V2 ? null : undefined);
    const producer = world.client().producer({ maxInFlight: 2, sendTimeout: '1s' });
    const sending = [producer.send('t', { body: '1' }), producer.send('t', { body: '2' })];
    for (const send of sending) send.catch(() => undefined);
    await expect(producer.send('t', { body: '3' })).rejects.toBeInstanceOf(BrokerBusyError);
    expect(producer.stats()).toMatchObject({ inFlight: 2, inFlightBytes: 2 });
    await world.during(Promise.allSettled(sending));
    expect(producer.stats()).toMatchObject({ inFlight: 0, inFlightBytes: 0 });
  });

  test('one-way messages that never left are counted', async () => {
    const producer = world.client().producer();
    producer.sendOneway('nowhere', { body: 'x' });
    producer.sendOneway('t', { body: 'y' });
    await world.clock.settle();
    expect(producer.stats().onewayDropped).toBe(1);
    expect(world.broker.bodies('t')).toEqual(['y']);
  });
});

test('a batch answers for each item: refused here, refused there, or stored', async () => {
  const producer = world.client().producer({ maxBatchSize: 300 });
  const bodies = ['a', 'b', '', 'c'].map((text) => ({ body: text === '' ? '' : text.repeat(40) }));
  let batches = 0;
  world.broker.intercept = ({ code }) =>
    code === RequestCode.SEND_BATCH_MESSAGE && ++batches === 1
      ? { code: ResponseCode.MESSAGE_ILLEGAL }
      : undefined;
  const results = await world.during(producer.sendBatch('t', bodies));
  expect(results.map(({ ok }) => ok)).toEqual([false, false, false, true]);
  expect(results[3]).toMatchObject({ result: { topic: 't', status: 'SEND_OK' } });
  expect(world.broker.bodies('t')).toEqual(['c'.repeat(40)]);
});

test('close waits for what is on its way; afterwards nothing is sent', async () => {
  const client = world.client();
  const producer = client.producer({ group: 'PG' });
  world.net.latencyMs = 100;
  const sending = producer.send('t', { body: 'x' });
  const closing = producer.close();
  await expect(world.during(sending)).resolves.toMatchObject({ status: 'SEND_OK' });
  await world.during(closing);
  await expect(producer.send('t', { body: 'y' })).rejects.toBeInstanceOf(ClosedError);
  expect(world.broker.asked(RequestCode.UNREGISTER_CLIENT)[0]?.extFields).toMatchObject({
    producerGroup: 'PG',
  });
});
