import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { ProcessTable } from './process-table.ts';

/** The machine's real processes. */
export const nodeProcesses: ProcessTable = {
  ownId: process.pid,
  isAlive(processId: number): boolean {
    try {
      process.kill(processId, 0);
      return true;
    } catch (error) {
      // Not ours to signal, but there.
      return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
  },
  identityOf(processId: number): string | undefined {
    try {
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
      const stat = readFileSync(`/proc/${processId}/stat`, 'latin1');
      // The name in parentheses may hold anything; the time of the start is the 20th field behind it.
      const startedAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
      return startedAt === undefined ? undefined : `${boot}/${startedAt}`;
    } catch {
      // Only Linux tells.
      return undefined;
    }
  },
};
