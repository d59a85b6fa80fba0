import type { ProcessTable } from './directory-lock.ts';

/** The machine's real processes. */
export const nodeProcesses: ProcessTable = {
  ownId: process.pid,
  isAlive(processId: number): boolean {
    try {
      process.kill(processId, 0);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
  },
};
