import { afterEach, beforeEach, expect, test } from 'vitest';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { Unrecoverable } from '@cometmq/client';
import { SdkWorld } from '../../../support/sdk-world.ts';

let world: SdkWorld;
beforeEach(async () => {
  world = await SdkWorld.start();
  world.broker.topic('t', 1);
});
afterEach(() => world.stop());

const put = (key: string, body: string) => {
  world.broker.put('t', 0, body, key === '' ? {} : { __SHARDINGKEY: key });
};
const committed = () => world.broker.offsets.get('g t 0');
const consume: SdkWorld['consume'] = (handle, options) => world.consume(handle, { order: 'key', ...options });

test('keys run in parallel, the messages of one key one after the other', async () => {
  const open = new Map<string, () => void>();
  for (const body of ['a1', 'b1', 'a2', 'c1', 'b2']) put(body.charAt(0), body);
  await consume((m) => new Promise<void>((resolve) => open.set(m.body.toString(), resolve)));
  await world.clock.settle();
  expect([...open.keys()]).toEqual(['a1', 'b1', 'c1']);
  open.get('b1')?.();
  await world.clock.settle();
  expect([...open.keys()]).toEqual(['a1', 'b1', 'c1', 'b2']);
  open.get('a1')?.();
  await world.clock.settle();
  expect([...open.keys()].at(-1)).toBe('a2');
});

test('a failing key is retried in place with growing pauses, and blocks only itself', async () => {
  const log: string[] = [];
  for (const body of ['a1', 'b1', 'a2', 'b2']) put(body.charAt(0), body);
  await consume((m) => {
    log.push(`${m.body.toString()}/${m.attempt}`);
    if (m.body.toString() === 'a1' && m.attempt < 4) throw new Error('not yet');
  });
  await world.clock.settle();
  expect(log).toEqual(['a1/1', 'b1/1', 'b2/1']);
  await world.clock.advance(999);
  expect(log).toHaveLength(3);
  await world.clock.advance(1);
  expect(log.at(-1)).toBe('a1/2');
  await world.clock.advance(1999);
  expect(log).toHaveLength(4);
  await world.clock.advance(1 + 4000);
  expect(log.slice(4)).toEqual(['a1/3', 'a1/4', 'a2/1']);
  expect(world.broker.asked(RequestCode.CONSUMER_SEND_MSG_BACK)).toEqual([]);
});

test('the committed offset waits for the lowest unfinished message', async () => {
  const fail = { a: true };
  for (const body of ['b1', 'a1', 'b2', 'b3']) put(body.charAt(0), body);
  await consume((m) => {
    if (m.body.toString() === 'a1' && fail.a) throw new Error('no');
  });
  await world.clock.advance(5100);
  expect(committed()).toBe(1);
  fail.a = false;
  await world.clock.advance(30_000);
  expect(committed()).toBe(4);
});

test('messages without a key keep the order of the queue', async () => {
  const log: string[] = [];
  for (const body of ['1', '2', 'k', '3']) put(body === 'k' ? 'k' : '', body);
  await consume((m) => {
    log.push(m.body.toString());
    if (m.body.toString() === '1' && m.attempt === 1) throw new Error('no');
  });
  await world.clock.advance(1500);
  expect(log).toEqual(['1', 'k', '1', '2', '3']);
});

test('a handler that ignores its time limit keeps its key', async () => {
  const log: string[] = [];
  let end: () => void = () => undefined;
  for (const body of ['a1', 'a2', 'b1']) put(body.charAt(0), body);
  await consume(
    (m) => {
      log.push(`${m.body.toString()}/${m.attempt}`);
      return log.length === 1 ? new Promise<void>((resolve) => (end = resolve)) : undefined;
    },
    { timeout: '1s' },
  );
  await world.clock.advance(60_000);
  expect(log).toEqual(['a1/1', 'b1/1']);
  end();
  await world.clock.advance(10_000);
  expect(log.slice(2)).toEqual(['a1/2', 'a2/1']);
});

