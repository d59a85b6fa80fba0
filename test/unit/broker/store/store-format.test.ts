import { crc32 } from 'node:zlib';
import { beforeEach, describe, expect, test } from 'vitest';
import { STORE_DIRECTORY, StoreWorld } from '../../../support/store-world.ts';

const CHECKPOINT = `${STORE_DIRECTORY}/checkpoint`;
const SLOT_SIZE = 512;
/** Byte of a slot that holds the format. */
const FORMAT_AT = 41;

let world: StoreWorld;

beforeEach(async () => {
  world = new StoreWorld();
  await world.open();
  for (let index = 0; index < 5; index++) await world.send({ body: `message ${index}` });
  await world.close();
});

/** Nothing in the folder may change: the newer version must find it as it left it. */
async function expectRefused(message: string): Promise<void> {
  const before = world.disk.files();
  await expect(world.open()).rejects.toMatchObject({ kind: 'NOT_SUPPORTED', message });
  const now = world.disk.files();
  for (const [path, bytes] of before) expect(now.get(path)?.equals(bytes), path).toBe(true);
}

describe('a store of a newer format is refused and left as it is', () => {
  test.each([0, SLOT_SIZE])('told by the slot of its checkpoint at byte %i', async (at) => {
    const bytes = world.disk.files().get(CHECKPOINT) ?? Buffer.alloc(0);
    const slot = bytes.subarray(at, at + SLOT_SIZE);
    slot[FORMAT_AT] = 2;
    slot.writeUInt32BE(crc32(slot.subarray(8)), 4);
    world.disk.damage(CHECKPOINT, at, slot);
    await expectRefused('the store has format 2, this version knows 1');
  });

  test('told by its first frame when the checkpoint is lost', async () => {
    world.disk.lose(CHECKPOINT);
    world.disk.damage(`${STORE_DIRECTORY}/commitlog/00000000000000000000`, 0, Buffer.from('CMQ3'));
    await expectRefused('the store has format 3, this version knows 1');
  });
});
