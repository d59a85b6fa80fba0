import { beforeEach, describe, expect, test } from 'vitest';
import { STORE_DIRECTORY, StoreWorld } from '../../../support/store-world.ts';

const LOG = `${STORE_DIRECTORY}/commitlog/00000000000000000000`;
const QUEUES = `${STORE_DIRECTORY}/consumequeue`;
const QUEUE = `${QUEUES}/orders/0/00000000000000000000`;

let world: StoreWorld;

beforeEach(async () => {
  world = new StoreWorld();
  await world.open();
  await world.clock.advance(10);
});

async function sendAll(...bodies: string[]): Promise<void> {
  for (const body of bodies) await world.send({ body, properties: { KEYS: body } });
}

/** The process dies; the system keeps what was written. */
async function restart(): Promise<void> {
  world.crash(0, 1);
  await world.open();
  await world.clock.advance(10);
}

function flip(path: string, position: number): void {
  const byte = world.disk.files().get(path)?.[position] ?? 0;
  world.disk.damage(path, position, Buffer.from([byte ^ 0x10]));
}

describe('the end of the log', () => {
  test('a torn tail is cut, what was acknowledged stays', async () => {
    await sendAll('a', 'b');
    world.disk.gate = ({ kind }) => (kind === 'datasync' ? new Promise(() => undefined) : undefined);
    world.append({ body: 'c'.repeat(3_000) });
    await world.clock.settle();
    flip(LOG, 2 * 512 + 2_000);
    await restart();
    expect(world.bodies()).toEqual(['a', 'b']);
    expect(world.store.damaged).toEqual([]);
  });

  test('a cut tail is never brought back', async () => {
    await sendAll('a');
    world.disk.gate = ({ kind }) => (kind === 'datasync' ? new Promise(() => undefined) : undefined);
    // Frames at 512 and 1024; the first is torn, the second is whole.
    world.append({ body: 'b'.repeat(100) });
    await world.clock.settle();
    world.append({ body: 'c'.repeat(100), durability: 'written' });
    await world.clock.settle();
    flip(LOG, 512 + 100);
    await restart();
    expect(world.bodies()).toEqual(['a']);
    // A new frame exactly as long as the torn one ends where the stale one begins.
    await world.send({ body: 'd'.repeat(100) });
    await restart();
    expect(world.bodies()).toEqual(['a', 'd'.repeat(100)]);
  });

  test('stale frames of a recycled segment are not taken for messages', async () => {
    world = new StoreWorld({ segmentSizeBytes: 8 * 1024, logSizeMaxBytes: 2 * 8 * 1024 });
    await world.open();
    for (let index = 0; index < 60; index++) {
      await world.clock.advance(10);
      await world.send({ body: `${index}:${'x'.repeat(400)}` });
      await world.store.expire();
    }
    const before = world.bodies();
    expect(world.store.logStart).toBeGreaterThan(0);
    await restart();
    expect(world.bodies()).toEqual(before);
  });

  test('recovery twice gives the same', async () => {
    await sendAll('a', 'b');
    await restart();
    const files = [...world.disk.files()].filter(([path]) => !path.endsWith('checkpoint'));
    await restart();
    expect([...world.disk.files()].filter(([path]) => !path.endsWith('checkpoint'))).toEqual(files);
    expect(world.bodies()).toEqual(['a', 'b']);
  });

  test('what recovery derived is still there after the next crash', async () => {
    await sendAll('a', 'b');
    await restart();
    await restart();
    expect(world.bodies()).toEqual(['a', 'b']);
    expect((await world.send({ body: 'c' })).queueOffset).toBe(2);
  });

  test('what a killed process wrote but did not sync survives a power cut after the restart', async () => {
    world = new StoreWorld({ durability: 'written' });
    await world.open();
    await world.send({ body: 'a', durability: 'written' });
    await world.open();
    expect(world.bodies()).toEqual(['a']);
    world.crash(0, 0);
    await world.open();
    expect(world.bodies()).toEqual(['a']);
  });

  test('a segment that was begun but whose name is lost is made again', async () => {
    world = new StoreWorld({ segmentSizeBytes: 8 * 1024 });
    await world.open();
    await world.clock.advance(10);
    await world.send({ body: 'x'.repeat(6_000) });
    world.disk.gate = ({ kind }) => (kind === 'rename' ? new Promise(() => undefined) : undefined);
    world.append({ body: 'y'.repeat(3_000) });
    await world.clock.settle();
    await restart();
    expect(world.bodies()).toEqual(['x'.repeat(6_000)]);
    await world.send({ body: 'z'.repeat(6_000) });
    await restart();
    expect(world.bodies()).toEqual(['x'.repeat(6_000), 'z'.repeat(6_000)]);
  });
});

