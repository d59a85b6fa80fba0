import { expect, test } from 'vitest';
import { storedHalf, toHalf, transactionOf } from '@cometmq/broker/transaction/half-message';
import { StoredRecord } from '@cometmq/broker/store/stored-record';
import { appendRequest, propertyText, StoreWorld } from '../../../support/store-world.ts';

const HALF_TOPIC = 'RMQ_SYS_TRANS_HALF_TOPIC';

/** What a half message says of itself after it was sent with these properties and read back. */
async function sentWith(properties: Record<string, string>): Promise<ReturnType<typeof transactionOf>> {
  const world = new StoreWorld();
  await world.open();
  const { store } = world;
  await world.send({ topic: HALF_TOPIC, body: 'an older one' });
  const text = propertyText({ UNIQ_KEY: 'U1', PGROUP: 'producers', ...properties });
  const request = appendRequest(store.queues.get('orders', 1), Buffer.from('paid'), text);
  toHalf(request, 'producers', store.queues);
  const result = { physicalOffset: 0, queueOffset: 0, storeTimestamp: 0 };
  store.append(request, 'synced', result);
  await store.whenDurable('synced');
  const bytes = await store.readRecord(result.physicalOffset);
  const transaction = transactionOf(storedHalf(new StoredRecord(bytes ?? Buffer.alloc(0))));
  expect([transaction.queueOffset, transaction.physicalOffset]).toEqual([1, result.physicalOffset]);
  return transaction;
}

test('a producer can not say that its message is a copy of another one', async () => {
  const { storedAt, topic } = await sentWith({
    COMET_HALF_PLACE: '0',
    COMET_HALF_STORED_AT: 'zz',
    TRAN_PREPARED_QUEUE_OFFSET: '0',
  });
  expect(topic).toBe('orders');
  expect(storedAt).toBeGreaterThan(0);
});

test.each(['zz', '-1', '1e9', '9'.repeat(30), ''])(
  'a place %j in a stored message counts as none',
  (text) => {
    const half = { physicalOffset: 700, queueOffset: 7, storeTimestamp: 1_000, sizeBytes: 100 };
    const properties = new Map([
      ['COMET_HALF_PLACE', text],
      ['COMET_HALF_STORED_AT', text],
      ['TRAN_PREPARED_QUEUE_OFFSET', text],
      ['CHECK_IMMUNITY_TIME_IN_SECONDS', text],
    ]);
    expect(transactionOf({ ...half, properties })).toMatchObject({
      physicalOffset: 700,
      queueOffset: 7,
      storedAt: 1_000,
    });
  },
);
