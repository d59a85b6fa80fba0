import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import type { RestartSizes } from './scenario/restart.ts';

export const USAGE = `npm run bench -- [options]

  --quick            the short run of every change: under two minutes
  --peer apache      beside a real Apache RocketMQ 5.4.0; fetch it first with test/interop/prepare.sh apache
  --profile          where the server's time goes in the 16 × 32 SYNC scenario
  --features         transactions, timed messages, SQL92, order and POP only
  --restart          starts over a large store: after a clean stop, and after a kill that leaves a tail to recover
  --store-mib N      size of that store (20480)
  --tail-mib N       size of that tail (1024)
  --schedules N      timed messages: N of them come, wait over a start, and are delivered
  --only TEXT        scenarios whose name contains TEXT
  --rounds N         rounds of each scenario (3; 5 in the full run)
  --data FOLDER      where the servers keep their data for the run (the system's temporary folder)
  --json FILE        also write all measurements there
`;

export interface BenchOptions {
  readonly isQuick: boolean;
  readonly isProfile: boolean;
  readonly isFeatures: boolean;
  /** Undefined: the other scenarios. */
  readonly restart: RestartSizes | undefined;
  /** Undefined: the other scenarios. */
  readonly schedules: number | undefined;
  readonly peer: 'apache' | undefined;
  readonly only: string;
  readonly rounds: number;
  readonly dataDir: string;
  readonly jsonFile: string | undefined;
}

/** @throws Error that says which option is wrong. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      features: { type: 'boolean', default: false },
      restart: { type: 'boolean', default: false },
      'store-mib': { type: 'string', default: '20480' },
      'tail-mib': { type: 'string', default: '1024' },
      schedules: { type: 'string' },
      peer: { type: 'string' },
      only: { type: 'string', default: '' },
      rounds: { type: 'string' },
      data: { type: 'string', default: tmpdir() },
      json: { type: 'string' },
    },
  });
  if (values.peer !== undefined && values.peer !== 'apache')
    throw new Error(`no such peer: ${values.peer}; there is apache`);
  const isShort = values.quick || values.restart || values.peer !== undefined;
  const rounds = wholeNumber('rounds', values.rounds ?? (isShort ? '3' : '5'));
  return {
    isQuick: values.quick,
    isProfile: values.profile,
    isFeatures: values.features,
    restart: values.restart
      ? {
          storeMib: wholeNumber('store-mib', values['store-mib']),
          dirtyMib: wholeNumber('tail-mib', values['tail-mib']),
          bodySize: 1024,
          queues: 1_000,
        }
      : undefined,
    schedules: values.schedules === undefined ? undefined : wholeNumber('schedules', values.schedules),
    peer: values.peer,
    only: values.only,
    rounds,
    dataDir: values.data,
    jsonFile: values.json,
  };
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${option} takes a whole number above 0`);
  return value;
}
