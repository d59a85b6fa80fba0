// Two name servers on real sockets: stateless peers, of which one may be killed.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import { silentLogger } from '@cometmq/common/logging/logger';
import { NodeNet } from '@cometmq/common/net/node-net';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { NameServer } from '@cometmq/nameserver/name-server';
import { readTopicRoute } from '@cometmq/remoting/protocol/body/route';
import { writeRegisterBrokerBody } from '@cometmq/remoting/protocol/body/register-broker';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ChannelPool } from '@cometmq/remoting/transport/channel-pool';

const clock = new SystemClock();
const net = new NodeNet();
const disk = new NodeDisk();
const log = silentLogger;
const TIMEOUT_MS = 3000;

let folder: string;
let servers: NameServer[];
let pools: ChannelPool[];

async function startServer(name: string): Promise<NameServer> {
  const server = new NameServer({
    net,
    clock,
    disk,
    log,
    host: '127.0.0.1',
    port: 0,
    dataDir: join(folder, name),
  });
  await server.start();
  servers.push(server);
  return server;
}

function connect(): ChannelPool {
  const pool = new ChannelPool({
    net,
    clock,
    log,
    connectTimeoutMs: TIMEOUT_MS,
    handleRequest: () => undefined,
  });
  pools.push(pool);
  return pool;
}

function ask(
  pool: ChannelPool,
  server: NameServer,
  code: number,
  fields = {},
  body?: Buffer,
): Promise<RemotingCommand> {
  return pool.invoke(`127.0.0.1:${server.port}`, { code, extFields: fields, body }, TIMEOUT_MS);
}

function register(
  pool: ChannelPool,
  server: NameServer,
  brokerName: string,
  port: number,
): Promise<RemotingCommand> {
  const topics = [topicConfig('TopicTest', 4), topicConfig('TBW102', 8, 7)];
  const body = writeRegisterBrokerBody(
    { dataVersion: { counter: 1, stateVersion: 0, timestamp: 1 }, topics },
    true,
  );
  const brokerAddr = `127.0.0.1:${port}`;
  const fields = {
    brokerName,
    brokerAddr,
    clusterName: 'c',
    haServerAddr: brokerAddr,
    brokerId: '0',
    compressed: 'true',
  };
  return ask(pool, server, RequestCode.REGISTER_BROKER, fields, body);
}

async function brokersOf(server: NameServer): Promise<readonly string[]> {
  const client = connect();
  const answer = await ask(client, server, RequestCode.GET_ROUTEINFO_BY_TOPIC, { topic: 'TopicTest' });
  await client.close();
  return answer.code === 0
    ? readTopicRoute(parseBody(answer.body)).queueDatas.map((data) => data.brokerName)
    : [];
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cometmq-names-'));
  servers = [];
  pools = [];
});

afterEach(async () => {
  await Promise.all(pools.map((pool) => pool.close()));
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(folder, { recursive: true, force: true });
});

test('brokers are known to each peer they register with; one peer goes on without the other', async () => {
  const first = await startServer('first');
  const second = await startServer('second');
  const brokerA = connect();
  const brokerB = connect();
  for (const server of [first, second]) {
    expect((await register(brokerA, server, 'broker-a', 10911)).code).toBe(0);
    expect((await register(brokerB, server, 'broker-b', 10921)).code).toBe(0);
  }
  expect(await brokersOf(first)).toEqual(['broker-a', 'broker-b']);
  await first.stop();
  expect(await brokersOf(second)).toEqual(['broker-a', 'broker-b']);

  const restarted = await startServer('first');
  expect(await brokersOf(restarted)).toEqual([]);
  await register(brokerA, restarted, 'broker-a', 10911);
  expect(await brokersOf(restarted)).toEqual(['broker-a']);

  await brokerB.close();
  await expect.poll(() => brokersOf(second), { timeout: TIMEOUT_MS }).toEqual(['broker-a']);
});

test('key-value entries are kept by each peer for itself, over restarts', async () => {
  const first = await startServer('first');
  const second = await startServer('second');
  const admin = connect();
  const entry = { namespace: 'ORDER_TOPIC_CONFIG', key: 'TopicTest' };
  await ask(admin, first, RequestCode.PUT_KV_CONFIG, { ...entry, value: 'broker-a:4' });
  expect((await ask(admin, second, RequestCode.GET_KV_CONFIG, entry)).code).toBe(22);
  await first.stop();
  const restarted = await startServer('first');
  expect((await ask(admin, restarted, RequestCode.GET_KV_CONFIG, entry)).extFields).toEqual({
    value: 'broker-a:4',
  });
});
