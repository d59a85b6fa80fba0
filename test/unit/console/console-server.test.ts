import { MqError } from '@cometmq/common/error/mq-error';
import { silentLogger } from '@cometmq/common/logging/logger';
import type {
  ChangeResult,
  ClusterView,
  GroupDetail,
  GroupSummary,
  Page,
  TopicDetail,
  TopicSummary,
} from '@cometmq/console/api-contract';
import { ConsoleServer } from '@cometmq/console/console-server';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../support/manual-clock.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { ConsoleHarness } from './console-harness.ts';
import { MemoryAdmin } from './memory-admin.ts';

const client = { clientId: 'c1', address: '127.0.0.1:5000', language: 'JAVA', version: '5.4.0' };

describe('ConsoleServer', () => {
  let harness: ConsoleHarness;
  beforeEach(async () => {
    harness = new ConsoleHarness();
    harness.admin
      .addTopic('orders')
      .addTopic('payments')
      .addTopic('%RETRY%billing', 1, 'retry')
      .addTopic('TBW102', 1, 'system');
    harness.admin.addGroup('billing', ['orders'], [client]).addGroup('CID_RMQ_SYS_TRANS', []);
    await harness.start();
  });
  afterEach(() => harness.stop());

  it('refuses to be open to the network unless that is wanted', async () => {
    const clock = new ManualClock();
    const options = {
      clock,
      random: new SeededRandom(1),
      log: silentLogger,
      nameServers: [],
      admin: new MemoryAdmin(clock),
    };
    const server = new ConsoleServer({ ...options, host: '0.0.0.0', port: 0 });
    await expect(server.start()).rejects.toThrow(/no sign-in/);
  });

  it('gives the overview with rates, lag and what needs attention', async () => {
    harness.admin.runtime = {
      ...harness.admin.runtime,
      msgPutTotalTodayNow: '100',
      msgGetTotalTodayNow: '50',
    };
    for (let sent = 0; sent < 3; sent++) harness.admin.send('orders');
    harness.admin.setClients('billing', []);
    await harness.clock.advance(2_000);
    const { status, body } = await harness.get<ClusterView>('/api/v1/cluster');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      inTotal: 100,
      outTotal: 50,
      lag: 3,
      topicCount: 2,
      groupCount: 1,
      clients: 0,
    });
    expect(body.brokers).toMatchObject([
      { name: 'broker-a', online: true, diskUsedRatio: 0.41, putPerSecond: 12 },
    ]);
    expect(body.attention).toEqual([
      { severity: 'bad', kind: 'group-unattended', subject: 'billing', value: 3 },
    ]);
  });

  it('leaves out what it does not know instead of saying 0', async () => {
    harness.admin.runtime = {};
    harness.admin.broken.set('groupConnection', new MqError('TIMEOUT', 'slow'));
    await harness.clock.advance(2_000);
    const { body: cluster } = await harness.get<ClusterView>('/api/v1/cluster');
    expect(cluster).not.toHaveProperty('inPerSecond');
    expect(cluster).not.toHaveProperty('clients');
    const { body: groups } = await harness.get<Page<GroupSummary>>('/api/v1/groups');
    expect(groups.items[0]).not.toHaveProperty('clients');
  });

  it('does not show half a sum when a broker is silent', async () => {
    harness.admin.send('orders');
    harness.admin.failures = ['broker-b: timed out'];
    const { body } = await harness.get<GroupDetail>('/api/v1/groups/billing');
    expect(body).not.toHaveProperty('lag');
    expect(body.notes).toContain('broker-b: timed out');
  });

  it('does not call a group caught up that has committed nothing yet', async () => {
    harness.admin.uncommitted.add('orders');
    const { body } = await harness.get<GroupDetail>('/api/v1/groups/billing');
    expect(body.queues).toEqual([]);
    expect(body).not.toHaveProperty('lag');
    expect(body).not.toHaveProperty('delayMs');
  });

  it('measures rates between two readings', async () => {
    await harness.get('/api/v1/topics/orders');
    for (let sent = 0; sent < 20; sent++) harness.admin.send('orders');
    await harness.clock.advance(2_000);
    const { body } = await harness.get<TopicDetail>('/api/v1/topics/orders');
    expect(body.inPerSecond).toBe(10);
    expect(body.queues[0]?.inPerSecond).toBe(10);
    expect(body.queues[1]?.inPerSecond).toBe(0);
  });

  it('remembers the rates of the last hour, one sample each five seconds', async () => {
    await harness.clock.advance(61 * 60_000);
    const { body } = await harness.get<ClusterView>('/api/v1/cluster');
    expect(body.history.length).toBe(720);
  });

  it('folds retry and system topics away until they are wanted', async () => {
    const names = async (kind: string): Promise<string[]> =>
      (await harness.get<Page<TopicSummary>>(`/api/v1/topics?kind=${kind}`)).body.items.map(
        (topic) => topic.name,
      );
    expect(await names('user')).toEqual(['orders', 'payments']);
    expect(await names('derived')).toEqual(['%RETRY%billing']);
    expect(await names('system')).toEqual(['TBW102']);
  });

  it('pages lists and hides system groups', async () => {
    const { body } = await harness.get('/api/v1/topics?limit=1&offset=1');
    expect(body).toMatchObject({ total: 2, offset: 1, limit: 1, items: [{ name: 'payments' }] });
    expect((await harness.get<Page<GroupSummary>>('/api/v1/groups')).body.total).toBe(1);
    expect((await harness.get<Page<GroupSummary>>('/api/v1/groups?system=true')).body.total).toBe(2);
  });

  it('asks the brokers once for many browsers', async () => {
    await Promise.all(Array.from({ length: 10 }, () => harness.get('/api/v1/topics/orders')));
    expect(harness.admin.calls.filter((call) => call === 'topicStats').length).toBe(1);
  });

  it('shows a group with queues, owners and clients', async () => {
    harness.admin.send('orders', { queueId: 1 });
    harness.admin.commit('billing', 'orders', 0, 0);
    const { body } = await harness.get<GroupDetail>('/api/v1/groups/billing');
    expect(body).toMatchObject({
      lag: 1,
      clients: 1,
      model: 'CLUSTERING',
      topics: ['orders'],
      deadLetters: 0,
    });
    expect(body.queues).toEqual([
      {
        topic: 'orders',
        broker: 'broker-a',
        queueId: 0,
        brokerOffset: 0,
        consumerOffset: 0,
        lag: 0,
        ownerClientId: 'c1',
      },
      { topic: 'orders', broker: 'broker-a', queueId: 1, brokerOffset: 1, lag: 1, ownerClientId: 'c1' },
    ]);
  });

  it('asks a client for its running info only on demand', async () => {
    expect((await harness.get('/api/v1/groups/billing/clients/c1?stack=true')).body).toMatchObject({
      clientId: 'c1',
      stack: 'main: running',
    });
    const gone = await harness.get('/api/v1/groups/billing/clients/c9');
    expect(gone.status).toBe(409);
    expect(gone.body.error.code).toBe('CONSUMER_NOT_ONLINE');
  });

  it('creates and deletes topics, the latter only with the name repeated', async () => {
    const created = await harness.send('POST', '/api/v1/topics', {
      name: 'fresh',
      queues: 4,
      messageType: 'FIFO',
    });
    expect(created.status).toBe(201);
    expect((await harness.get('/api/v1/topics/fresh')).body).toMatchObject({
      messageType: 'FIFO',
      readQueues: 4,
    });
    const again = await harness.send('POST', '/api/v1/topics', {
      name: 'fresh',
      queues: 4,
      messageType: 'FIFO',
    });
    expect(again.status).toBe(400);
    expect((await harness.send('DELETE', '/api/v1/topics/fresh', { confirm: 'fresher' })).status).toBe(400);
    expect(
      (await harness.send<ChangeResult>('DELETE', '/api/v1/topics/fresh', { confirm: 'fresh' })).body
        .complete,
    ).toBe(true);
    expect((await harness.get('/api/v1/topics/fresh')).status).toBe(404);
  });

  it('answers errors in one shape and says nothing of bugs', async () => {
    harness.admin.broken.set('topicRoute', new TypeError('secret detail'));
    const bug = await harness.get('/api/v1/topics/orders');
    expect(bug.status).toBe(500);
    expect(JSON.stringify(bug.body)).not.toContain('secret');
    harness.admin.broken.set('topicRoute', new MqError('CONNECTION', 'no route to 127.0.0.1:9876'));
    const down = await harness.get('/api/v1/topics/orders');
    expect(down.status).toBe(502);
    expect(down.body.error).toMatchObject({ code: 'CONNECTION', message: 'no route to 127.0.0.1:9876' });
    expect(down.body.error.hint).toBeTypeOf('string');
    expect((await harness.get('/api/v1/nothing')).body.error.code).toBe('NO_SUCH_ROUTE');
  });

  it.each([
    '/api/v1/topics?limit=0',
    '/api/v1/topics?limit=201',
    '/api/v1/topics?limit=1e2',
    '/api/v1/topics?offset=-1',
    '/api/v1/topics?kind=nonsense',
    '/api/v1/topics?limit=1&limit=2',
    `/api/v1/topics/${'x'.repeat(256)}`,
    '/api/v1/topics/a%20b',
    '/api/v1/topics/..%2f..%2fetc',
    '/api/v1/messages/by-key',
    '/api/v1/messages/by-id?id=%00',
    '/api/v1/messages/by-time?topic=orders&from=5&to=4',
    '/api/v1/messages/by-time?topic=orders&from=0&to=99999999999999999',
    '/api/v1/messages/by-time?topic=orders&from=0&to=1&cursor=bm9wZQ',
    '/api/v1/messages/by-offset?topic=orders&broker=broker-a&queueId=0&offset=0&limit=33',
  ])('refuses %s with a coded error', async (path) => {
    const { status, body } = await harness.get(path);
    expect(status).toBe(400);
    expect(body.error.code).toBe('INVALID_ARGUMENT');
    expect(harness.admin.calls.filter((call) => call.startsWith('query') || call === 'pull')).toEqual([]);
  });

  it.each([
    ['{"name":"x","queues":1,"messageType":"NORMAL","extra":1}', 400],
    ['{"name":"x","queues":1.5,"messageType":"NORMAL"}', 400],
    ['{"name":"a b","queues":1,"messageType":"NORMAL"}', 400],
    ['{"name":"x","queues":100000,"messageType":"NORMAL"}', 400],
    ['[]', 400],
    ['not json', 400],
    ['\u00ff\u00fe', 400],
    [' '.repeat(70_000), 413],
  ])('refuses the body %j with %i', async (body, status) => {
    const answer = await harness.request('POST', '/api/v1/topics', body, {
      'content-type': 'application/json',
    });
    expect(answer.status).toBe(status);
    expect(harness.admin.calls).not.toContain('createTopic');
  });
});
