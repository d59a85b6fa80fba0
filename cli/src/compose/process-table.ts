import process from 'node:process';

/** The processes of this machine, as the lock of a data folder needs them. */
export const processTable = {
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
} as const;
