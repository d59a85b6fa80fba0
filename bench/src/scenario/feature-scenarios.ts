import type { LatencyJob, OrderedJob, PopJob, PublishJob, PullJob, TransactionJob } from '../load/job.ts';
import type { Server } from '../servers/server.ts';
import type { Scenario } from './scenarios.ts';
import { QUEUES, firstMessages, publishJob } from './scenarios.ts';

const KIB = 1024;
const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** 16 MiB: in memory on every server. */
const STOCK = 16 * KIB;
/** A new group begins when one has had these. */
const POP_STOCK = 64 * KIB;
/** What was due in a second is delivered when the next server is measured. */
const SETTLE_MS = 1_500;

const FILTER = { expression: `rank > 8 AND region IN ('eu', 'us')`, share: 0.1 } as const;

const both = ['sync', 'async'] as const;
const sync = ['sync'] as const;

type Prepared = Partial<PublishJob> & { readonly topic: string; readonly stopAfter: number };

function stock(shape: Prepared): Scenario['prepare'] {
  return (server) => [publishJob(server, 0, 0, { connections: 4, depth: 32, ...shape })];
}

function transactions(connections: number, depth: number): Scenario {
  const topic = 'BenchTransactions';
  return {
    name: `transactions 1 KB, ${connections} × ${depth}`,
    flush: both,
    isQuick: false,
    prepare: firstMessages(topic),
    job: (server, warmupMs, measureMs): TransactionJob => ({
      kind: 'transaction',
      port: server.port,
      serverPid: server.pid,
      warmupMs,
      measureMs,
      topic,
      group: 'bench-transactions',
      brokerName: server.brokerName,
      bodySize: KIB,
      serialization: 'json',
      batchMembers: 0,
      isHalf: true,
      connections,
      depth,
      queues: QUEUES,
    }),
  };
}

/** What a server does not wait for is sent with the longest wait that it takes. */
function waitOn({ timer }: Server, delayMs: number): number {
  return Math.min(delayMs, timer.delayMaxMs);
}

function timedInsert(horizon: string, delayMs: number): Scenario {
  const topic = 'BenchTimed';
  const settleMs = SETTLE_MS;
  return {
    name: `timed 1 KB, ${horizon}, 16 × 32`,
    flush: both,
    isQuick: false,
    prepare: firstMessages(topic),
    job: (server, warmupMs, measureMs) =>
      publishJob(server, warmupMs, measureMs, {
        topic,
        connections: 16,
        depth: 32,
        deliverAfterMs: waitOn(server, delayMs),
        settleMs,
      }),
  };
}

function timedDelivery(messagesPerSecond: number): Scenario {
  const topic = 'BenchTimedDelivery';
  return {
    name: `timed delivery, 1 s, ${messagesPerSecond} msg/s`,
    flush: sync,
    isQuick: false,
    prepare: firstMessages(topic),
    job: (server, warmupMs, measureMs): LatencyJob => ({
      kind: 'latency',
      port: server.port,
      serverPid: server.pid,
      warmupMs,
      measureMs,
      topic,
      brokerName: server.brokerName,
      queues: QUEUES,
      groups: 1,
      messagesPerSecond,
      bodySize: KIB,
      timed: { delayMs: SECOND_MS, earlyMs: server.timer.earlyMs },
    }),
  };
}

function filtered(connections: number): Scenario {
  const topic = 'BenchFiltered';
  const properties = `region\x01eu\x02`;
  return {
    name: `pull with SQL92, 10 % match, ${connections} connections`,
    flush: sync,
    isQuick: false,
    prepare: stock({ topic, stopAfter: STOCK, properties, digit: 'rank' }),
    job: (server, warmupMs, measureMs): PullJob => ({
      kind: 'pull',
      port: server.port,
      serverPid: server.pid,
      warmupMs,
      measureMs,
      topic,
      connections,
      queues: QUEUES,
      queueLength: STOCK / QUEUES,
      batch: 32,
      filter: FILTER,
    }),
  };
}

function inOrder(): Scenario {
  const topic = 'BenchOrdered';
  return {
    name: `in order, lock, pull 32 × 1 KB, commit, ${QUEUES} consumers`,
    flush: sync,
    isQuick: false,
    prepare: stock({ topic, stopAfter: STOCK }),
    job: (server, warmupMs, measureMs): OrderedJob => ({
      kind: 'ordered',
      port: server.port,
      serverPid: server.pid,
      warmupMs,
      measureMs,
      topic,
      brokerName: server.brokerName,
      connections: QUEUES,
      queueLength: STOCK / QUEUES,
      batch: 32,
    }),
  };
}

function popping(ack: PopJob['ack']): Scenario {
  const topic = `BenchPop-${ack}`;
  return {
    name: `pop 32 × 1 KB, ${ack} ack, 16 connections`,
    flush: both,
    isQuick: false,
    prepare: stock({ topic, stopAfter: POP_STOCK }),
    job: (server, warmupMs, measureMs): PopJob => ({
      kind: 'pop',
      port: server.port,
      serverPid: server.pid,
      warmupMs,
      measureMs,
      topic,
      brokerName: server.brokerName,
      connections: 16,
      batch: 32,
      stock: POP_STOCK,
      ack,
    }),
  };
}

export const FEATURE_SCENARIOS: readonly Scenario[] = [
  // First: what is timed far ahead does not wait yet.
  timedDelivery(100),
  timedInsert('1 s', SECOND_MS),
  timedInsert('1 h', HOUR_MS),
  timedInsert('40 days', 40 * DAY_MS),
  transactions(16, 1),
  transactions(16, 32),
  filtered(4),
  inOrder(),
  popping('batch'),
  popping('single'),
];
