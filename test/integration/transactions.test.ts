// Transactions through real sockets: the SDK's producer, the broker's questions, and what an operator does about them.
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MqClient, TransactionalOptions } from '@cometmq/client';
import { createClient, silentLogger } from '@cometmq/client';
import { createAdmin } from '@cometmq/client/admin/admin-client';
import { runCommand } from 'cometmq/command/run-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { BrokerCaller } from '../support/crash/broker-caller.ts';
import { LoopbackCluster } from '../support/loopback-cluster.ts';

const CHECKS = 2;
let cluster: LoopbackCluster;
let clients: MqClient[];
let received: string[];

beforeEach(async () => {
  cluster = await LoopbackCluster.start({
    config: { transactionTimeoutMs: 300, transactionCheckIntervalMs: 500, transactionCheckMax: CHECKS },
  });
  clients = [];
  received = [];
  const consumer = client().consume({
    group: 'billing',
    topics: ['orders'],
    handle: (message) => void received.push(message.body.toString()),
  });
  await client().producer().send('orders', { body: 'first' });
  await consumer.ready();
  await until(() => received.length === 1);
});

afterEach(async () => {
  await Promise.all(clients.map((each) => each.close()));
  await cluster.stop();
});

function nameServer(): string {
  return `127.0.0.1:${cluster.namesrv.port}`;
}

function client(): MqClient {
  const made = createClient({ nameServers: nameServer(), logger: silentLogger });
  clients.push(made);
  return made;
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let waitedMs = 0; waitedMs < 15_000; waitedMs += 50) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('not within 15 s');
}

async function comet(line: string, ...more: string[]): Promise<{ code: number; out: string; err: string }> {
  const written = { out: '', err: '' };
  const code = await runCommand([...line.split(' '), ...more, '--time', 'epoch'], {
    streams: {
      out: { write: (text) => (written.out += text), isTerminal: false },
      err: { write: (text) => (written.err += text), isTerminal: false },
    },
    env: { USER: 'ops' },
    signal: new AbortController().signal,
    awaitInterrupt: () => undefined,
    version: '9.9.9',
    now: () => Date.now(),
    readInput: () => Promise.resolve(Buffer.alloc(0)),
    connect: ({ timeoutMs }) => Promise.resolve(createAdmin({ nameServers: nameServer(), timeoutMs })),
  });
  return { code, ...written };
}

/** A transaction that its local part leaves open. */
async function open(body: string, check: TransactionalOptions['check']): Promise<string> {
  const producer = client().transactional({ group: 'order-tx', check });
  return (await producer.sendInTransaction('orders', { body, keys: ['A1'] }, () => 'unknown')).messageId;
}

test('what is committed is delivered once, what is rolled back never, what is unknown is asked about', async () => {
  const asked: string[] = [];
  const producer = client().transactional({
    group: 'order-tx',
    check: (message, { attempt }) => {
      asked.push(`${message.body.toString()} ${attempt}`);
      return attempt === 1 ? 'unknown' : 'commit';
    },
  });
  const send = (
    body: string,
    outcome: 'commit' | 'rollback' | 'unknown',
  ): ReturnType<typeof producer.sendInTransaction> =>
    producer.sendInTransaction('orders', { body }, () => outcome);
  expect(await send('committed', 'commit')).toMatchObject({ outcome: 'commit', confirmed: true });
  expect(await send('rolled back', 'rollback')).toMatchObject({ outcome: 'rollback', confirmed: true });
  await send('asked', 'unknown');
  const failing = producer.sendInTransaction('orders', { body: 'failed' }, () =>
    Promise.reject(new Error('oops')),
  );
  await expect(failing).rejects.toThrow('oops');
  await until(() => received.length === 4);
  expect(received.toSorted()).toEqual(['asked', 'committed', 'failed', 'first']);
  expect(asked.toSorted()).toEqual(['asked 1', 'asked 2', 'failed 1', 'failed 2']);
});

test('a producer that was started after the death of another one is asked, from its start on', async () => {
  const dead = createClient({ nameServers: nameServer(), logger: silentLogger });
  const first = dead.transactional({ group: 'order-tx', check: () => 'unknown' });
  await first.sendInTransaction('orders', { body: 'orphan' }, () => 'unknown');
  await dead.close();
  client().transactional({ group: 'order-tx', check: () => 'commit', topics: ['orders'] });
  await until(() => received.includes('orphan'));
});

