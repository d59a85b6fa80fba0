import { expect, test } from 'vitest';
import type { ClientChannel } from '@cometmq/broker/client/client-channel';
import { ProducerTable } from '@cometmq/broker/client/producer-table';
import { Limits } from '@cometmq/broker/config/limits';
import { QueueLocks } from '@cometmq/broker/lock/queue-locks';
import { ManualClock } from '../../../support/manual-clock.ts';

const CLIENT = { clientId: 'c1', language: 'JAVA', version: 493 };

function channel(): ClientChannel {
  const nothing = (): void => undefined;
  return {
    remote: '10.0.0.7:50123',
    isClosed: false,
    isCongested: false,
    notifyGroupChanged: nothing,
    notifyOffsetsReset: nothing,
    askTransaction: nothing,
    close: nothing,
  };
}

test('the number of producer groups is bounded, and those of a closed connection make room', () => {
  const table = new ProducerTable(new ManualClock());
  const connection = channel();
  for (let group = 0; group < Limits.groups; group++) table.beat(`g${group}`, connection, CLIENT);
  expect(() => {
    table.beat('one more', channel(), CLIENT);
  }).toThrow('which is the limit');
  table.leaveAll(connection);
  table.beat('one more', channel(), CLIENT);
  expect(table.members('one more')).toHaveLength(1);
});

test('locks that nobody renews are forgotten, and the number of groups that hold some is bounded', async () => {
  const clock = new ManualClock();
  const locks = new QueueLocks(clock);
  for (let group = 0; group < Limits.groups; group++) locks.lock(`g${group}`, 'q', 'c1');
  expect(() => locks.lock('one more', 'q', 'c1')).toThrow('which is the limit');
  await clock.advance(59_000);
  locks.lock('g0', 'q', 'c1');
  await clock.advance(2_000);
  locks.expire();
  expect(locks.groupCount).toBe(1);
  expect(locks.lock('g0', 'q', 'c2')).toBe(false);
});