describe('damage in the middle', () => {
  test('is reported and stepped over; what follows is readable, the place is a hole', async () => {
    await sendAll('a', 'b', 'c', 'd');
    flip(LOG, 512 + 60);
    await restart();
    expect(world.store.damaged).toEqual([{ start: 512, end: 1024 }]);
    expect(world.bodies()).toEqual(['a', undefined, 'c', 'd']);
    expect((await world.send({ body: 'e' })).queueOffset).toBe(4);
  });

  test.each([4, 9, 20, 30, 36, 44])('of a frame header at byte %i', async (byte) => {
    await sendAll('a', 'b', 'c', 'd');
    flip(LOG, 512 + byte);
    await restart();
    expect(world.bodies()).toEqual(['a', undefined, 'c', 'd']);
  });

  test('of the last frame before a checkpoint is damage, not a torn tail', async () => {
    await sendAll('a', 'b');
    await world.store.checkpoint();
    flip(LOG, 512 + 60);
    world.disk.lose(QUEUES);
    await restart();
    expect(world.store.damaged).toEqual([{ start: 512, end: 1024 }]);
    expect((await world.send({ body: 'c' })).physicalOffset).toBe(1024 + 48);
  });
});

describe('derived files', () => {
  async function stop(): Promise<void> {
    await sendAll('a', 'b', 'c');
    await world.close();
  }

  test.each([
    ['all queues', () => world.disk.lose(QUEUES)],
    ['one queue file', () => world.disk.lose(QUEUE)],
    ['the end of a queue', () => world.disk.cut(QUEUE, 40)],
    ['the checkpoint', () => world.disk.lose(`${STORE_DIRECTORY}/checkpoint`)],
    ['the index', () => world.disk.lose(`${STORE_DIRECTORY}/index`)],
    [
      'the end of the index',
      () => world.disk.cut(`${STORE_DIRECTORY}/index/00000000000000000001.entries`, 30),
    ],
    [
      'everything but the log',
      () =>
        [QUEUES, `${STORE_DIRECTORY}/index`, `${STORE_DIRECTORY}/checkpoint`].forEach((p) =>
          world.disk.lose(p),
        ),
    ],
  ])('%s lost after a clean stop: made again from the log', async (_what, lose) => {
    await stop();
    lose();
    await world.open();
    expect(world.bodies()).toEqual(['a', 'b', 'c']);
    expect([...world.store.index.find('orders', 'b', 0, 2 ** 41)]).toHaveLength(1);
    await restart();
    expect(world.bodies()).toEqual(['a', 'b', 'c']);
  });

  test.each([0, 512])('a damaged slot of the checkpoint at %i: nothing is lost', async (slot) => {
    await stop();
    await world.open();
    await sendAll('d');
    flip(`${STORE_DIRECTORY}/checkpoint`, slot + 20);
    await restart();
    expect(world.bodies()).toEqual(['a', 'b', 'c', 'd']);
  });

  test('a rebuild that a crash interrupts is repeated', async () => {
    await stop();
    world.disk.lose(QUEUE);
    let left = 8;
    world.disk.hook = ({ kind }) => {
      if (kind !== 'read' && kind !== 'open' && --left === 0) throw new Error('EIO');
    };
    await expect(world.open()).rejects.toThrow('EIO');
    world.disk.hook = undefined;
    await restart();
    expect(world.bodies()).toEqual(['a', 'b', 'c']);
  });

  test('an entry that can not be read is made anew and its readers are woken', async () => {
    await stop();
    flip(QUEUE, 32 + 8);
    await world.open();
    const queue = world.store.queues.get('orders', 0);
    let woken = 0;
    queue.onArrival(() => woken++);
    expect(queue.view(0, 10).count).toBe(1);
    await world.clock.settle();
    expect(woken).toBe(1);
    expect(world.bodies()).toEqual(['a', 'b', 'c']);
    await restart();
    expect(world.bodies()).toEqual(['a', 'b', 'c']);
  });

  test('an entry that can not be read and whose message is gone becomes a hole', async () => {
    await stop();
    flip(QUEUE, 32 + 8);
    flip(LOG, 512 + 48 + 4);
    await world.open();
    expect(world.store.queues.get('orders', 0).view(1, 1).count).toBe(0);
    await world.clock.settle();
    expect(world.bodies()).toEqual(['a', undefined, 'c']);
  });
});

