import { beforeEach, expect, test } from 'vitest';
import type { Logger } from '@cometmq/common/logging/logger';
import { silentLogger } from '@cometmq/common/logging/logger';
import type { ClientChannel } from '@cometmq/broker/client/client-channel';
import type { MessageModel } from '@cometmq/broker/client/consumer-group';
import { ConsumerTable } from '@cometmq/broker/client/consumer-table';
import { GroupGuard } from '@cometmq/broker/client/group-guard';
import { subscription } from '@cometmq/broker/client/subscription';
import { PropertyFilters } from '@cometmq/broker/filter/property-filters';
import { ManualClock } from '../../../support/manual-clock.ts';

const SCAN_MS = 10_000;

let clock: ManualClock;
let consumers: ConsumerTable;
let logged: string[];
let refuses: boolean;
let guard: GroupGuard;
let ports: number;

beforeEach(() => {
  clock = new ManualClock();
  consumers = new ConsumerTable(clock);
  logged = [];
  refuses = false;
  ports = 1000;
  const log: Logger = {
    ...silentLogger,
    info: (_fields, message) => void logged.push(message),
    warn: (fields, message) => void logged.push(`${message}: ${String(fields['reason'])}`),
  };
  guard = new GroupGuard(clock, log, consumers, () => refuses);
});

interface Wish {
  readonly model?: MessageModel;
  readonly type?: string;
  readonly channel?: ClientChannel;
}

/** A heartbeat of a client of the group `billing`; expressions by topic. */
function beat(clientId: string, wishes: Readonly<Record<string, string>>, wish: Wish = {}): ClientChannel {
  const { model = 'CLUSTERING', type = 'TAG', channel = newChannel() } = wish;
  const filters = new PropertyFilters({ propertyFilter: true });
  const said = {
    consumeType: 'CONSUME_PASSIVELY',
    messageModel: model,
    consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
    subscriptions: Object.entries(wishes).map(([topic, text]) => subscription(topic, text, type, 1, filters)),
  } as const;
  const client = { clientId, language: 'JAVA', version: 493 };
  guard.check('billing', channel, client, said);
  consumers.beat('billing', channel, client, said, false);
  return channel;
}

function newChannel(): ClientChannel {
  return {
    remote: `10.0.0.1:${ports++}`,
    isClosed: false,
    isCongested: false,
    notifyGroupChanged: () => undefined,
    notifyOffsetsReset: () => undefined,
    askTransaction: () => undefined,
    close: () => undefined,
  };
}

async function found(): Promise<string[]> {
  await clock.advance(SCAN_MS);
  guard.scan();
  return guard.conflicts().map(({ kind, subject, sides }) => {
    return [kind, subject, ...sides.map(({ text, clientCount }) => `${clientCount} × ${text}`)].join(' | ');
  });
}

test('members that want the same are no conflict, however they write it', async () => {
  beat('a', { orders: 'paid || sent', bills: '*' });
  beat('b', { bills: '*', orders: ' sent||paid||sent' });
  beat('reader', {});
  expect(await found()).toEqual([]);
  expect(logged).toEqual([]);
});

test('different tags, filters and topics are named with those who want them', async () => {
  beat('a', { orders: 'paid' });
  beat('b', { orders: 'sent' });
  beat('c', { orders: 'paid', bills: '*' });
  expect(await found()).toEqual([
    'SUBSCRIPTIONS_DIFFER | orders | 2 × paid | 1 × sent',
    'SUBSCRIPTIONS_DIFFER | bills | 2 × not subscribed | 1 × *',
  ]);
  expect(logged[0]).toBe(
    'members of a consumer group do not fit together: different subscriptions of orders: ' +
      'paid by a (10.0.0.1:1000), c (10.0.0.1:1002); sent by b (10.0.0.1:1001)',
  );
});

test('a tag and an SQL92 expression of the same text differ', async () => {
  beat('a', { orders: 'TRUE' });
  beat('b', { orders: 'TRUE' }, { type: 'SQL92' });
  expect(await found()).toEqual(['SUBSCRIPTIONS_DIFFER | orders | 1 × TRUE | 1 × SQL92 TRUE']);
});

test('a conflict is told once, keeps its beginning, and its end is told', async () => {
  beat('a', { orders: 'paid' });
  const second = beat('b', { orders: 'sent' });
  await found();
  const since = guard.conflicts('billing')[0]?.since;
  await found();
  expect(guard.conflicts('billing')[0]?.since).toBe(since);
  expect(guard.conflicts('other')).toEqual([]);
  expect(logged).toHaveLength(1);
  consumers.leaveAll(second, () => false);
  expect(await found()).toEqual([]);
  expect(logged[1]).toBe('a conflict in a consumer group is gone');
});

test('clustering and broadcasting in one group', async () => {
  beat('a', { orders: '*' });
  beat('b', { orders: '*' }, { model: 'BROADCASTING' });
  expect(await found()).toEqual(['MODELS_DIFFER |  | 1 × CLUSTERING | 1 × BROADCASTING']);
});

test('one client id on two connections, unless the older one just broke', async () => {
  const first = beat('a', { orders: '*' });
  await clock.advance(60_000);
  beat('a', { orders: '*' });
  guard.scan();
  expect(guard.conflicts()).toEqual([]);
  expect(await found()).toEqual(['CLIENT_ID_TWICE | a | 2 × 2 connections']);
  consumers.leaveAll(first, () => false);
  expect(await found()).toEqual([]);
});

test('a member keeps its time of joining over its heartbeats', async () => {
  const channel = beat('a', { orders: '*' });
  beat('a', { orders: '*' });
  await clock.advance(SCAN_MS - 1);
  beat('a', { orders: '*' }, { channel });
  await clock.advance(1);
  guard.scan();
  expect(guard.conflicts()).toHaveLength(1);
});

test('pull and pop in one group, also when they wait for a minute between their requests', async () => {
  guard.pulled('billing');
  guard.popped('other');
  expect(await found()).toEqual([]);
  guard.popped('billing');
  expect(await found()).toEqual(['PULL_AND_POP | ']);
  for (let look = 0; look < 4; look++) await found();
  guard.popped('billing');
  guard.pulled('billing');
  expect(await found()).toEqual(['PULL_AND_POP | ']);
  expect(logged).toHaveLength(1);
  for (let look = 0; look < 7; look++) await found();
  expect(guard.conflicts()).toEqual([]);
});

test('refuses a newcomer that does not fit, if it is told to, and nobody else', async () => {
  refuses = true;
  beat('a', { orders: 'paid' });
  expect(() => beat('b', { orders: 'sent' })).toThrow(
    'group billing: different subscriptions of orders: paid by a (10.0.0.1:1000); sent by b (10.0.0.1:1001)',
  );
  expect(guard.refusals).toBe(1);
  beat('b', { orders: 'paid' });
  expect(consumers.find('billing')?.members.size).toBe(2);
  expect(await found()).toEqual([]);
});

test('does not refuse a client that comes back before its broken connection is noticed', () => {
  refuses = true;
  beat('a', { orders: 'paid' });
  beat('a', { orders: 'paid' });
  expect(consumers.find('billing')?.members.size).toBe(2);
});

test('a member that is there may change its mind; the conflict is told instead', async () => {
  refuses = true;
  const channel = beat('a', { orders: 'paid' });
  beat('b', { orders: 'paid' });
  beat('a', { orders: 'sent' }, { channel });
  expect(await found()).toHaveLength(1);
});
