import { expect, test } from 'vitest';
import { Limits } from '@cometmq/broker/config/limits';
import { BrokerWorld, sendRequest } from '../../../support/broker-world.ts';

test('a disk that does not keep up: sends are refused, nothing of them is stored, and it goes on by itself', async () => {
  const world = await BrokerWorld.open();
  let unsyncedBytes = Limits.unsyncedBytes + 1;
  Object.defineProperty(world.store, 'unsyncedBytes', { get: () => unsyncedBytes });
  const { producing } = world.services;
  await expect(producing.send(sendRequest('orders'))).rejects.toMatchObject({
    kind: 'SYSTEM_BUSY',
    retryable: true,
  });
  await expect(producing.sendBatch(sendRequest('orders'))).rejects.toMatchObject({ kind: 'SYSTEM_BUSY' });
  expect(world.store.queues.find('orders', 0)?.max ?? 0).toBe(0);

  unsyncedBytes = Limits.unsyncedBytes;
  const sent = producing.send(sendRequest('orders'));
  await world.clock.advance(50);
  await sent;
  expect(world.read('orders')).toHaveLength(1);
  await world.close();
});
