/** Messages of one check point: their leases are the bits of one number. */
export const CHECK_POINT_MESSAGES_MAX = 32;

/** What a check point says of one queue's messages, as its note and its saved row hold it. */
export interface CheckPointData {
  readonly startOffset: number;
  /** ms; with the start offset it names the check point in receipt handles. */
  readonly popTime: number;
  readonly invisibleMs: number;
  /** Queue offsets, ascending; at most `CHECK_POINT_MESSAGES_MAX`. */
  readonly offsets: readonly number[];
  /** Where the look at the queue ended. */
  readonly nextOffset: number;
  /** Present when the messages were handed out in order. */
  readonly order?: OrderData | undefined;
}

export interface OrderData {
  /** Who asks with the same id gets the same messages again. */
  readonly attemptId: string;
  /** How often each message had been handed out before. */
  readonly attempts: readonly number[];
}
