/** Offsets by queue, as told to clients. */
export interface QueueOffset {
  readonly queueId: number;
  readonly offset: number;
}

/** The question to a producer: what became of this transaction? */
export interface TransactionQuestion {
  readonly topic: string;
  /** Place of the half message in its topic and in the log. */
  readonly queueOffset: number;
  readonly physicalOffset: number;
  /** Offset id of the half message. */
  readonly messageId: string;
  readonly uniqueKey: string;
  /** The message as its consumers would get it. */
  readonly record: Buffer;
}

/** How the broker talks to a connected client on its own account. Doors implement it. */
export interface ClientChannel {
  /** `address:port` of the client. */
  readonly remote: string;
  readonly isClosed: boolean;
  /** It does not take what it was sent; nothing more should be sent now. */
  readonly isCongested: boolean;
  /** Tells a member that its group changed. */
  notifyGroupChanged(group: string): void;
  /** Tells a member that offsets of its group were moved. */
  notifyOffsetsReset(group: string, topic: string, timestamp: number, offsets: readonly QueueOffset[]): void;
  /** Asks a producer; its answer comes like any decision. */
  askTransaction(question: TransactionQuestion): void;
  close(): void;
}

/** Who is at the other end of a channel. */
export interface ClientIdentity {
  readonly clientId: string;
  readonly language: string;
  /** Protocol version number. */
  readonly version: number;
}
