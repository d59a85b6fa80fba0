import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { tags, Unrecoverable } from '@cometmq/client';
import { SdkWorld } from '../../../support/sdk-world.ts';

let world: SdkWorld;
beforeEach(async () => {
  world = await SdkWorld.start();
  world.broker.topic('t', 2);
});
afterEach(() => world.stop());

const consume: SdkWorld['consume'] = (...given) => world.consume(...given);
const committed = (queue: number, topic = 't') => world.broker.offsets.get(`g ${topic} ${queue}`);

describe('progress', () => {
  test('is committed every 5 s, up to the first unfinished message, and at the end on close', async () => {
    const release: (() => void)[] = [];
    for (const body of ['0', '1', '2']) world.broker.put('t', 0, body);
    const worker = await consume((m) =>
      m.body.toString() === '1' ? new Promise<void>((resolve) => release.push(resolve)) : undefined,
    );
    await world.clock.advance(5100);
    expect(committed(0)).toBe(1);
    release[0]?.();
    await world.clock.settle();
    await world.during(worker.close());
    expect(committed(0)).toBe(3);
  });

  test('a commit that failed is repeated although nothing moved', async () => {
    const refusePulls = (code: number) => code === RequestCode.UPDATE_CONSUMER_OFFSET;
    world.broker.put('t', 0, '0');
    await consume(() => undefined);
    world.broker.intercept = ({ code }) =>
      refusePulls(code) ? { code: ResponseCode.SYSTEM_ERROR } : undefined;
    await world.clock.advance(5100);
    expect(committed(0)).toBeUndefined();
    world.broker.intercept = () => undefined;
    await world.clock.advance(5100);
    expect(committed(0)).toBe(1);
  });

  test('a restart goes on where the group stopped', async () => {
    world.broker.put('t', 0, 'old');
    await world.during((await consume(() => undefined)).close());
    world.broker.put('t', 0, 'new');
    const got: string[] = [];
    await consume((m) => void got.push(m.body.toString()));
    await world.clock.settle();
    expect(got).toEqual(['new']);
  });

  test('a new group starts at the end, but misses nothing of a queue that appears later', async () => {
    world.broker.put('t', 0, 'old');
    const got: string[] = [];
    await consume((m) => void got.push(m.body.toString()), { startFrom: 'latest', topics: ['t', 'later'] });
    await world.clock.settle();
    world.broker.topic('later', 1);
    world.broker.put('later', 0, 'first of its topic');
    world.broker.put('t', 0, 'new');
    await world.clock.advance(35_000);
    expect(got.sort()).toEqual(['first of its topic', 'new']);
  });

  test('an offset the broker does not have is corrected by it', async () => {
    world.broker.offsets.set('g t 0', 50);
    world.broker.put('t', 0, '0');
    const got: string[] = [];
    await consume((m) => void got.push(m.body.toString()));
    await world.clock.settle();
    world.broker.put('t', 0, '1');
    await world.clock.settle();
    expect(got).toEqual(['1']);
    expect(committed(0)).toBe(1);
  });
});