test('after its attempts a message goes to the dead letters and its key goes on', async () => {
  const log: string[] = [];
  for (const body of ['a1', 'a2', 'b1']) put(body.charAt(0), body);
  // The broker finds the attempts used up and stores the message among the dead letters.
  world.broker.intercept = ({ code }) =>
    code === RequestCode.SEND_MESSAGE_V2
      ? { code: ResponseCode.SUCCESS, extFields: { msgId: 'M', queueId: '0', queueOffset: '0' } }
      : undefined;
  await consume(
    (m) => {
      log.push(m.body.toString());
      if (m.body.toString() === 'a1') throw new Error('no');
      if (m.body.toString() === 'b1') throw new Unrecoverable('never');
    },
    { retry: { attempts: 1 } },
  );
  await world.clock.advance(2000);
  expect(log).toEqual(['a1', 'b1', 'a1', 'a2']);
  const resent = world.broker.asked(RequestCode.SEND_MESSAGE_V2);
  expect(resent.map(({ body, extFields }) => [body?.toString(), extFields?.['j'], extFields?.['l']])).toEqual(
    [
      ['b1', '1', '0'],
      ['a1', '2', '1'],
    ],
  );
});

test('a queue is pulled no further when enough of it is unfinished, or lies beyond an unfinished one', async () => {
  const running = { now: 0, keys: new Set<string>() };
  for (let n = 0; n < 200; n++) put(`k${n}`, `${n}`);
  const worker = await consume(
    (m) => {
      running.now++;
      running.keys.add(m.body.toString());
      return new Promise<void>(() => undefined);
    },
    { prefetch: 40, concurrency: 500 },
  );
  await world.clock.settle();
  expect(running.now).toBe(40);
  expect(worker.health().buffered).toBe(40);

  world.broker.topic('far', 1);
  world.broker.put('far', 0, 'stuck', { __SHARDINGKEY: 'stuck' });
  for (let n = 1; n <= 5000; n++) world.broker.put('far', 0, `${n}`, { __SHARDINGKEY: `${n % 7}` });
  let done = 0;
  await consume(
    (m) => {
      if (m.body.toString() === 'stuck') throw new Error('no');
      done++;
    },
    { group: 'h', topics: ['far'] },
  );
  await world.clock.advance(3000);
  expect(done).toBeGreaterThanOrEqual(2000);
  expect(done).toBeLessThan(2000 + 32);
});

test('only under the lock: when it is lost, handlers are told to stop and no key goes on', async () => {
  const log: string[] = [];
  let aborted: unknown;
  for (const body of ['a1', 'a2', 'b1']) put(body.charAt(0), body);
  await consume((m, ctx) => {
    log.push(m.body.toString());
    if (m.body.toString() !== 'a1') throw new Error('no');
    return new Promise<void>((resolve) => {
      ctx.signal.addEventListener('abort', () => {
        aborted = ctx.signal.reason;
        resolve();
      });
    });
  });
  await world.clock.settle();
  expect(world.broker.locks.get('t 0')).toBe('client-1');
  world.broker.locks.set('t 0', 'somebody');
  await world.clock.advance(21_000);
  expect(String(aborted)).toContain('lock of the queue was lost');
  const before = log.length;
  expect(log).not.toContain('a2');
  await world.clock.advance(60_000);
  expect(log).toHaveLength(before);
  world.broker.locks.delete('t 0');
  await world.clock.advance(60_000);
  expect(log).toContain('a2');
});

test('steps of the wall clock neither end a lock nor keep one alive', async () => {
  const got: string[] = [];
  await consume((m) => void got.push(m.body.toString()));
  world.clock.stepWallClock(7_200_000);
  put('a', 'a1');
  await world.clock.settle();
  expect(got).toEqual(['a1']);
  world.broker.intercept = ({ code }) =>
    code === RequestCode.LOCK_BATCH_MQ ? { code: ResponseCode.SYSTEM_ERROR } : undefined;
  world.clock.stepWallClock(-14_400_000);
  await world.clock.advance(31_000);
  put('a', 'a2');
  await world.clock.advance(5000);
  expect(got).toEqual(['a1']);
  world.broker.intercept = () => undefined;
  await world.clock.advance(5000);
  expect(got).toEqual(['a1', 'a2']);
});

test('batches are refused: their messages would share a failure', async () => {
  await expect(
    world.consume(() => undefined, {
      order: 'key',
      handle: undefined,
      batch: { max: 10 },
      handleBatch: () => undefined,
    }),
  ).rejects.toThrow("order 'key' needs handle");
});

test('close leaves no timer of a resting key behind', async () => {
  put('a', 'a1');
  const worker = await consume(() => {
    throw new Error('no');
  });
  await world.clock.settle();
  await world.during(worker.close());
  const client = world.clock.timerCount;
  await world.clock.advance(2000);
  expect(world.clock.timerCount).toBeLessThanOrEqual(client);
  expect(committed() ?? 0).toBe(0);
});
