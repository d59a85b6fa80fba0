// One run of the crash loop: load, kills, and what everybody saw.
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../seeded-random.ts';
import { HistoryRecorder } from '../history/history-recorder.ts';
import type { HistoryRules } from '../history/check-history.ts';
import { BrokerCaller } from './broker-caller.ts';
import { CrashCluster } from './crash-cluster.ts';
import type { CrashPoint } from './crash-points.ts';
import { crashPointName } from './crash-points.ts';
import { Gate } from './gate.ts';
import type { LoadContext } from './load-context.ts';
import { LOAD_TOPICS } from './load-context.ts';
import { createTopic, runLookups, runTopicCreator } from './load-lookups.ts';
import { runBatchProducer, runDelayProducer, runPlainProducer } from './load-producers.ts';
import { drain, runConsumer } from './load-reader.ts';
import { runTransactions } from './load-transactions.ts';

/** One life of the broker: killed by the clock, or at a point (by the clock as well, if that never comes). */
export interface CrashCycle {
  readonly afterMs: number;
  readonly point?: CrashPoint;
}

export interface CrashRun {
  readonly history: HistoryRecorder;
  readonly rules: HistoryRules;
  /** From the start of the process to its first service, ms, one for each cycle that came so far. */
  readonly startsMs: readonly number[];
  /** Names of crash points that struck. */
  readonly struck: ReadonlySet<string>;
  /** What `comet store verify` said about the stopped store. */
  readonly verified: { readonly isWhole: boolean; readonly text: string };
}

const DRAINS = ['drain', 'after a restart', 'derived anew'] as const;
const RULES: HistoryRules = {
  drains: DRAINS,
  timing: { earlyMs: 2, lateMs: 1_500 },
  offsetFlushMs: 2_500,
};
/** Delay level 1, and some time to deliver. */
const DELAYS_DONE_MS = 2_500;

export async function crashRun(
  cycles: readonly CrashCycle[],
  flush: 'sync' | 'async',
  seed: number,
  tell: (line: string) => void,
): Promise<CrashRun> {
  const cluster = await CrashCluster.start(flush);
  try {
    const history = new HistoryRecorder(() => Date.now());
    const random = new SeededRandom(seed);
    const context: LoadContext = {
      history,
      gate: new Gate(),
      random,
      address: cluster.address,
      acknowledged: [],
    };
    await prepare(cluster, context);
    const load = Promise.all(clients(context));
    const startsMs: number[] = [];
    const struck = new Set<string>();
    for (const [index, cycle] of cycles.entries()) {
      // A client that fails ends the run, it must not be waited for.
      await Promise.race([
        oneCycle(cluster, context, cycle, index, { startsMs, struck }),
        load.then(() => undefined),
      ]);
      if ((index + 1) % 10 === 0) tell(`${index + 1} kills, ${history.events.length} events`);
    }
    await calmDown(cluster, context, load, startsMs);
    const verified = await observe(cluster, context);
    return { history, rules: RULES, startsMs, struck, verified };
  } finally {
    await cluster.remove();
  }
}

async function prepare(cluster: CrashCluster, { address }: LoadContext): Promise<void> {
  await cluster.startBroker();
  const caller = new BrokerCaller(address);
  for (const [topic, queues] of Object.entries(LOAD_TOPICS)) await createTopic(caller, topic, queues);
  await caller.close();
  await cluster.stopBroker();
}

function clients(context: LoadContext): Promise<void>[] {
  return [
    ...['pa', 'pb'].map((proc) => runPlainProducer(context, proc)),
    runPlainProducer(context, 'ha', 'hasty'),
    runBatchProducer(context, 'ba'),
    runDelayProducer(context, 'da'),
    ...['ta', 'tb'].map((proc) => runTransactions(context, proc)),
    runConsumer(context, 'ca'),
    runLookups(context, 'la'),
    runTopicCreator(context, 'ma'),
  ];
}

async function oneCycle(
  cluster: CrashCluster,
  { history, gate }: LoadContext,
  { afterMs, point }: CrashCycle,
  index: number,
  found: { readonly startsMs: number[]; readonly struck: Set<string> },
): Promise<void> {
  const name = point === undefined ? `after ${afterMs} ms` : crashPointName(point);
  const begin = performance.now();
  if (await cluster.startBroker(point)) {
    found.startsMs.push(performance.now() - begin);
    history.add({ proc: 'broker', op: 'start', phase: 'ok', note: String(index) });
    gate.open();
  }
  const outcome = await cluster.killBroker(afterMs);
  gate.close();
  history.add({ proc: 'broker', op: 'kill', phase: 'ok', note: name });
  if (outcome === 'struck') found.struck.add(name);
}

/** The last start: clients end in peace, delays come due. */
async function calmDown(
  cluster: CrashCluster,
  { history, gate }: LoadContext,
  load: Promise<unknown>,
  startsMs: number[],
): Promise<void> {
  const begin = performance.now();
  await cluster.startBroker();
  startsMs.push(performance.now() - begin);
  history.add({ proc: 'broker', op: 'start', phase: 'ok', note: 'the last one' });
  gate.open();
  // Decisions that were cut off are told again.
  await sleep(500);
  gate.end();
  await load;
  await sleep(DELAYS_DONE_MS);
}

/** Reads everything as it is, after a restart in order, and after queues and index were derived anew. */
async function observe(
  cluster: CrashCluster,
  context: LoadContext,
): Promise<{ readonly isWhole: boolean; readonly text: string }> {
  for (const [index, name] of DRAINS.entries()) {
    if (index === DRAINS.length - 1) cluster.removeDerivedFiles();
    if (index > 0) await cluster.startBroker();
    const caller = new BrokerCaller(context.address);
    await drain(context, caller, name);
    await caller.close();
    await cluster.stopBroker();
  }
  return cluster.verify();
}
