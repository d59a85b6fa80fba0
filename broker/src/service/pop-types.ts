import { RetryKind } from '../pop/pop-topics.ts';

export { RetryKind };

/** Messages of one queue that were given out together. */
export interface PoppedPart {
  /** The topic that they are in: a retry topic for retries. */
  readonly topic: string;
  readonly kind: RetryKind;
  readonly queueId: number;
  readonly startOffset: number;
  readonly offsets: readonly number[];
  /** How often each was given out before; in order only. */
  readonly attempts: readonly number[] | undefined;
  /** As they were stored. */
  readonly records: readonly Buffer[];
}

export interface PopRequest {
  readonly group: string;
  readonly topic: string;
  /** Negative: any. */
  readonly queueId: number;
  /** 1 to 32. */
  readonly countMax: number;
  /** How long the messages are leased, ms. */
  readonly invisibleMs: number;
  /** How long the answer may wait for a message, ms; 0: not at all. */
  readonly waitMs: number;
  /** Where a group begins that never had an offset: with new messages rather than with the oldest. */
  readonly fromNewest: boolean;
  /** Undefined: everything. */
  readonly expression: string | undefined;
  readonly expressionType: string;
  /** A queue gives out nothing more until what it gave is acknowledged or its time is over. */
  readonly isOrdered: boolean;
  /** In order only: who asks with the same id gets the same messages again. */
  readonly attemptId: string;
}

export interface PoppedMessages {
  readonly kind: 'found';
  readonly popTime: number;
  readonly invisibleMs: number;
  readonly reviveQueueId: number;
  /** Messages of the topic that are left to pop. */
  readonly rest: number;
  readonly parts: readonly PoppedPart[];
}

export type PopOutcome =
  | PoppedMessages
  /** Nothing came in time. */
  | { readonly kind: 'none'; readonly rest: number }
  /** Too many requests wait. */
  | { readonly kind: 'full' }
  | { readonly kind: 'failed'; readonly error: unknown };

/** Names one lease, as its receipt handle does. */
export interface LeaseName {
  readonly group: string;
  /** The topic that the message was read from: a retry topic for a retry. */
  readonly topic: string;
  readonly queueId: number;
  readonly startOffset: number;
  readonly popTime: number;
  readonly offset: number;
}

/** A lease after it was changed; its old handle is void. */
export interface ExtendedLease {
  readonly popTime: number;
  readonly invisibleMs: number;
  readonly reviveQueueId: number;
  readonly isOrdered: boolean;
}

/** How far a group is in a queue that it pops from. */
export interface PopProgress {
  readonly topic: string;
  readonly queueId: number;
  readonly position: number;
  readonly maxOffset: number;
  readonly inFlight: number;
}

export interface PopSettings {
  readonly permission: number;
  readonly bytesMax: number;
  /** Messages of one queue that a group may have leased. */
  readonly inFlightMax: number;
}
