import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LoadProcess } from './load/load-process.ts';
import { USAGE, readOptions } from './options.ts';
import type { BenchOptions } from './options.ts';
import { topSelfTimes } from './report/cpu-profile.ts';
import { machineFacts } from './report/machine.ts';
import { printFacts, printMeasurements, printRatios, printStarts } from './report/print.ts';
import type { RestartSizes } from './scenario/restart.ts';
import { FEATURE_SCENARIOS } from './scenario/feature-scenarios.ts';
import { restartTimes } from './scenario/restart.ts';
import type { Measurement, RoundOptions } from './scenario/rounds.ts';
import { runRounds } from './scenario/rounds.ts';
import { printSchedules } from './scenario/schedules.ts';
import type { Scenario } from './scenario/scenarios.ts';
import { SCENARIOS, publishJob } from './scenario/scenarios.ts';
import { startTimeMs } from './scenario/start-time.ts';
import { startApache } from './servers/apache-server.ts';
import { startComet } from './servers/comet-server.ts';
import type { Server } from './servers/server.ts';

const FLUSHES = ['sync', 'async'] as const;
const START_ROUNDS = 3;
/** A Java server needs this long under load until its compilers have done their work. */
const PEER_WARMUP_MS = 25_000;

interface Start {
  readonly name: string;
  readonly times: readonly number[];
}

class Bench {
  readonly #options: BenchOptions;
  readonly #load = new LoadProcess();
  readonly #dataDir: string;
  readonly #rounds: RoundOptions;
  readonly #facts: Readonly<Record<string, string>>;
  readonly measurements: Measurement[] = [];
  readonly starts: Start[] = [];

  constructor(options: BenchOptions) {
    this.#options = options;
    this.#dataDir = mkdtempSync(join(options.dataDir, 'cometmq-bench-'));
    this.#facts = machineFacts(this.#dataDir);
    this.#rounds = {
      rounds: options.rounds,
      measureMs: options.isQuick ? 2_000 : 3_000,
      // Its long warm-up shows the peer none of these.
      firstWarmupMs: options.isFeatures && options.peer !== undefined ? 4_000 : 2_000,
    };
  }

  async run(): Promise<void> {
    printFacts(this.#facts);
    if (this.#options.schedules !== undefined)
      await printSchedules(join(this.#dataDir, 'schedules'), this.#options.schedules);
    else if (this.#options.restart !== undefined) await this.#restart(this.#options.restart);
    else if (this.#options.isProfile) await this.#profile();
    else if (this.#options.peer === 'apache') await this.#besideApache();
    else await this.#alone();
    const { jsonFile } = this.#options;
    if (jsonFile !== undefined) {
      const { measurements, starts } = this;
      writeFileSync(jsonFile, JSON.stringify({ facts: this.#facts, measurements, starts }, null, 2));
    }
  }

  close(): void {
    this.#load.close();
    this.removeData();
  }

  removeData(): void {
    rmSync(this.#dataDir, { recursive: true, force: true });
  }

  async #alone(): Promise<void> {
    if (!this.#options.isFeatures)
      await this.#starts('empty data folder', START_ROUNDS, (round) => `empty-${round}`);
    for (const flush of FLUSHES) {
      const scenarios = this.#scenarios(flush);
      if (scenarios.length === 0) continue;
      const dataDir = join(this.#dataDir, flush);
      await this.#with([() => startComet({ dataDir, flush })], async (servers) => {
        for (const scenario of scenarios) await this.#measure(servers, scenario);
      });
      if (flush === 'sync' && !this.#options.isFeatures)
        await this.#starts('after a clean stop with that data', START_ROUNDS, () => flush);
      rmSync(dataDir, { recursive: true, force: true });
    }
    printMeasurements(this.measurements);
    if (this.starts.length > 0) printStarts(this.starts);
  }

  async #besideApache(): Promise<void> {
    const ours = FLUSHES.map((flush) => () => startComet({ dataDir: join(this.#dataDir, flush), flush }));
    await this.#with([...ours, () => startApache(join(this.#dataDir, 'apache'))], async (servers) => {
      for (const server of servers) {
        console.error(`warming ${server.name}`);
        await this.#load.run(
          publishJob(server, PEER_WARMUP_MS, 0, { connections: 16, depth: 32, serialization: 'json' }),
        );
      }
      const scenarios = new Set(FLUSHES.flatMap((flush) => this.#scenarios(flush)));
      for (const scenario of scenarios) await this.#measure(servers, scenario);
      printMeasurements(this.measurements);
      printRatios(this.measurements, servers.at(-1)?.name ?? '');
    });
  }

  async #restart(sizes: RestartSizes): Promise<void> {
    this.starts.push(...(await restartTimes(join(this.#dataDir, 'restart'), sizes, this.#options.rounds)));
    printStarts(this.starts);
  }

  async #profile(): Promise<void> {
    const profileDir = join(this.#dataDir, 'profile');
    const options = { dataDir: join(this.#dataDir, 'sync'), flush: 'sync', profileDir } as const;
    const [scenario] = this.#scenarios('sync');
    if (scenario === undefined) return;
    await this.#with([() => startComet(options)], (servers) => this.#measure(servers, scenario));
    printMeasurements(this.measurements);
    console.log('\nself time of the event loop, idle left out');
    for (const { place, share } of topSelfTimes(profileDir, 40))
      console.log(`${(share * 100).toFixed(1).padStart(5)} %  ${place}`);
  }

  #scenarios(flush: (typeof FLUSHES)[number]): Scenario[] {
    const { isQuick, isFeatures, only } = this.#options;
    const wanted = isFeatures
      ? FEATURE_SCENARIOS
      : [...SCENARIOS, ...FEATURE_SCENARIOS].filter((s) => s.isQuick || !isQuick);
    return wanted.filter((s) => s.flush.includes(flush) && s.name.includes(only));
  }

  async #measure(servers: readonly Server[], scenario: Scenario): Promise<void> {
    console.error(`${scenario.name}: ${servers.map(({ name }) => name).join(', ')}`);
    this.measurements.push(...(await runRounds(this.#load, servers, scenario, this.#rounds)));
  }

  async #starts(name: string, rounds: number, folder: (round: number) => string): Promise<void> {
    if (!'start'.includes(this.#options.only)) return;
    console.error(`start, ${name}`);
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      times.push(await startTimeMs({ dataDir: join(this.#dataDir, folder(round)), flush: 'sync' }));
    }
    this.starts.push({ name, times });
  }

  /** Starts servers, uses them and stops them whatever happens. */
  async #with(
    starts: readonly (() => Promise<Server>)[],
    use: (servers: readonly Server[]) => Promise<void>,
  ): Promise<void> {
    const servers: Server[] = [];
    try {
      for (const start of starts) servers.push(await start());
      await use(servers);
    } finally {
      for (const server of servers) await server.stop();
    }
  }
}

async function main(): Promise<void> {
  const bench = new Bench(readOptions(process.argv.slice(2)));
  // An 'exit' handler ends the servers, but a signal alone would not run it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  process.once('exit', () => {
    bench.removeData();
  });
  try {
    await bench.run();
  } finally {
    bench.close();
  }
  const isFaulty = bench.measurements.some(({ errors }) => errors.length > 0);
  if (isFaulty) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  console.error(`\n${USAGE}`);
  process.exitCode = 2;
});