describe('retry', () => {
  const backs = () =>
    world.broker.asked(RequestCode.CONSUMER_SEND_MSG_BACK).map(({ extFields }) => extFields?.['delayLevel']);

  test('throwing asks the broker for its ladder, retryIn for the next longer level, then dead letters', async () => {
    const attempts: number[] = [];
    const dead: string[] = [];
    const worker = await consume(
      (m, ctx) => {
        attempts.push(m.attempt);
        expect(m.topic).toBe('t');
        if (m.attempt === 2) return ctx.retryIn('20s');
        throw new Error('no');
      },
      { retry: { attempts: 3 } },
    );
    worker.on('deadLetter', (m, error) => dead.push(`${m.body.toString()} ${error?.message ?? ''}`));
    world.broker.put('t', 0, 'x', { UNIQ_KEY: 'U' });
    await world.clock.advance(5000);
    expect(attempts).toEqual([1, 2, 3, 4]);
    expect(backs()).toEqual(['0', '4', '0', '-1']);
    expect(dead).toEqual(['x no']);
    expect(world.broker.bodies('%DLQ%g')).toEqual(['x']);
    await world.clock.advance(5100);
    expect([committed(0), committed(0, '%RETRY%g')]).toEqual([1, 3]);
  });

  test('what can never succeed goes to the dead letters at once', async () => {
    world.broker.put('t', 0, 'x');
    world.broker.put('t', 1, '{', {});
    const codec = { encode: () => Buffer.from(''), decode: (bytes: Buffer) => bytes };
    await consume(
      () => {
        throw new Unrecoverable('never');
      },
      { topics: [{ name: 't', codec }] },
    );
    await world.clock.settle();
    expect(backs()).toEqual(['-1', '-1']);
  });

  test('if the broker can not take a message back it is sent to the retry topic; if that fails too it is retried here', async () => {
    let failing = true;
    world.broker.intercept = ({ code }) =>
      code === RequestCode.CONSUMER_SEND_MSG_BACK || (failing && code === RequestCode.SEND_MESSAGE_V2)
        ? { code: ResponseCode.SYSTEM_ERROR }
        : undefined;
    const attempts: number[] = [];
    world.broker.put('t', 0, 'x', { UNIQ_KEY: 'U', own: '1' });
    await consume((m) => {
      attempts.push(m.attempt);
      if (m.attempt < 3) throw new Error('no');
    });
    await world.clock.advance(1000);
    expect(attempts).toEqual([1]);
    failing = false;
    await world.clock.advance(5000);
    expect(attempts).toEqual([1, 2, 3]);
    const resent = world.broker.asked(RequestCode.SEND_MESSAGE_V2).at(-1)?.extFields;
    expect(resent).toMatchObject({ a: 'CLIENT_INNER_PRODUCER', b: '%RETRY%g', j: '2', l: '16' });
    expect(resent?.['i']).toContain('RETRY_TOPIC\u0001t');
    await world.clock.advance(5100);
    expect(committed(0)).toBe(1);
  });

  test('a handler that takes too long is told so, and its message goes back after level 3', async () => {
    world.broker.put('t', 0, 'x');
    let reason: unknown;
    await consume(
      (m, { signal }) =>
        m.attempt > 1
          ? undefined
          : new Promise<void>((resolve) =>
              signal.addEventListener('abort', () => {
                reason = signal.reason;
                resolve();
              }),
            ),
      { timeout: '30s' },
    );
    await world.clock.advance(31_000);
    expect(String(reason)).toContain('longer than 30000 ms');
    expect(backs()).toEqual(['3']);
  });

  test('a broadcast reports and drops what fails', async () => {
    world.broker.put('t', 0, 'x');
    const dead: string[] = [];
    const worker = await consume(() => Promise.reject(new Error('no')), { mode: 'broadcast' });
    worker.on('deadLetter', (m) => dead.push(m.body.toString()));
    world.broker.put('t', 0, 'y');
    await world.clock.settle();
    expect(dead).toContain('y');
    expect(backs()).toEqual([]);
    await world.clock.advance(10_000);
    expect(world.broker.asked(RequestCode.UPDATE_CONSUMER_OFFSET)).toEqual([]);
  });
});

