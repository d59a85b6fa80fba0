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
};
