import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { cacheFolder, interopFolder } from './paths.ts';

export const flavours = ['java-5.4.0', 'java-4.9.8', 'go-2.1.2', 'ali-ons-3.12.0'] as const;
export type Flavour = (typeof flavours)[number];

export type Capability =
  | 'oneway'
  | 'batch'
  | 'orderly'
  | 'lz4'
  | 'zstd'
  | 'push'
  | 'broadcasting'
  | 'large'
  | 'largeReceive'
  | 'transactions'
  | 'topicByUse'
  | 'timers'
  | 'recall';

const onlyJava5 = 'the client has zlib only';
const onlyLevels = 'the client knows delay levels only';
const lacks: Readonly<Record<Flavour, Partial<Record<Capability, string>>>> = {
  'java-5.4.0': {},
  'java-4.9.8': { lz4: onlyJava5, zstd: onlyJava5, timers: onlyLevels, recall: onlyLevels },
  'go-2.1.2': { lz4: onlyJava5, zstd: onlyJava5, timers: onlyLevels, recall: onlyLevels },
  'ali-ons-3.12.0': {
    oneway: 'the client has no one-way send',
    batch: 'the client has no batch send',
    orderly: 'the client never locks queues, so it has no orderly consumption',
    topicByUse: 'the client sends only to topics that have a route',
    transactions: 'the client has no transactional producer',
    recall: 'the client takes nothing back',
    lz4: onlyJava5,
    zstd: onlyJava5,
  },
};

/**
 * Runs one scenario for every client that has the capability, all at the same time; what a client lacks is a skipped
 * test whose name says why.
 */
export function forEachFlavour(
  scenario: string,
  capability: Capability,
  run: (flavour: Flavour) => Promise<void>,
  timeoutMs = 120_000,
): void {
  describe.concurrent(scenario, () => {
    for (const flavour of flavours) {
      const reason = lacks[flavour][capability];
      if (reason === undefined) {
        test(flavour, () => run(flavour), timeoutMs);
      } else {
        console.info(`not covered: ${scenario}, ${flavour}: ${reason}`);
        test(`${flavour}: ${reason}`, (context) => context.skip(reason));
      }
    }
  });
}

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

function java(version: string, label: string): Command {
  const home = join(cacheFolder, 'home', label);
  rmSync(home, { recursive: true, force: true }); // the logs of the run before
  mkdirSync(home, { recursive: true });
  const classpath = `${join(cacheFolder, `classes-${version}`)}:${join(cacheFolder, `lib-${version}`)}/*`;
  const options = ['-Xms64m', '-Xmx320m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xss512k'];
  const places = [
    `-Duser.home=${home}`,
    `-Drocketmq.client.logRoot=${home}/logs`,
    `-Drocketmq.log.root=${home}`,
  ];
  return {
    command: 'java',
    args: [...options, ...places, '-Drocketmq.client.logLevel=WARN', '-cp', classpath, 'Driver'],
    env: { ROCKETMQ_HOME: home },
  };
}

export function driverCommand(flavour: Flavour, label: string): Command {
  switch (flavour) {
    case 'java-5.4.0':
      return java('5.4.0', label);
    case 'java-4.9.8':
      return java('4.9.8', label);
    case 'go-2.1.2':
      return { command: join(cacheFolder, 'go-driver'), args: [], env: { GOMAXPROCS: '2' } };
    case 'ali-ons-3.12.0':
      return { command: process.execPath, args: [join(interopFolder, 'drivers/ali-ons/driver.js')], env: {} };
  }
}
