import type { StoredMessage } from '@cometmq/common/message/message';

/** A message between pull and acknowledgement. */
export interface Delivery {
  readonly message: StoredMessage;
  /** 1 for the first delivery; grows with local retries too. */
  attempt: number;
  state: 'waiting' | 'running' | 'done';
  /** Monotonic ms of the pull. */
  readonly pulledMs: number;
}
