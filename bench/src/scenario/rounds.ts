import { Histogram } from '../report/histogram.ts';
import type { ProcessMemory } from '../report/process-usage.ts';
import { processMemory } from '../report/process-usage.ts';
import type { ErrorCount, JobResult } from '../load/job.ts';
import type { LoadProcess } from '../load/load-process.ts';
import type { Server } from '../servers/server.ts';
import type { Scenario } from './scenarios.ts';

export interface RoundOptions {
  readonly rounds: number;
  readonly measureMs: number;
  /** Before the first round of a scenario on a server. */
  readonly firstWarmupMs: number;
}

/** What a scenario showed on one server. The lists have one value for each round. */
export interface Measurement {
  readonly scenario: string;
  readonly server: string;
  readonly rates: readonly number[];
  readonly serverCpuUsPerMessage: readonly number[];
  /** Over all rounds. */
  readonly latency: Histogram;
  readonly clientCores: readonly number[];
  readonly otherCores: readonly number[];
  readonly memory: ProcessMemory;
  readonly errors: readonly ErrorCount[];
}

const LATER_WARMUP_MS = 300;

/** Runs a scenario on several servers in turn, round by round, so that what disturbs the machine disturbs them all. */
export async function runRounds(
  load: LoadProcess,
  servers: readonly Server[],
  scenario: Scenario,
  options: RoundOptions,
): Promise<Measurement[]> {
  const preparing: JobResult[][] = [];
  for (const server of servers) {
    const results: JobResult[] = [];
    for (const job of scenario.prepare(server)) results.push(await load.run(job));
    preparing.push(results);
  }
  const results: JobResult[][] = servers.map(() => []);
  for (let round = 0; round < options.rounds; round++) {
    for (const [index, server] of servers.entries()) {
      const warmupMs = round === 0 ? options.firstWarmupMs : LATER_WARMUP_MS;
      results[index]?.push(await load.run(scenario.job(server, warmupMs, options.measureMs)));
    }
  }
  return servers.map((server, index) =>
    measurement(scenario.name, server, results[index] ?? [], preparing[index] ?? []),
  );
}

function measurement(
  scenario: string,
  server: Server,
  results: readonly JobResult[],
  preparing: readonly JobResult[],
): Measurement {
  const latency = new Histogram();
  for (const result of results) latency.merge(Histogram.from(result.latency));
  const cores = (cpuUs: number | null, seconds: number): number => (cpuUs ?? Number.NaN) / (seconds * 1e6);
  return {
    scenario,
    server: server.name,
    rates: results.map(({ messages, seconds }) => messages / seconds),
    serverCpuUsPerMessage: results.map(({ serverCpuUs, messages }) => (serverCpuUs ?? Number.NaN) / messages),
    latency,
    clientCores: results.map(({ clientCpuUs, seconds }) => cores(clientCpuUs, seconds)),
    otherCores: results.map(({ otherCores }) => otherCores ?? Number.NaN),
    memory: processMemory(server.pid),
    errors: addUp([...preparing, ...results].flatMap(({ errors }) => errors)),
  };
}

function addUp(errors: readonly ErrorCount[]): ErrorCount[] {
  const counts = new Map<string, number>();
  for (const { what, count } of errors) counts.set(what, (counts.get(what) ?? 0) + count);
  return [...counts].map(([what, count]) => ({ what, count }));
}
