import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';

export const USAGE = `npm run bench -- [options]

  --quick            the short run of every change: under two minutes
  --peer apache      beside a real Apache RocketMQ 5.4.0; fetch it first with test/interop/prepare.sh apache
  --profile          where the server's time goes in the 16 × 32 SYNC scenario
  --only TEXT        scenarios whose name contains TEXT
  --rounds N         rounds of each scenario (3; 5 in the full run)
  --data FOLDER      where the servers keep their data for the run (the system's temporary folder)
  --json FILE        also write all measurements there
`;

export interface BenchOptions {
  readonly isQuick: boolean;
  readonly isProfile: boolean;
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
      peer: { type: 'string' },
      only: { type: 'string', default: '' },
      rounds: { type: 'string' },
      data: { type: 'string', default: tmpdir() },
      json: { type: 'string' },
    },
  });
  if (values.peer !== undefined && values.peer !== 'apache')
    throw new Error(`no such peer: ${values.peer}; there is apache`);
  const rounds = Number(values.rounds ?? (values.quick || values.peer !== undefined ? 3 : 5));
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number above 0');
  return {
    isQuick: values.quick,
    isProfile: values.profile,
    peer: values.peer,
    only: values.only,
    rounds,
    dataDir: values.data,
    jsonFile: values.json,
  };
}
