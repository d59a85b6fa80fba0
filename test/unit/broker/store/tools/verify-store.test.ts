import { beforeEach, describe, expect, test } from 'vitest';
import { dumpStore } from '@cometmq/broker/store/tools/dump-store';
import { verifyStore } from '@cometmq/broker/store/tools/verify-store';
import { STORE_DIRECTORY, StoreWorld } from '../../../../support/store-world.ts';

const LOG = `${STORE_DIRECTORY}/commitlog/00000000000000000000`;
const QUEUE = `${STORE_DIRECTORY}/consumequeue/orders/0/00000000000000000000`;

let world: StoreWorld;

beforeEach(async () => {
  world = new StoreWorld();
  await world.open();
  for (let index = 0; index < 5; index++)
    await world.send({ body: `message ${index}`, properties: { KEYS: `k${index}` } });
  await world.close();
});

async function findings(): Promise<string[]> {
  const found: string[] = [];
  const before = world.disk.operations;
  for await (const { file, offset, problem } of verifyStore(world.disk, STORE_DIRECTORY)) {
    found.push(`${file.slice(STORE_DIRECTORY.length + 1)}:${offset} ${problem}`);
  }
  expect(world.disk.operations).toBe(before);
  return found;
}

function flip(path: string, position: number): void {
  const byte = world.disk.files().get(path)?.[position] ?? 0;
  world.disk.damage(path, position, Buffer.from([byte ^ 1]));
}

describe('verifyStore', () => {
  test('finds nothing in a whole store', async () => {
    expect(await findings()).toEqual([]);
  });

  test('finds every single flipped bit of the log that was written', async () => {
    const end = 5 * 512;
    for (let position = 0; position < end; position += 7) {
      flip(LOG, position);
      const found = await findings();
      expect(found[0], `byte ${position}`).toContain(
        `commitlog/00000000000000000000:${Math.floor(position / 512) * 512}`,
      );
      flip(LOG, position);
    }
  });

  test('finds every single flipped bit of a queue', async () => {
    for (let position = 0; position < 5 * 32; position++) {
      flip(QUEUE, position);
      expect(await findings(), `byte ${position}`).toEqual([
        expect.stringContaining(
          `consumequeue/orders/0/00000000000000000000:${Math.floor(position / 32) * 32}`,
        ),
      ]);
      flip(QUEUE, position);
    }
  });

  test('finds flipped bits of index and checkpoint', async () => {
    flip(`${STORE_DIRECTORY}/index/00000000000000000001.entries`, 25);
    flip(`${STORE_DIRECTORY}/checkpoint`, 30);
    expect(await findings()).toEqual([
      expect.stringContaining('checkpoint:0 '),
      expect.stringContaining('index/00000000000000000001.entries:24 '),
    ]);
  });

  test('finds lost queues and a lost checkpoint', async () => {
    world.disk.lose(QUEUE);
    expect(await findings()).toEqual([
      expect.stringContaining('consumequeue/orders/0:0 the queue lacks entries up to 4'),
    ]);
    world.disk.lose(`${STORE_DIRECTORY}/checkpoint`);
    expect((await findings())[0]).toContain('checkpoint:0 the checkpoint is missing');
  });

  test('finds a cut and a missing log file', async () => {
    await world.open();
    await world.clock.advance(10);
    await world.close();
    world.disk.cut(LOG, 40_000);
    expect((await findings())[0]).toBe(
      'commitlog/00000000000000000000:40000 the file is cut; the broker refuses to start',
    );
    world.disk.lose(LOG);
    expect(await findings()).toEqual([expect.stringContaining('commitlog:0 the log is missing')]);
  });

  test('the unfinished end of a crash is no finding', async () => {
    await world.open();
    world.append({ body: 'unfinished' });
    await world.clock.settle();
    world.append({ body: 'torn' });
    world.crash(2);
    expect(await findings()).toEqual([]);
  });
});

describe('dumpStore', () => {
  test('gives all records with their place', async () => {
    const records = [];
    for await (const record of dumpStore(world.disk, STORE_DIRECTORY)) records.push(record);
    expect(
      records.map(({ queueOffset, offset, properties }) => [queueOffset, offset, properties.get('KEYS')]),
    ).toEqual([0, 1, 2, 3, 4].map((n) => [n, n * 512 + 48, `k${n}`]));
  });

  test('steps over damage, begins at a position, keeps to a topic', async () => {
    flip(LOG, 512 + 48 + 5);
    const offsets = [];
    for await (const { queueOffset } of dumpStore(world.disk, STORE_DIRECTORY, { from: 100 }))
      offsets.push(queueOffset);
    expect(offsets).toEqual([2, 3, 4]);
    for await (const record of dumpStore(world.disk, STORE_DIRECTORY, { topic: 'bills' }))
      expect(record).toBeUndefined();
  });
});
