/** A broker process that a load can be put on. */
export interface Server {
  readonly name: string;
  readonly brokerName: string;
  readonly port: number;
  readonly pid: number;
  readonly timer: {
    /** The longest wait of a timed message. */
    readonly delayMaxMs: number;
    /** How much too early it may be delivered. */
    readonly earlyMs: number;
  };
  stop(): Promise<void>;
}
