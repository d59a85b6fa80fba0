/** The processes of this machine, as the lock of a data folder needs them. */
export interface ProcessTable {
  readonly ownId: number;
  isAlive(processId: number): boolean;
}
