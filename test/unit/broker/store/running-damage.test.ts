import { beforeEach, describe, expect, test } from 'vitest';
import { planRead } from '@cometmq/broker/store/read-plan';
import { RecordingLogger } from '../../../support/recording-logger.ts';
import { STORE_DIRECTORY, StoreWorld } from '../../../support/store-world.ts';

const LOG = `${STORE_DIRECTORY}/commitlog/00000000000000000000`;

let world: StoreWorld;
let log: RecordingLogger;

/** Ten messages, each in a frame of two sectors of the file, none of them in memory. */
beforeEach(async () => {
  log = new RecordingLogger();
  world = new StoreWorld({ log, tailChunkBytes: 8192, tailChunks: 1 });
  await world.open();
  for (let index = 0; index < 10; index++) await world.send({ body: `${index}`.padEnd(700, 'x') });
  await world.close();
  await world.open();
});

function flip(path: string, position: number): void {
  const byte = world.disk.files().get(path)?.[position] ?? 0;
  world.disk.damage(path, position, Buffer.from([byte ^ 0x10]));
}

/** Queue offsets that a reader gets, with what each copy of a record came to. */
function readable(): number[] {
  const queue = world.store.queues.get('orders', 0);
  const plan = planRead(queue, 0, 32, 1 << 20, undefined, world.store.logStart);
  return plan.offsets.flatMap((offset, index) => {
    const size = plan.sizes[index] ?? 0;
    return world.store.reader.copySync(offset, size, Buffer.alloc(size), 0) ? [index] : [];
  });
}

describe('damage while the broker runs', () => {
  test('only what is in damaged frames is not readable', () => {
    flip(LOG, 3 * 1024 + 200);
    flip(LOG, 7 * 1024 + 600);
    expect(readable()).toEqual([0, 1, 2, 4, 5, 6, 8, 9]);
    expect(world.store.damage).toEqual({ ranges: 2, bytes: 2_048, messages: 2, repairedEntries: 0 });
  });

  test('is counted and logged once, however often it is read', async () => {
    for (const frame of [2, 4, 6]) flip(LOG, frame * 1024 + 200);
    for (let round = 0; round < 5; round++) readable();
    expect(world.store.damage).toMatchObject({ ranges: 3, messages: 3 });
    const told = (): unknown[] =>
      log.complaints.map(({ start, end, file, times }) => [start, end, file, times]);
    const file = '00000000000000000000';
    expect(told()).toEqual([[2_048, 3_072, file, undefined]]);
    await world.clock.advance(30_000);
    expect(told().slice(1)).toEqual([[6_144, 7_168, file, 2]]);
  });

  test('a damaged header takes its frame with it and no other', () => {
    flip(LOG, 5 * 1024 + 9);
    expect(readable()).toEqual([0, 1, 2, 3, 4, 6, 7, 8, 9]);
    expect(world.store.damage).toMatchObject({ ranges: 1, bytes: 1_024 });
  });

  test('damage of the newest frame does not touch what is stored behind it', async () => {
    flip(LOG, 9 * 1024 + 9);
    expect(readable()).toHaveLength(9);
    for (let index = 0; index < 20; index++) await world.send({ body: 'y'.repeat(700) });
    await world.close();
    await world.open();
    expect(readable()).toEqual([...Array(30).keys()].filter((offset) => offset !== 9));
  });

  test('a read that fails once is tried again by the next reader', () => {
    let left = 1;
    world.disk.hook = ({ kind, path }) => {
      if (kind === 'read' && path === LOG && left-- > 0) throw new Error('EIO');
    };
    expect(readable()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(readable()).toHaveLength(10);
    expect(world.store.damage.ranges).toBe(0);
    expect(log.complaints).toHaveLength(1);
  });

  test('an entry of a queue that can not be read is not made anew from a damaged frame', async () => {
    flip(`${STORE_DIRECTORY}/consumequeue/orders/0/00000000000000000000`, 4 * 32 + 3);
    flip(LOG, 4 * 1024 + 300);
    const queue = world.store.queues.get('orders', 0);
    expect(queue.view(0, 10).count).toBe(4);
    for (let turn = 0; turn < 20; turn++) await world.clock.settle();
    expect(world.bodies().map((body) => body?.[0])).toEqual([
      '0',
      '1',
      '2',
      '3',
      undefined,
      '5',
      '6',
      '7',
      '8',
      '9',
    ]);
    expect(world.store.damage).toMatchObject({ ranges: 1, messages: 1, repairedEntries: 0 });
  });
});
