import { beforeEach, describe, expect, test } from 'vitest';
import { STORE_DIRECTORY, StoreWorld } from '../../../support/store-world.ts';

const LOG = `${STORE_DIRECTORY}/commitlog/00000000000000000000`;

let world: StoreWorld;

/** Queue 0 of `orders` gets its newest messages in frames that others follow; each frame takes one sector. */
beforeEach(async () => {
  world = new StoreWorld();
  await world.open();
  await world.send({ body: 'a' });
  await world.clock.advance(1_500);
  await world.send({ body: 'b' });
  await world.send({ body: 'c' });
  await world.send({ topic: 'bills', body: 'd' });
  await world.send({ topic: 'bills', body: 'e' });
});

async function crashWith(damage: () => void): Promise<void> {
  world.crash(0, 0);
  damage();
  await world.open();
}

function flip(path: string, position: number): void {
  const byte = world.disk.files().get(path)?.[position] ?? 0;
  world.disk.damage(path, position, Buffer.from([byte ^ 1]));
}

describe('when damage took the newest messages of a queue', () => {
  test.each([
    ['body', 48 + 88],
    ['frame header', 20],
  ])('a damaged %s leaves enough to go on behind it', async (_what, byte) => {
    await crashWith(() => {
      flip(LOG, 1_024 + byte);
    });
    expect(world.bodies()).toEqual(['a', 'b', undefined]);
    expect(world.bodies('bills')).toEqual(['d', 'e']);
    expect((await world.send({ body: 'f' })).queueOffset).toBe(3);
    expect(world.store.damage).toMatchObject({ ranges: 1, bytes: 512, messages: 1 });
  });

  test('of a frame that is gone the files of the queue may tell', async () => {
    await world.store.checkpoint();
    await crashWith(() => {
      world.disk.damage(LOG, 1_024, Buffer.alloc(512));
      world.disk.lose(`${STORE_DIRECTORY}/checkpoint`);
    });
    expect(world.bodies()).toEqual(['a', 'b', undefined]);
    expect((await world.send({ body: 'f' })).queueOffset).toBe(3);
  });

  test('a wrong offset in a damaged record makes no more holes than there was room for messages', async () => {
    await crashWith(() => {
      // The high byte of the record's queue offset.
      world.disk.damage(LOG, 1_024 + 48 + 20, Buffer.from([0x7f]));
    });
    expect((await world.send({ body: 'f' })).queueOffset).toBe(2);
  });

  test('what is kept stays so over further starts', async () => {
    await crashWith(() => {
      flip(LOG, 1_024 + 100);
    });
    await world.send({ body: 'f' });
    for (let start = 0; start < 3; start++) {
      world.crash(start, 0);
      await world.open();
      expect(world.bodies()).toEqual(['a', 'b', undefined, 'f']);
    }
  });
});
