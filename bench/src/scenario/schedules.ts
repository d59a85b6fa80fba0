import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MAIN = fileURLToPath(new URL('../servers/schedules-main.js', import.meta.url));
/** Beyond the horizon over which the messages are spread: all are due. */
const AHEAD_MS = 41 * 86_400_000;

interface Figures {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly loadMs: number;
  readonly pending: number;
  readonly rssBeforeMb: number;
  readonly rssMb: number;
}

/** Inserts timed messages over forty days, starts with them waiting, and delivers them all; each in a new process. */
export async function printSchedules(dataDir: string, count: number): Promise<void> {
  const run = async (step: string, aheadMs = 0): Promise<Figures> => {
    console.error(`schedules: ${step} ${count}`);
    const { stdout } = await promisify(execFile)(process.execPath, [
      MAIN,
      dataDir,
      step,
      String(count),
      String(aheadMs),
    ]);
    return JSON.parse(stdout) as Figures;
  };
  const inserted = await run('insert');
  const started = await run('start');
  const fired = await run('fire', AHEAD_MS);
  console.log(`\n${count} timed messages of 128 B over 40 days, synced, ${inserted.pending} waiting`);
  console.log(`insert  ${inserted.perSecond}/s, ${inserted.cpuMicros.toFixed(1)} us CPU each`);
  console.log(`fire    ${fired.perSecond}/s, ${fired.cpuMicros.toFixed(1)} us CPU each`);
  console.log(
    `start   ${started.loadMs.toFixed(0)} ms longer, ${(started.rssMb - started.rssBeforeMb).toFixed(0)} MB more`,
  );
}
