import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from './free-ports.ts';
import type { Server } from './server.ts';

const VERSION = '5.4.0';
const START_TIMEOUT_MS = 60_000;
const BROKER_STEP = 4;
/** timerMaxDelaySec is three days, less what sending takes; due times are rounded down to seconds (timerPrecisionMs). */
const TIMER = { delayMaxMs: 2 * 86_400_000, earlyMs: 1_000 };
/** Options of runbroker.sh that Java 17 knows, with the heap that docs/benchmarks.md tells. */
const BROKER_OPTIONS = [
  '-Xms4g',
  '-Xmx4g',
  '-XX:+UseG1GC',
  '-XX:G1HeapRegionSize=16m',
  '-XX:G1ReservePercent=25',
  '-XX:InitiatingHeapOccupancyPercent=30',
  '-XX:SoftRefLRUPolicyMSPerMB=0',
  '-XX:-OmitStackTraceInFastThrow',
  '-XX:MaxDirectMemorySize=15g',
  '-XX:-UseLargePages',
];
const OPENED = ['java.base/java.nio', 'java.base/sun.nio.ch', 'java.base/java.lang', 'java.base/java.util'];

/** Starts a real Apache RocketMQ name server and broker with its defaults: names, addresses and folders are set, and SQL92. */
export async function startApache(dataDir: string): Promise<Server> {
  const jars = join(
    process.env['COMET_INTEROP_CACHE'] ?? join(tmpdir(), 'cometmq-interop'),
    `lib-server-${VERSION}`,
  );
  if (!existsSync(jars))
    throw new Error(`no Apache jars in ${jars}; fetch them with: test/interop/prepare.sh apache`);
  const base = await freePorts(BROKER_STEP + 2);
  const port = base + BROKER_STEP;
  const namesrv = launch(
    jars,
    dataDir,
    'namesrv',
    'org.apache.rocketmq.namesrv.NamesrvStartup',
    ['-Xms64m', '-Xmx128m'],
    {
      listenPort: base,
      kvConfigPath: join(dataDir, 'kvConfig.json'),
    },
  );
  await listening(namesrv, base);
  const broker = launch(jars, dataDir, 'broker', 'org.apache.rocketmq.broker.BrokerStartup', BROKER_OPTIONS, {
    brokerName: 'broker-a',
    brokerClusterName: 'DefaultCluster',
    brokerId: 0,
    brokerIP1: '127.0.0.1',
    listenPort: port,
    haListenPort: port + 1,
    namesrvAddr: `127.0.0.1:${base}`,
    storePathRootDir: dataDir,
    storePathCommitLog: join(dataDir, 'commitlog'),
    enablePropertyFilter: 'true',
  });
  await listening(broker, port);
  // The port is open a little before everything behind it is.
  await sleep(2_000);
  const stop = async (): Promise<void> => {
    for (const child of [broker, namesrv]) {
      const exited = child.exitCode === null ? once(child, 'exit') : undefined;
      child.kill('SIGTERM');
      await exited;
    }
  };
  const name = `Apache ${VERSION} ASYNC`;
  return { name, brokerName: 'broker-a', port, pid: broker.pid ?? 0, timer: TIMER, stop };
}

function launch(
  jars: string,
  dataDir: string,
  role: string,
  main: string,
  options: readonly string[],
  config: Readonly<Record<string, string | number>>,
): ChildProcess {
  const home = join(dataDir, 'home');
  mkdirSync(home, { recursive: true });
  const file = join(dataDir, `${role}.conf`);
  writeFileSync(
    file,
    Object.entries(config)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
  );
  const opens = OPENED.flatMap((name) => ['--add-opens', `${name}=ALL-UNNAMED`]);
  const args = [...options, `-Duser.home=${home}`, ...opens, '-cp', join(jars, '*'), main, '-c', file];
  const output = openSync(join(dataDir, `${role}.out`), 'w');
  const child = spawn('java', args, {
    stdio: ['ignore', output, output],
    env: { ...process.env, ROCKETMQ_HOME: home },
  });
  // A Java server does not notice that the bench is gone.
  process.once('exit', () => child.kill('SIGKILL'));
  return child;
}

async function listening(child: ChildProcess, port: number): Promise<void> {
  const start = performance.now();
  while (performance.now() - start < START_TIMEOUT_MS) {
    if (child.exitCode !== null) throw new Error(`an Apache server ended with ${child.exitCode}`);
    if (await answers(port)) return;
    await sleep(100);
  }
  child.kill('SIGKILL');
  throw new Error('an Apache server did not start in time');
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