describe('limits', () => {
  test('no more handlers than allowed, no more messages held than prefetched', async () => {
    for (let n = 0; n < 30; n++) world.broker.put('t', n % 2, `${n}`);
    const release: (() => void)[] = [];
    const worker = await consume(() => new Promise<void>((resolve) => release.push(resolve)), {
      concurrency: 3,
      prefetch: 5,
    });
    await world.clock.settle();
    expect(release).toHaveLength(3);
    expect(worker.health()).toMatchObject({ handlers: 3, buffered: 10 });
    for (let n = 0; n < 30; n++) {
      release.shift()?.();
      await world.clock.settle();
      expect(worker.health().buffered).toBeLessThanOrEqual(10);
    }
    await world.clock.settle();
    expect(worker.health().buffered).toBe(0);
  });

  test('batches fill up to their size, or wait no longer than asked', async () => {
    const sizes: number[] = [];
    const handleBatch = (messages: readonly unknown[]) => void sizes.push(messages.length);
    await consume(() => undefined, {
      handle: undefined,
      handleBatch,
      batch: { max: 4, within: '200ms' },
    } as never);
    for (let n = 0; n < 6; n++) world.broker.put('t', 0, `${n}`);
    await world.clock.settle();
    await world.clock.advance(100);
    expect(sizes).toEqual([4]);
    await world.clock.advance(150);
    expect(sizes).toEqual([4, 2]);
  });

  test('tags that share a hash with a wanted one are sorted out here', async () => {
    const got: string[] = [];
    await consume((m) => void got.push(m.tag ?? ''), { filter: tags('Aa') });
    world.broker.put('t', 0, 'x', { TAGS: 'BB' });
    world.broker.put('t', 0, 'y', { TAGS: 'Aa' });
    await world.clock.settle();
    expect(got).toEqual(['Aa']);
  });
});

describe('rebalance', () => {
  test('gives up queues to a new member at once and takes them back when it leaves', async () => {
    const revoked: number[] = [];
    const worker = await consume(() => undefined);
    worker.on('revoked', (queues) =>
      revoked.push(...queues.filter(({ topic }) => topic === 't').map(({ id }) => id)),
    );
    world.broker.addGhost('g', 'a-ghost');
    await world.clock.settle();
    expect(revoked).toEqual([0]);
    world.broker.tell('g', RequestCode.NOTIFY_CONSUMER_IDS_CHANGED, { consumerGroup: 'g' });
    await world.clock.advance(21_000);
    expect(worker.health().queues).toBeGreaterThanOrEqual(1);
  });

  test('a list without this member is no reason to give up everything', async () => {
    const worker = await consume(() => undefined);
    const before = worker.health().queues;
    world.broker.intercept = ({ code }) =>
      code === RequestCode.GET_CONSUMER_LIST_BY_GROUP
        ? { code: 0, body: Buffer.from('{"consumerIdList":["other"]}') }
        : undefined;
    await world.clock.advance(25_000);
    expect(worker.health().queues).toBe(before);
  });

  test('a broker that restarted hears who we are before its first pull, and consumption goes on', async () => {
    const got: string[] = [];
    await consume((m) => void got.push(m.body.toString()));
    world.net.refuse(world.broker.port);
    world.net.cut(world.broker.port);
    await world.clock.advance(3000);
    expect(world.broker.members('g')).toEqual([]);
    world.net.refuse(world.broker.port, false);
    world.broker.put('t', 0, 'after');
    await world.clock.advance(6000);
    expect(got).toEqual(['after']);
    expect(world.broker.members('g')).toEqual(['client-1']);
  });
});