test('an operator lists what is out of checks, reads its story, and has it checked again', async () => {
  let answer: 'unknown' | 'commit' = 'unknown';
  const id = await open('stuck', () => answer);
  await until(async () => (await comet('tx list --state expired -o name')).out === `${id}\n`);
  const story = await comet(`tx get ${id}`);
  expect(story.out).toContain(`transaction ${id}: out of checks`);
  expect(story.out.match(/[●?○!] .*/g)?.map((line) => line.replace(/[\d.]+@.*$/, '…'))).toEqual([
    '● stored',
    ...['○ …', '? check 1: asked …', '○ …', '? check 2: asked …', '○ …'],
    '! out of checks: waits for an operator',
  ]);
  expect(await comet(`tx resume ${id}`)).toMatchObject({ code: 2 });
  answer = 'commit';
  expect(await comet(`tx resume ${id} --reason`, 'the database is back')).toMatchObject({ code: 0 });
  await until(() => received.includes('stuck'));
  const { out } = await comet(`tx get ${id} -o json`);
  const timeline = JSON.parse(out) as {
    state: string;
    events: { what: string; reason?: string; by?: string }[];
  };
  expect(timeline.state).toBe('committed');
  expect(timeline.events.find(({ what }) => what === 'resumed')?.reason).toBe('the database is back');
  expect(timeline.events.at(-1)).toMatchObject({ what: 'decided', by: 'check' });
  expect((await comet('tx list --state committed -o name')).out).toBe(`${id}\n`);
});

test('RocketMQ’s request to check a message again finds it by its copy’s id and by its own', async () => {
  const id = await open('stuck', () => 'unknown');
  await until(async () => (await comet('tx list --state expired -o name')).out === `${id}\n`);
  const reader = client().reader({ topic: 'TRANS_CHECK_MAX_TIME_TOPIC', from: 'first' });
  const [copy] = await reader.pull({ max: 1, wait: 1_000 });
  expect(copy?.messageId).toBe(id);
  const caller = new BrokerCaller(cluster.broker.address);
  const { halfOffset, offsetMessageId } = JSON.parse((await comet(`tx get ${id} -o json`)).out) as {
    halfOffset: number;
    offsetMessageId: string;
  };
  expect(halfOffset).toBe(0);
  for (const msgId of [copy?.offsetMessageId ?? '', offsetMessageId]) {
    const answer = await caller.ask({ code: RequestCode.RESUME_CHECK_HALF_MESSAGE, extFields: { msgId } });
    expect(answer?.code).toBe(0);
    await until(async () => (await comet('tx list --state expired -o name')).out === `${id}\n`);
  }
  const unknown = { msgId: `${offsetMessageId.slice(0, 16)}00000000000FFFFF` };
  const refused = await caller.ask({ code: RequestCode.RESUME_CHECK_HALF_MESSAGE, extFields: unknown });
  expect(refused?.code).not.toBe(0);
  await caller.close();
});

test('an operator commits and rolls back, with a reason and not by mistake', async () => {
  const [wanted, unwanted] = [await open('wanted', () => 'unknown'), await open('unwanted', () => 'unknown')];
  expect(await comet(`tx commit ${wanted} --yes`)).toMatchObject({ code: 2 });
  const unsure = await comet(`tx commit ${wanted} --reason`, 'paid');
  expect(unsure.code).toBe(8);
  expect(unsure.err).toContain('for topic orders');
  expect(await comet(`tx commit ${wanted} --yes --reason`, 'paid, see INC-41')).toMatchObject({ code: 0 });
  expect(await comet(`tx rollback ${unwanted} --yes --reason`, 'never paid')).toMatchObject({ code: 0 });
  expect(await comet(`tx rollback ${wanted} --yes --reason`, 'oh')).toMatchObject({ code: 9 });
  expect(await comet(`tx check ${unwanted}`)).toMatchObject({ code: 9 });
  expect(await comet('tx get nothing')).toMatchObject({ code: 3 });
  await until(() => received.includes('wanted'));
  expect((await comet(`tx get ${unwanted}`)).out).toMatch(/■ rolled back by operator, ops 127.*: never paid/);
  expect((await comet('tx list')).err).toContain('no such transactions');
  expect(received).not.toContain('unwanted');
});
