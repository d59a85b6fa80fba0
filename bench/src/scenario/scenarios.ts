import type { Job, LatencyJob, PublishJob, PullJob } from '../load/job.ts';
import type { Server } from '../servers/server.ts';

/** One line of the report: what is asked of a server, in rounds. */
export interface Scenario {
  readonly name: string;
  readonly flush: readonly ('sync' | 'async')[];
  readonly isQuick: boolean;
  /** Run once on a server before the first round. */
  readonly prepare: (server: Server) => readonly Job[];
  readonly job: (server: Server, warmupMs: number, measureMs: number) => Job;
}

export const QUEUES = 4;
const KIB = 1024;
/** 16 MiB: what a consumer near the end of a queue reads is in memory on every server. */
const PULL_MESSAGES = 16 * KIB;

type PublishShape = Pick<PublishJob, 'connections' | 'depth'> & Partial<PublishJob>;

export function publishJob(
  server: Server,
  warmupMs: number,
  measureMs: number,
  shape: PublishShape,
): PublishJob {
  return {
    kind: 'publish',
    port: server.port,
    serverPid: server.pid,
    warmupMs,
    measureMs,
    topic: 'BenchPublish',
    group: 'bench-producer',
    brokerName: server.brokerName,
    bodySize: KIB,
    serialization: 'json',
    batchMembers: 0,
    queues: QUEUES,
    stopAfter: 0,
    ...shape,
  };
}

/** A few messages so that the topic exists before many connections want it. */
export function firstMessages(topic: string): Scenario['prepare'] {
  return (server) => [publishJob(server, 0, 0, { connections: 1, depth: 1, topic, stopAfter: QUEUES })];
}

function publishing(name: string, isQuick: boolean, flush: Scenario['flush'], shape: PublishShape): Scenario {
  return {
    name: `publish ${name}`,
    flush,
    isQuick,
    prepare: firstMessages('BenchPublish'),
    job: (server, warmupMs, measureMs) => publishJob(server, warmupMs, measureMs, shape),
  };
}

function pulling(connections: number): Scenario {
  const topic = `BenchPull${connections}`;
  return {
    name: `pull 32 × 1 KB, ${connections} ${connections === 1 ? 'connection' : 'connections'}`,
    flush: ['sync'],
    isQuick: true,
    prepare: (server) => [
      publishJob(server, 0, 0, { connections: 4, depth: 32, topic, stopAfter: PULL_MESSAGES }),
    ],
    job: (server, warmupMs, measureMs): PullJob => ({
      kind: 'pull',
      port: server.port,
      serverPid: server.pid,
      warmupMs,
      measureMs,
      topic,
      connections,
      queues: QUEUES,
      queueLength: PULL_MESSAGES / QUEUES,
      batch: 32,
    }),
  };
}

function endToEnd(messagesPerSecond: number, groups: number, isQuick: boolean): Scenario {
  const topic = `BenchLatency${messagesPerSecond}x${groups}`;
  return {
    name:
      `end to end, ${messagesPerSecond.toLocaleString('en-US')} msg/s` +
      (groups > 1 ? ` to ${groups} groups` : ''),
    flush: ['sync'],
    isQuick,
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
      groups,
      messagesPerSecond,
      bodySize: KIB,
    }),
  };
}

const both = ['sync', 'async'] as const;
const sync = ['sync'] as const;

export const SCENARIOS: readonly Scenario[] = [
  publishing('1 KB, 16 × 32', true, both, { connections: 16, depth: 32 }),
  publishing('1 KB, 64 × 1', true, sync, { connections: 64, depth: 1 }),
  publishing('1 KB, 1 × 1', false, both, { connections: 1, depth: 1 }),
  publishing('1 KB, 1 × 32', false, sync, { connections: 1, depth: 32 }),
  publishing('1 KB, 16 × 1', false, sync, { connections: 16, depth: 1 }),
  publishing('1 KB, 256 × 1', false, sync, { connections: 256, depth: 1 }),
  publishing('1 KB, 64 × 32', false, sync, { connections: 64, depth: 32 }),
  publishing('128 B, 16 × 32', false, both, { connections: 16, depth: 32, bodySize: 128 }),
  publishing('1 KB, 16 × 32, binary header', false, both, {
    connections: 16,
    depth: 32,
    serialization: 'binary',
  }),
  publishing('batches of 16 × 1 KB, 16 × 2', false, both, { connections: 16, depth: 2, batchMembers: 16 }),
  pulling(1),
  pulling(4),
  pulling(16),
  endToEnd(1_000, 1, true),
  endToEnd(10_000, 1, false),
  endToEnd(500, 16, false),
];
