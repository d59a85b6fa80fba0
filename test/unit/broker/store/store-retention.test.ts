import { beforeEach, describe, expect, test } from 'vitest';
import { RecordField } from '@cometmq/common/message/record-layout';
import { FRAME_HEADER_SIZE } from '@cometmq/broker/store/log/log-frame';
import type { StoreOptions } from '@cometmq/broker/store/store-options';
import { STORE_DIRECTORY, StoreWorld } from '../../../support/store-world.ts';

const SEGMENT = 8 * 1024;
const HOUR_MS = 3_600_000;

let world: StoreWorld;

async function open(options: Partial<StoreOptions>): Promise<void> {
  world = new StoreWorld({ segmentSizeBytes: SEGMENT, retentionMs: HOUR_MS, ...options });
  await world.open();
  await world.clock.advance(10);
}

/** About one segment each. */
async function fill(count: number, topic = 'orders'): Promise<void> {
  for (let index = 0; index < count; index++) {
    await world.send({ topic, body: 'x'.repeat(6_000) });
    await world.clock.advance(10);
  }
}

beforeEach(() => open({}));

describe('by time', () => {
  test('segments all of whose messages are old go, the newest one stays', async () => {
    await fill(3);
    await world.clock.advance(HOUR_MS + 20_000);
    await world.store.expire();
    expect(world.store.logStart).toBe(2 * SEGMENT);
    const queue = world.store.queues.get('orders', 0);
    expect([queue.min, queue.max]).toEqual([2, 3]);
  });

  test('nothing goes before its time', async () => {
    await fill(3);
    await world.clock.advance(HOUR_MS / 2);
    expect(world.store.logStart).toBe(0);
  });

  test('an unreadable head of the next segment does not stop it', async () => {
    await fill(4);
    world.disk.damage(
      `${STORE_DIRECTORY}/commitlog/${String(SEGMENT).padStart(20, '0')}`,
      3,
      Buffer.from([1]),
    );
    await world.clock.advance(HOUR_MS + 20_000);
    expect(world.store.logStart).toBe(3 * SEGMENT);
  });

  test('a damaged store time does not make messages expire early', async () => {
    await fill(3);
    const storeTimestampAt = FRAME_HEADER_SIZE + RecordField.BORN_HOST + 8;
    for (const base of [SEGMENT, 2 * SEGMENT]) {
      const path = `${STORE_DIRECTORY}/commitlog/${String(base).padStart(20, '0')}`;
      world.disk.damage(path, storeTimestampAt, Buffer.alloc(8));
    }
    await world.clock.advance(HOUR_MS / 2);
    await world.store.expire();
    expect(world.store.logStart).toBe(0);
    expect(world.store.damage.ranges).toBe(2);
  });

  test('a few bytes are read to know the age, however large the message', async () => {
    await open({ segmentSizeBytes: 1024 * 1024, tailChunkBytes: 2 * 1024 * 1024 });
    for (let index = 0; index < 3; index++) {
      await world.send({ body: 'x'.repeat(900_000) });
      await world.clock.advance(50);
    }
    const sizes: number[] = [];
    world.disk.hook = ({ kind, size }) => {
      if (kind === 'read') sizes.push(size);
    };
    await world.store.expire();
    expect(sizes.length).toBeGreaterThan(0);
    expect(Math.max(...sizes)).toBeLessThan(512);
  });
});

describe('by size', () => {
  test('the oldest segments go when the log is too large', async () => {
    await open({ logSizeMaxBytes: 3 * SEGMENT });
    await fill(6);
    await world.store.expire();
    expect(world.store.logStart).toBe(3 * SEGMENT);
    expect(world.messages()).toHaveLength(3);
  });
});

describe('the count of a queue whose messages all expired', () => {
  async function expireRare(): Promise<void> {
    await open({ logSizeMaxBytes: 2 * SEGMENT });
    await world.send({ topic: 'rare', body: '0' });
    await world.send({ topic: 'rare', body: '1' });
    await fill(4);
    await world.store.expire();
    const queue = world.store.queues.get('rare', 0);
    expect([queue.min, queue.max]).toEqual([2, 2]);
  }

  test('goes on after a restart', async () => {
    await expireRare();
    await world.close();
    await world.open();
    expect((await world.send({ topic: 'rare' })).queueOffset).toBe(2);
  });

  test.each([0, 0.5, 1])('goes on after a crash (%d)', async (keep) => {
    await expireRare();
    world.crash(3, keep);
    await world.open();
    await world.clock.advance(10);
    expect((await world.send({ topic: 'rare' })).queueOffset).toBe(2);
  });

  test('goes on after queues had to be made anew, and after a crash after that', async () => {
    await expireRare();
    await world.close();
    world.disk.lose(`${STORE_DIRECTORY}/consumequeue/orders`);
    await world.open();
    const queue = world.store.queues.get('rare', 0);
    expect([queue.min, queue.max]).toEqual([2, 2]);
    world.crash(1, 0);
    await world.open();
    await world.clock.advance(10);
    expect((await world.send({ topic: 'rare' })).queueOffset).toBe(2);
    world.crash(1, 0);
    await world.open();
    expect(world.bodies('rare')).toEqual(['x']);
  });

  test('goes on when the checkpoint is lost as well', async () => {
    await expireRare();
    await world.close();
    world.disk.lose(`${STORE_DIRECTORY}/checkpoint`);
    await world.open();
    expect(world.store.queues.get('rare', 0).max).toBe(2);
  });
});

test('a segment that can not be removed stays in its place and is tried again', async () => {
  await open({ logSizeMaxBytes: 2 * SEGMENT });
  await fill(4);
  world.disk.failNext(1, 'EIO', ['remove', 'rename']);
  await expect(world.store.expire()).rejects.toThrow('EIO');
  expect(world.store.logStart).toBe(0);
  world.disk.hook = undefined;
  await world.store.expire();
  expect(world.store.logStart).toBe(2 * SEGMENT);
});
