import { afterEach, expect, test } from 'vitest';
import { SystemTopic } from '@cometmq/common/topic/names';
import { sendRequest } from '../../../support/broker-world.ts';
import { TransactionWorld, placeOf } from '../../../support/transaction-world.ts';

const HOUR_MS = 3_600_000;
const SEGMENT = 2 ** 20;
let tx: TransactionWorld;

afterEach(() => tx.close());

/** Fills segments, so that older ones may go. */
async function fill(count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const sent = tx.world.services.producing.send(
      sendRequest('ballast', {}, { body: Buffer.alloc(400_000) }),
    );
    await tx.world.clock.advance(100);
    await sent;
  }
}

async function age(): Promise<void> {
  await fill(6);
  await tx.world.clock.advance(2 * HOUR_MS);
  await fill(6);
  await tx.world.store.expire();
}

test('an open transaction outlives its segment again and again, with its checks and its story', async () => {
  tx = await TransactionWorld.open({ segmentSizeBytes: SEGMENT, retentionMs: HOUR_MS });
  const half = await tx.sendHalf({ CHECK_IMMUNITY_TIME_IN_SECONDS: '60' });
  const asked = tx.producer();
  await tx.pass(61_000);
  await tx.end(half, 'unknown', { isAnswer: true });
  for (let round = 0; round < 3; round++) {
    await age();
    expect(tx.world.store.logStart).toBeGreaterThan(placeOf(half));
    expect(tx.table.size).toBe(1);
    if (round === 1) await tx.restart();
  }
  expect(asked).toHaveLength(1);
  const known = {
    state: 'checking',
    checks: 1,
    halfOffset: half.queueOffset,
    offsetMessageId: half.messageId,
  };
  expect(await tx.admin.get('ID1')).toMatchObject(known);
  expect(await tx.story('ID1')).toEqual(['checked', 'answered']);
  const again = tx.producer();
  await tx.pass(2_000);
  expect(again).toMatchObject([{ physicalOffset: placeOf(half), queueOffset: half.queueOffset }]);
  await tx.end(half, 'commit', { isAnswer: true });
  const [message, ...others] = tx.world.read('orders');
  expect(others).toEqual([]);
  expect(message?.body.toString()).toBe('hello');
  expect([...(message?.properties.keys() ?? [])].filter((name) => /COMET|PREPARED_QUEUE/.test(name))).toEqual(
    [],
  );
  expect(await tx.story('ID1')).toEqual(['checked', 'answered', 'checked', 'commit by check']);
});

test('without the saved rows the log alone tells the same', async () => {
  tx = await TransactionWorld.open({ segmentSizeBytes: SEGMENT, retentionMs: HOUR_MS });
  const open = await tx.sendHalf();
  const decided = await tx.sendHalf();
  await age();
  await tx.end(decided, 'rollback');
  await tx.world.close();
  const { clock, disk } = tx.world;
  const { kv: empty } = (await TransactionWorld.open()).world;
  // Topics are in the rows, too.
  for (const [key, value] of await tx.world.kv.entries('topic')) await empty.write([{ key, value }]);
  await tx.reopen({ clock, disk, kv: empty });
  expect(tx.table.size).toBe(1);
  await tx.end(open, 'commit');
  expect(tx.bodies()).toEqual(['hello']);
});

test('what was decided is not carried, and goes with the log', async () => {
  tx = await TransactionWorld.open({ segmentSizeBytes: SEGMENT, retentionMs: HOUR_MS });
  await tx.end(await tx.sendHalf(), 'rollback');
  await age();
  expect(tx.world.read(SystemTopic.TRANS_HALF)).toEqual([]);
  await expect(tx.admin.get('ID1')).rejects.toMatchObject({ kind: 'NOT_FOUND' });
});

test('while open ones can not be stored again nothing expires, and none is lost', async () => {
  tx = await TransactionWorld.open({ segmentSizeBytes: SEGMENT, retentionMs: HOUR_MS });
  const half = await tx.sendHalf();
  await fill(6);
  const write = tx.world.kv.write.bind(tx.world.kv);
  tx.world.kv.write = () => Promise.reject(new Error('no space'));
  await tx.world.clock.advance(2 * HOUR_MS);
  await expect(tx.world.store.expire()).rejects.toThrow('no space');
  expect(tx.world.store.logStart).toBe(0);
  tx.world.kv.write = write;
  await tx.world.store.expire();
  expect(tx.world.store.logStart).toBeGreaterThan(0);
  await tx.end(half, 'commit');
  expect(tx.bodies()).toEqual(['hello']);
});
