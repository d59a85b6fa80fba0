/** The processes of this machine, as the lock of a data folder needs them. */
export interface ProcessTable {
  readonly ownId: number;
  isAlive(processId: number): boolean;
  /** Tells a process from a later one with the same id, on this machine and after its next start; undefined where unknown. */
  identityOf(processId: number): string | undefined;
}
