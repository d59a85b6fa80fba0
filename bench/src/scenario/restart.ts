import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startTimeMs } from './start-time.ts';

const FILL_MAIN = fileURLToPath(new URL('../servers/fill-store-main.js', import.meta.url));

export interface RestartSizes {
  /** Of the log that the broker stopped with in order, MiB. */
  readonly storeMib: number;
  /** Of what no checkpoint knows after a kill, MiB. */
  readonly dirtyMib: number;
  readonly bodySize: number;
  readonly queues: number;
}

export interface RestartTimes {
  readonly name: string;
  readonly times: readonly number[];
}

/** Fills a data folder and measures starts: after a clean stop, then after kills that leave a tail. */
export async function restartTimes(
  dataDir: string,
  { storeMib, dirtyMib, bodySize, queues }: RestartSizes,
  rounds: number,
): Promise<RestartTimes[]> {
  const start = (): Promise<number> => startTimeMs({ dataDir, flush: 'sync' });
  const clean: number[] = [];
  const dirty: number[] = [];
  await fill(dataDir, [storeMib, 0, bodySize, queues]);
  for (let round = 0; round < rounds; round++) clean.push(await start());
  for (let round = 0; round < rounds; round++) {
    await fill(dataDir, [0, dirtyMib, bodySize, queues]);
    dirty.push(await start());
  }
  const shape = `${queues} queues, ${bodySize} B`;
  return [
    { name: `${storeMib} MiB after a clean stop (${shape})`, times: clean },
    { name: `${dirtyMib} MiB of dirty tail after a kill (${shape})`, times: dirty },
  ];
}

/** Runs to its end; a fill with a dirty tail ends by a kill. */
async function fill(dataDir: string, numbers: readonly number[]): Promise<void> {
  const child = fork(FILL_MAIN, [dataDir, ...numbers.map(String)], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
  const expected = (numbers[1] ?? 0) > 0 ? signal === 'SIGKILL' : code === 0;
  if (!expected) throw new Error(`filling ${dataDir} ended with ${code ?? signal ?? 'nothing'}`);
}
