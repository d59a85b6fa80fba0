/** A broker process that a load can be put on. */
export interface Server {
  readonly name: string;
  readonly brokerName: string;
  readonly port: number;
  readonly pid: number;
  stop(): Promise<void>;
}
