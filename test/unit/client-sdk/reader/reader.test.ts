import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ClosedError, IllegalStateError, RouteNotFoundError, tags } from '@cometmq/client';
import { SdkWorld } from '../../../support/sdk-world.ts';

let world: SdkWorld;
beforeEach(async () => {
  world = await SdkWorld.start();
  world.broker.topic('t', 2);
  for (let n = 0; n < 6; n++) {
    world.broker.put('t', n % 2, `${n}`, { TAGS: n < 2 ? 'a' : 'b' });
    await world.clock.advance(1000);
  }
});
afterEach(() => world.stop());

const texts = (page: readonly { body: Buffer }[]) => page.map(({ body }) => body.toString()).sort();

describe('pull', () => {
  test('reads all queues, then nothing, without any group', async () => {
    const reader = world.client().reader({ topic: 't' });
    expect(texts(await world.during(reader.pull({ max: 100 })))).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(await world.during(reader.pull())).toEqual([]);
    expect(world.broker.asked(RequestCode.HEART_BEAT)).toEqual([]);
  });

  test('gives no more than asked for and keeps the rest', async () => {
    const reader = world.client().reader({ topic: 't', queues: [1] });
    expect(texts(await world.during(reader.pull({ max: 2 })))).toEqual(['1', '3']);
    expect(await world.during(reader.positions())).toEqual([{ broker: 'broker-a', queue: 1, offset: 2n }]);
    expect(texts(await world.during(reader.pull({ max: 2 })))).toEqual(['5']);
  });

  test('waits for a first message as long as asked', async () => {
    const reader = world.client().reader({ topic: 't', from: 'last' });
    const started = world.clock.monotonic();
    expect(await world.during(reader.pull({ wait: '3s' }))).toEqual([]);
    expect(world.clock.monotonic() - started).toBeGreaterThanOrEqual(3000);
    const waiting = reader.pull({ wait: '60s' });
    await world.clock.advance(40_000);
    world.broker.put('t', 1, 'new');
    expect(texts(await world.during(waiting))).toEqual(['new']);
  });

  test('can be aborted, and is by close', async () => {
    const reader = world.client().reader({ topic: 't', from: 'last' });
    const abort = new AbortController();
    const first = reader.pull({ wait: '60s', signal: abort.signal });
    first.catch(() => undefined);
    await world.clock.advance(100);
    abort.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    const second = reader.pull({ wait: '60s' });
    second.catch(() => undefined);
    await world.clock.advance(100);
    await reader.close();
    await expect(world.during(second)).rejects.toBeInstanceOf(ClosedError);
    await expect(reader.pull()).rejects.toBeInstanceOf(ClosedError);
  });

  test('goes on after the broker was away', async () => {
    const reader = world.client().reader({ topic: 't', from: 'last' });
    await world.during(reader.pull());
    world.net.refuse(world.broker.port);
    world.net.cut(world.broker.port);
    const waiting = reader.pull({ wait: '60s' });
    await world.clock.advance(5000);
    world.net.refuse(world.broker.port, false);
    world.broker.put('t', 0, 'after');
    expect(texts(await world.during(waiting))).toEqual(['after']);
  });

  test('filters by tag', async () => {
    const reader = world.client().reader({ topic: 't', filter: tags('a') });
    expect(texts(await world.during(reader.pull({ max: 100 })))).toEqual(['0', '1']);
  });
});

describe('positions', () => {
  test('seek forgets what was read ahead', async () => {
    const reader = world.client().reader({ topic: 't', queues: [0] });
    await world.during(reader.pull({ max: 1 }));
    await world.during(reader.seek({ queue: 0, offset: 2n }));
    expect(texts(await world.during(reader.pull()))).toEqual(['4']);
    await expect(reader.seek({ queue: 1, offset: 0n })).rejects.toBeInstanceOf(IllegalStateError);
  });

  test('an answer that was on its way when seeking does not count', async () => {
    const reader = world.client().reader({ topic: 't', queues: [0], from: 'last' });
    const waiting = reader.pull({ wait: '10s' });
    await world.clock.advance(100);
    await reader.seek({ queue: 0, offset: 1n });
    world.broker.put('t', 0, 'new');
    const first = await world.during(waiting);
    const rest = await world.during(reader.pull({ wait: '1s' }));
    expect(texts([...first, ...rest])).toEqual(['2', '4', 'new']);
  });

  test('by time, by offsets, as committed', async () => {
    const mq = world.client();
    const later = new Date(world.clock.now() - 2500);
    expect(texts(await world.during(mq.reader({ topic: 't', from: { time: later } }).pull()))).toEqual([
      '4',
      '5',
    ]);
    expect(texts(await world.during(mq.reader({ topic: 't', from: { time: '-3s' } }).pull()))).toEqual([
      '3',
      '4',
      '5',
    ]);
    const offsets = [
      { queue: 0, offset: 2n },
      { broker: 'broker-a', queue: 1, offset: 3n },
    ];
    expect(texts(await world.during(mq.reader({ topic: 't', from: { offsets } }).pull()))).toEqual(['4']);
    const first = mq.reader({ topic: 't', from: 'committed', group: 'audit' });
    await world.during(first.pull({ max: 100 }));
    await world.during(first.commit());
    world.broker.put('t', 0, 'more');
    expect(
      texts(await world.during(mq.reader({ topic: 't', from: 'committed', group: 'audit' }).pull())),
    ).toEqual(['more']);
  });
});

test('iterates without end until it is closed', async () => {
  const reader = world.client().reader({ topic: 't' });
  const seen: string[] = [];
  const iterating = (async () => {
    for await (const { body } of reader) seen.push(body.toString());
  })();
  await world.clock.advance(100);
  world.broker.put('t', 0, 'new');
  await world.clock.advance(100);
  expect(seen.sort()).toEqual(['0', '1', '2', '3', '4', '5', 'new']);
  await reader.close();
  await world.during(iterating);
});

test('queues and topics that do not exist are named', async () => {
  const mq = world.client();
  await expect(world.during(mq.reader({ topic: 'nowhere' }).pull())).rejects.toBeInstanceOf(
    RouteNotFoundError,
  );
  await expect(world.during(mq.reader({ topic: 't', queues: [7] }).pull())).rejects.toThrow(
    /no readable queue 7/,
  );
});
