import { renameSync, writeFileSync } from 'node:fs';
import type { CometConfig } from '../config/comet-config.ts';
import { VERSION } from '../version.ts';

/** What runs where, once all parts are up. */
export interface ReadyReport {
  readonly event: 'ready';
  readonly version: string;
  readonly mode: 'dev' | 'start';
  readonly pid: number;
  readonly namesrv?: string;
  readonly broker?: { readonly name: string; readonly cluster: string; readonly address: string };
  /** A link. */
  readonly console?: string;
  readonly data: string;
  /** What an acknowledgement promises. */
  readonly durability: 'sync' | 'async';
  readonly startMs: number;
}

export interface Addresses {
  readonly namesrv?: string | undefined;
  readonly broker?: string | undefined;
  readonly console?: string | undefined;
}

export function readyReport(
  mode: ReadyReport['mode'],
  config: CometConfig,
  addresses: Addresses,
  startMs: number,
): ReadyReport {
  const { name, cluster, flush } = config.broker;
  return {
    event: 'ready',
    version: VERSION,
    mode,
    pid: process.pid,
    ...(addresses.namesrv === undefined ? {} : { namesrv: addresses.namesrv }),
    ...(addresses.broker === undefined ? {} : { broker: { name, cluster, address: addresses.broker } }),
    ...(addresses.console === undefined ? {} : { console: `http://${addresses.console}` }),
    data: config.data,
    durability: flush,
    startMs: Math.round(startMs),
  };
}

/** The screen that `comet dev` shows to a person; `comet` is how that person calls this program. */
export function banner(report: ReadyReport, comet: string): string {
  const { namesrv, broker } = report;
  const promise =
    report.durability === 'sync'
      ? 'every acknowledged message is on disk'
      : 'acknowledged messages may be lost by a power cut (--flush sync keeps them)';
  const where = namesrv === undefined || namesrv === '127.0.0.1:9876' ? '' : ` -n ${namesrv}`;
  const lines: (readonly [string, string | undefined])[] = [
    ['console', report.console],
    ['name server', namesrv],
    ['broker', broker === undefined ? undefined : `${broker.address}  (${broker.name} in ${broker.cluster})`],
    ['data', `${report.data}  (elsewhere: --data DIR)`],
    ['durability', `${report.durability}: ${promise}`],
  ];
  return [
    '',
    `  CometMQ ${report.version}  ${report.mode} mode  (no sign-in)`,
    ...lines.flatMap(([title, text]) => (text === undefined ? [] : [`  ${title.padEnd(12)} ${text}`])),
    `  ready in ${(report.startMs / 1000).toFixed(2)} s, stop with Ctrl-C`,
    '',
    '  try in another terminal:',
    `    ${comet} topic create orders${where}`,
    `    ${comet} topic send orders 'hello' --key order-1${where}`,
    `    ${comet} topic peek orders${where}`,
    '',
    '',
  ].join('\n');
}

/** Writes the addresses so that a reader never sees half of them. */
export function writePortsFile(file: string, report: ReadyReport): void {
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(report, undefined, 2)}\n`);
  renameSync(temporary, file);
}
