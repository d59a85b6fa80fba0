import { beforeEach, describe, expect, test } from 'vitest';
import { BrokerWorld, sendRequest } from '../../../support/broker-world.ts';

const MIB = 1024 * 1024;
let world: BrokerWorld;

beforeEach(async () => {
  world = await BrokerWorld.open();
});

async function send(...request: Parameters<typeof sendRequest>) {
  const sent = world.services.producing.send(sendRequest(...request));
  sent.catch(() => undefined);
  await world.clock.advance(1);
  return sent;
}

function properties(size: number): Buffer {
  const head = 'UNIQ_KEY\u0001C0A8000100002A9F0000000000000001\u0002k\u0001';
  return Buffer.from(`${head}${'v'.repeat(size - head.length - 1)}\u0002`);
}

describe('borders, both sides', () => {
  test('a body of 4 MiB', async () => {
    await send('orders', {}, { body: Buffer.alloc(4 * MIB, 1) });
    expect(world.store.queues.get('orders', 0).max).toBe(1);
    await expect(send('orders', {}, { body: Buffer.alloc(4 * MIB + 1) })).rejects.toMatchObject({
      kind: 'MESSAGE_ILLEGAL',
    });
    await expect(send('orders', {}, { body: Buffer.alloc(0) })).rejects.toMatchObject({
      kind: 'MESSAGE_ILLEGAL',
    });
  });

  test('properties of 32,767 bytes', async () => {
    await send('orders', {}, { properties: properties(32_767) });
    expect(world.read('orders')[0]?.properties.get('k')).toHaveLength(32_767 - 44 - 1);
    await expect(send('orders', {}, { properties: properties(32_768) })).rejects.toMatchObject({
      kind: 'MESSAGE_ILLEGAL',
    });
  });

  test('the largest message of all', async () => {
    await send('T'.repeat(127), {}, { body: Buffer.alloc(4 * MIB, 1), properties: properties(32_767) });
    expect(world.store.queues.get('T'.repeat(127), 0).max).toBe(1);
  });

  test('a topic of 127 characters', async () => {
    await send('T'.repeat(127));
    expect(world.read('T'.repeat(127))).toHaveLength(1);
    await expect(send('T'.repeat(128))).rejects.toMatchObject({ kind: 'INVALID_ARGUMENT' });
  });

  test('a group of 120 characters', () => {
    expect(world.services.groups.findOrCreate('G'.repeat(120))?.groupName).toHaveLength(120);
    expect(world.services.groups.findOrCreate('G'.repeat(121))).toBeUndefined();
  });
});

describe('when the disk fails', () => {
  test('a send whose sync fails is answered with an error at once, and so is every later one', async () => {
    world.disk.failNext(1, 'EIO', ['datasync']);
    await expect(send('orders')).rejects.toMatchObject({ kind: 'STORE_FAILED' });
    await expect(send('orders')).rejects.toMatchObject({ kind: 'STORE_FAILED' });
    expect(world.read('orders')).toEqual([]);
  });
});