describe('what can not be put right is refused', () => {
  test('a log that lost its newest file', async () => {
    await sendAll('a');
    await world.close();
    world.disk.lose(LOG);
    await expect(world.open()).rejects.toMatchObject({ kind: 'DATA_DAMAGED' });
  });

  test('a log with a gap', async () => {
    world = new StoreWorld({ segmentSizeBytes: 8 * 1024 });
    await world.open();
    for (let index = 0; index < 6; index++) {
      await world.clock.advance(10);
      await world.send({ body: 'x'.repeat(5_000) });
    }
    await world.close();
    world.disk.lose(`${STORE_DIRECTORY}/commitlog/${String(2 * 8 * 1024).padStart(20, '0')}`);
    await expect(world.open()).rejects.toThrow(/segment 00000000000000016384 is missing/);
  });

  test('a store of a newer version', async () => {
    await world.close();
    const path = `${STORE_DIRECTORY}/checkpoint`;
    const bytes = world.disk.files().get(path) ?? Buffer.alloc(0);
    const { crc32 } = await import('node:zlib');
    for (const at of [0, 512]) {
      bytes[at + 41] = 9;
      bytes.writeUInt32BE(crc32(bytes.subarray(at + 8, at + 512)), at + 4);
    }
    world.disk.damage(path, 0, bytes);
    await expect(world.open()).rejects.toMatchObject({ kind: 'NOT_SUPPORTED' });
  });

  test('a first start without room for a segment says how much it needs, and leaves nothing behind', async () => {
    world = new StoreWorld({ segmentSizeBytes: 4 * 1024 * 1024 });
    world.disk.capacityBytes = 4 * 1024 * 1024;
    await expect(world.open()).rejects.toThrow(/needs 5\.0 MiB and the disk of .* has 4\.0 MiB left/);
    world.disk.capacityBytes = undefined;
    await world.open();
    expect((await world.send()).queueOffset).toBe(0);
  });

  test('a crash in the middle of the very first start', async () => {
    for (let count = 1; count < 14; count++) {
      world = new StoreWorld();
      world.disk.failNext(count, 'EIO');
      await world.open().catch(() => undefined);
      world.disk.hook = undefined;
      for (const keep of [0, 0.5, 1]) {
        const next = new StoreWorld({}, world.disk.crash({ seed: count, keep }));
        await next.open();
        await next.clock.advance(10);
        expect((await next.send()).queueOffset).toBe(0);
      }
    }
  });
});

describe('deleted topics', () => {
  test('do not come back with a new topic of the same name', async () => {
    await sendAll('old 0', 'old 1');
    await world.store.checkpoint();
    await world.store.dropTopic('orders');
    expect((await world.send({ body: 'new 0' })).queueOffset).toBe(0);
    for (const keep of [0, 0.5, 1]) {
      const next = new StoreWorld({}, world.disk.crash({ seed: 5, keep }));
      await next.open();
      expect(next.bodies()).toEqual(['new 0']);
    }
  });

  test('take no message any more', async () => {
    await sendAll('a');
    const queue = world.store.queues.get('orders', 0);
    await world.store.dropTopic('orders');
    expect(queue.isRemoved).toBe(true);
    expect(world.store.queues.find('orders', 0)).toBeUndefined();
  });
});

test('nobody sees a message before it is as durable as the broker promises', async () => {
  world.disk.gate = ({ kind }) => (kind === 'datasync' ? new Promise(() => undefined) : undefined);
  const first = world.append({ body: 'a', durability: 'synced' });
  world.append({ body: 'b', durability: 'written' });
  await world.store.whenDurable('written');
  expect(world.bodies()).toEqual([]);
  expect(await world.store.readRecord(first.physicalOffset)).toBeUndefined();
});
