import { expect, test } from 'vitest';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { createAdmin, nameServerList } from '@cometmq/client/admin/admin-client';
import { ResponseError } from '@cometmq/client/admin/response-error';
import { FakeCluster, NAME_SERVER } from './fake-cluster.ts';

const A = '127.0.0.1:10911';
const DEAD = '127.0.0.1:1';

test('the next name server is asked when one is down, and stays preferred', async () => {
  const cluster = new FakeCluster().broker('broker-a', A).down(DEAD);
  const admin = cluster.admin([DEAD, NAME_SERVER]);
  await admin.cluster.view();
  await admin.cluster.view();
  expect(cluster.asked.map(({ address }) => address)).toEqual([DEAD, NAME_SERVER, NAME_SERVER]);
});

test('when all name servers are down the first failure is told', async () => {
  const cluster = new FakeCluster().down(DEAD).down(NAME_SERVER);
  await expect(cluster.admin([DEAD, NAME_SERVER]).cluster.view()).rejects.toMatchObject({
    kind: 'CONNECTION',
    message: `can't connect to ${DEAD}`,
  });
});

test('a refusal is not repeated at another name server', async () => {
  const cluster = new FakeCluster().on(NAME_SERVER, RequestCode.GET_BROKER_CLUSTER_INFO, () => ({
    code: 1,
    remark: 'no',
  }));
  await expect(cluster.admin([NAME_SERVER, DEAD]).cluster.view()).rejects.toBeInstanceOf(ResponseError);
  expect(cluster.asked).toHaveLength(1);
});

test('a broker is found by name or address; an unknown address is taken as it is', async () => {
  const cluster = new FakeCluster().broker('broker-a', A);
  const { brokers } = cluster.admin();
  expect((await brokers.find('broker-a')).address).toBe(A);
  expect((await brokers.find(A)).brokerName).toBe('broker-a');
  expect((await brokers.find('10.0.0.9:10911')).address).toBe('10.0.0.9:10911');
  await expect(brokers.find('broker-x')).rejects.toMatchObject({
    kind: 'NOT_FOUND',
    hint: 'known brokers: broker-a',
  });
});

test.each([
  [17, 'no topic', 'TOPIC_NOT_EXIST'],
  [26, 'no group', 'GROUP_NOT_EXIST'],
  [206, 'offline', 'CONSUMER_NOT_ONLINE'],
  [207, 'slow', 'CLIENT_TIMEOUT'],
  [1, 'The Consumer <g> <c> not online', 'CONSUMER_NOT_ONLINE'],
  [1, 'something else', 'INTERNAL'],
  [16, 'no', 'NO_PERMISSION'],
  [3, 'what?', 'NOT_SUPPORTED'],
  [777, undefined, 'INTERNAL'],
])('answer %i (%s) is a failure of kind %s', (code, remark, kind) => {
  const error = new ResponseError(RequestCode.GET_TOPIC_CONFIG, code, remark, A);
  expect(error.kind).toBe(kind);
  expect(error.remoteCode).toBe(code);
  expect(error.message).toContain(A);
});

test("the link to Java's questions and answers is dropped", () => {
  const remark =
    'No topic route info in name server for the topic: x\nSee https://rocketmq.apache.org/docs/bestPractice/06FAQ for further details.';
  expect(new ResponseError(105, 17, remark, A).message).toMatch(/for the topic: x$/);
});

test('name servers are a list or text', () => {
  expect(nameServerList('a:1; b:2,c:3')).toEqual(['a:1', 'b:2', 'c:3']);
  expect(nameServerList(['a:1', ' '])).toEqual(['a:1']);
  expect(() => createAdmin({ nameServers: ' ', transport: new FakeCluster() })).toThrow(/no name server/);
});

test('close closes the transport', async () => {
  const cluster = new FakeCluster();
  await cluster.admin().close();
  expect(cluster.closed).toBe(true);
});
