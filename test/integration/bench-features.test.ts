import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Job, JobResult } from '../../bench/src/load/job.ts';
import { runJob } from '../../bench/src/load/run-job.ts';
import { FEATURE_SCENARIOS } from '../../bench/src/scenario/feature-scenarios.ts';
import type { Server } from '../../bench/src/servers/server.ts';
import { LoopbackCluster } from '../support/loopback-cluster.ts';
import { WireClient } from '../support/wire-client.ts';

// The workloads against a broker in this process: figures are not asserted, only that every answer is the one that it
// should be, that what is counted is there, and that what is wrong is reported.

const MEASURE_MS = 150;
/** Fewer messages than for figures. */
const STOCK = 4_000;
const QUEUES = 4;

let cluster: LoopbackCluster;

beforeAll(async () => {
  cluster = await LoopbackCluster.start();
});

afterAll(async () => {
  await cluster.stop();
});

function server(): Server {
  return {
    name: 'in this process',
    brokerName: 'broker-a',
    port: cluster.broker.port,
    pid: process.pid,
    timer: { delayMaxMs: 366 * 86_400_000, earlyMs: 0 },
    stop: () => Promise.resolve(),
  };
}

function smaller(job: Job, stock = STOCK): Job {
  switch (job.kind) {
    case 'publish':
      return { ...job, stopAfter: Math.min(job.stopAfter, stock), settleMs: 0 };
    case 'pop':
      return { ...job, stock };
    case 'pull':
    case 'ordered':
      return { ...job, queueLength: stock / QUEUES };
    default:
      return job;
  }
}

const prepared = new Set<string>();

/** Runs a scenario, after what it needs; `change` makes it another one. */
async function run(text: string, change: (job: Job) => Job = smaller): Promise<JobResult> {
  const on = server();
  const scenario = FEATURE_SCENARIOS.find(({ name }) => name.includes(text));
  if (scenario === undefined) throw new Error(`no scenario has ${text} in its name`);
  const job = scenario.job(on, 0, MEASURE_MS);
  if (!prepared.has(job.topic)) {
    prepared.add(job.topic);
    for (const before of scenario.prepare(on)) expect((await runJob(smaller(before))).errors).toEqual([]);
  }
  return runJob(change(job));
}

function kinds({ errors }: JobResult): string[] {
  return errors.map(({ what }) => what);
}

it.each(FEATURE_SCENARIOS.map(({ name }) => [name]))('%s', { timeout: 20_000 }, async (name) => {
  const result = await run(name);
  expect(result.errors).toEqual([]);
  expect(result.messages).toBeGreaterThan(0);
});

it('counts transactions that are committed', async () => {
  const topic = 'BenchCounted';
  const { messages } = await run('transactions 1 KB, 16 × 1', (job) => ({ ...smaller(job), topic }));
  const client = await WireClient.open(cluster.broker.port);
  let stored = 0;
  for (let queueId = 0; queueId < QUEUES; queueId++) {
    const { extFields } = await client.ask({ code: 30, extFields: { topic, queueId: String(queueId) } });
    stored += Number(extFields?.['offset']);
  }
  client.close();
  // What was committed after the window is there, and not counted.
  expect(stored).toBeGreaterThanOrEqual(messages);
  expect(stored).toBeLessThanOrEqual(messages + 16);
});

it('reports a filter that lets the wrong messages through', async () => {
  const wrong = { filter: { expression: 'rank > 7', share: 0.1 } };
  const result = await run('SQL92', (job) => ({ ...smaller(job), ...wrong }));
  expect(kinds(result)).toEqual([`the filter let 200 of 1000 messages through`]);
});

it('reports a filter that is refused', async () => {
  const wrong = { filter: { expression: 'rank >', share: 0.1 } };
  const result = await run('SQL92', (job) => ({ ...smaller(job), ...wrong }));
  expect(kinds(result)).toEqual([expect.stringContaining('SQL92 filter, character')]);
});

it('reports a group that is given more messages than there are', async () => {
  const result = await run('batch ack', (job) => smaller(job, STOCK / 2 + 1));
  expect(kinds(result)).toEqual(['a group was given more messages than there are']);
});

it('reports timed messages that come too early', async () => {
  // Anything before the due time and five seconds more.
  const timed = { delayMs: 200, earlyMs: -5_000 };
  const result = await run('timed delivery', (job) => ({ ...job, timed }) as Job);
  expect(kinds(result)).toEqual(['a timed message came early']);
});