describe('ordered queues', () => {
  test('one message at a time, a failing one before all later ones, only with the lock', async () => {
    const log: string[] = [];
    let running = 0;
    await consume(
      async (m) => {
        expect(++running).toBe(1);
        await Promise.resolve();
        running--;
        log.push(`${m.body.toString()}/${m.attempt}`);
        if (m.body.toString() === '1' && m.attempt < 3) throw new Error('not yet');
      },
      { order: 'queue', topics: ['t'] },
    );
    for (let n = 0; n < 4; n++) world.broker.put('t', 0, `${n}`);
    await world.clock.advance(2500);
    expect(log).toEqual(['0/1', '1/1', '1/2', '1/3', '2/1', '3/1']);
    expect(world.broker.locks.get('t 0')).toBe('client-1');
  });

  test('a queue locked by another member is left alone until it is free', async () => {
    world.broker.locks.set('t 0', 'somebody');
    const got: string[] = [];
    const worker = world.client().consume({
      group: 'g',
      topics: ['t'],
      order: 'queue',
      startFrom: 'earliest',
      handle: (m) => void got.push(m.body.toString()),
    });
    world.broker.put('t', 0, 'x');
    await world.clock.advance(5000);
    expect(got).toEqual([]);
    world.broker.locks.clear();
    await world.during(worker.ready());
    await world.clock.advance(2000);
    expect(got).toEqual(['x']);
  });

  test('on leaving, the message at work may end and counts, then the queue is unlocked', async () => {
    let end: () => void = () => undefined;
    world.broker.put('t', 0, 'slow');
    await consume(() => new Promise<void>((resolve) => (end = resolve)), { order: 'queue' });
    await world.clock.settle();
    world.broker.addGhost('g', 'a-ghost');
    await world.clock.settle();
    expect(world.broker.locks.get('t 0')).toBe('client-1');
    end();
    await world.clock.settle();
    expect(world.broker.locks.get('t 0')).toBeUndefined();
    expect(committed(0)).toBe(1);
  });
});

describe('close', () => {
  test('lets handlers end, commits, unlocks, unregisters, and leaves no timer', async () => {
    let end: () => void = () => undefined;
    world.broker.put('t', 0, 'slow');
    const client = world.client();
    const worker = client.consume({
      group: 'g',
      topics: ['t'],
      order: 'queue',
      startFrom: 'earliest',
      handle: () => new Promise<void>((resolve) => (end = resolve)),
    });
    await world.during(worker.ready());
    await world.clock.settle();
    const closing = client.close({ drain: '10s' });
    await world.clock.advance(3000);
    expect(world.broker.members('g')).toEqual(['client-1']);
    const before = world.broker.requests.length;
    end();
    await world.during(closing);
    const after = world.broker.requests.slice(before).map(({ code }) => code);
    const order = [
      RequestCode.UPDATE_CONSUMER_OFFSET,
      RequestCode.UNLOCK_BATCH_MQ,
      RequestCode.UNREGISTER_CLIENT,
    ];
    expect(
      after
        .filter((code) => order.some((wanted) => wanted === code))
        .filter((code, n, all) => all[n - 1] !== code),
    ).toEqual(order);
    expect(committed(0)).toBe(1);
    await world.broker.close();
    await world.clock.advance(20_000);
    expect(world.clock.timerCount).toBe(0);
  });

  test('after the drain time, or on a second call, handlers are told to abort and their messages come again', async () => {
    world.broker.put('t', 0, 'stuck');
    let aborted = false;
    const worker = await consume(
      (_, { signal }) => new Promise<void>(() => signal.addEventListener('abort', () => (aborted = true))),
    );
    await world.clock.settle();
    const closing = worker.close({ drain: '1h' });
    await world.clock.advance(1000);
    expect(aborted).toBe(false);
    void worker.close();
    await world.during(closing);
    expect(aborted).toBe(true);
    expect(committed(0) ?? 0).toBe(0);
  });
});

test('options that make no sense are refused by name', () => {
  const client = world.client();
  const handle = () => undefined;
  const bad: [object, RegExp][] = [
    [{ group: 'bad group' }, /illegal characters/],
    [{ topics: [] }, /topics/],
    [{ topics: ['t', 't'] }, /twice/],
    [{ concurrency: 0 }, /concurrency/],
    [{ prefetch: 1.5 }, /prefetch/],
    [{ handle: undefined }, /handle/],
    [{ timeout: 'soon' }, /timeout/],
  ];
  for (const [options, message] of bad) {
    expect(() => client.consume({ group: 'g', topics: ['t'], handle, ...options })).toThrow(message);
  }
  client.consume({ group: 'g', topics: ['t'], handle });
  expect(() => client.consume({ group: 'g', topics: ['t'], handle })).toThrow(/already has a consumer/);
});
