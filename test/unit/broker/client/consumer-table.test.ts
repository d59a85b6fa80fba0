import { expect, test } from 'vitest';
import type { ClientChannel } from '@cometmq/broker/client/client-channel';
import type { GroupBeat } from '@cometmq/broker/client/consumer-group';
import { ConsumerTable } from '@cometmq/broker/client/consumer-table';
import type { Subscription } from '@cometmq/broker/client/subscription';
import { Limits } from '@cometmq/broker/config/limits';
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

function beat(topics: number): GroupBeat {
  const subscriptions = Array.from(
    { length: topics },
    (_, index) => ({ topic: `t${index}`, version: 1 }) as Subscription,
  );
  return {
    consumeType: 'CONSUME_PASSIVELY',
    messageModel: 'CLUSTERING',
    consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
    subscriptions,
  };
}

test('a group has at most so many members, and one that leaves makes room', () => {
  const table = new ConsumerTable(new ManualClock());
  const members = Array.from({ length: Limits.clientsPerGroup }, channel);
  for (const [index, member] of members.entries())
    table.beat('G', member, { ...CLIENT, clientId: `c${index}` }, beat(1), false);
  const late = channel();
  const join = (): void => {
    table.beat('G', late, { ...CLIENT, clientId: 'late' }, beat(1), false);
  };
  expect(join).toThrow(expect.objectContaining({ kind: 'SYSTEM_BUSY' }));
  // Those who are in stay in.
  for (const member of members.slice(0, 3)) table.beat('G', member, CLIENT, beat(1), false);
  table.leave('G', members[0] ?? late, false);
  join();
  expect(table.find('G')?.members.size).toBe(Limits.clientsPerGroup);
});

test('a heartbeat with more topics than the limit is refused and leaves nothing behind', () => {
  const table = new ConsumerTable(new ManualClock());
  for (let index = 0; index < 10; index++) {
    expect(() => {
      table.beat(`G${index}`, channel(), CLIENT, beat(Limits.subscriptionsPerGroup + 1), false);
    }).toThrow(expect.objectContaining({ kind: 'INVALID_ARGUMENT' }));
  }
  expect([...table.all()]).toEqual([]);
  table.beat('G', channel(), CLIENT, beat(Limits.subscriptionsPerGroup), false);
  expect(table.find('G')?.subscriptions.size).toBe(Limits.subscriptionsPerGroup);
});
