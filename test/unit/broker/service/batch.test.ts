import { afterEach, expect, test } from 'vitest';
import { encodeBatch } from '@cometmq/common/message/batch-codec';
import { encodeProperties } from '@cometmq/common/message/properties';
import { BrokerWorld, sendRequest } from '../../../support/broker-world.ts';

const MEBIBYTE = 1024 * 1024;
let world: BrokerWorld;

afterEach(async () => {
  await world.close();
});

function batch(bodies: readonly Buffer[]): Buffer {
  return encodeBatch(
    bodies.map((body, index) => ({
      flag: index,
      body,
      properties: Buffer.from(encodeProperties(new Map([['UNIQ_KEY', `K${index}`]]))),
    })),
  );
}

test('the members of a batch get consecutive offsets in one queue, and an id each', async () => {
  world = await BrokerWorld.open();
  const bodies = ['a', 'b', 'c'].map((text) => Buffer.from(text));
  const outcome = await world.services.producing.sendBatch(
    sendRequest('orders', {}, { body: batch(bodies) }),
  );
  expect(outcome.queueOffset).toBe(0);
  expect(outcome.messageId.split(',')).toHaveLength(3);
  const stored = world.read('orders');
  expect(stored.map(({ queueOffset, flag, body }) => [queueOffset, flag, body.toString()])).toEqual([
    [0, 0, 'a'],
    [1, 1, 'b'],
    [2, 2, 'c'],
  ]);
});

test('a batch that the log has no room for is refused as a whole', async () => {
  world = await BrokerWorld.open();
  const { producing } = world.services;
  // No time passes, so the spare segment does not get ready and the only segment fills up.
  const large = Array.from({ length: 7 }, () => Buffer.alloc(MEBIBYTE / 2, 'x'));
  let refusal: unknown;
  let sent = 0;
  while (refusal === undefined) {
    try {
      await producing.sendBatch(sendRequest('orders', {}, { body: batch(large) }));
      sent += large.length;
    } catch (error) {
      refusal = error;
    }
  }
  expect(refusal).toMatchObject({ kind: 'SYSTEM_BUSY' });
  expect(sent).toBeGreaterThan(0);
  expect(world.read('orders')).toHaveLength(sent);
  // There was room for a part of it: a single member still fits.
  await producing.sendBatch(sendRequest('orders', {}, { body: batch(large.slice(0, 1)) }));
  expect(world.read('orders')).toHaveLength(sent + 1);
});
