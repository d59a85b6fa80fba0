import type { ReceivedMessage } from '../message/received-message.ts';
import type { Topic } from '../message/topic.ts';
import type { Duration } from '../options/duration.ts';
import type { SendResult } from '../producer/send-result.ts';

/** What becomes of a transaction's message: delivered, dropped, or asked about later. */
export type Decision = 'commit' | 'rollback' | 'unknown';

export interface CheckContext {
  /** How often the broker has asked about this message, this time included. */
  readonly attempt: number;
  /** Aborts when the producer closes. */
  readonly signal: AbortSignal;
}

export interface TransactionalOptions<T = Buffer> {
  /** Any member of the group may be asked about the transactions of all of them. */
  readonly group: string;
  /**
   * Tells what became of a transaction whose decision the broker does not know: by what is stored in your database, not
   * by what this process remembers. An error counts as 'unknown': the broker asks again.
   */
  readonly check: (message: ReceivedMessage<T>, context: CheckContext) => Decision | Promise<Decision>;
  /**
   * Topics whose brokers get to know this producer at once, so that they can ask it about transactions of its
   * predecessors; without them a broker knows it from its first send on. Their codecs decode what `check` gets.
   */
  readonly topics?: readonly (string | Topic<never, T>)[];
  /** For sending the message, and again for telling the decision. @defaultValue '3s' */
  readonly sendTimeout?: Duration;
  /** Largest body in bytes. @defaultValue 4 MiB */
  readonly maxMessageSize?: number;
  /** Bodies from this many bytes on are compressed (zlib). @defaultValue 4096 */
  readonly compressOver?: number;
  /** Transactions under way at once; further ones are refused. @defaultValue 10000 */
  readonly maxInFlight?: number;
  /** Calls of `check` at once. @defaultValue 20 */
  readonly checkConcurrency?: number;
}

/** The transaction that a local one belongs to. */
export interface Transaction {
  /** The id that consumers see as `messageId`, and `check` as well: store it with your data. */
  readonly id: string;
  readonly sent: SendResult;
}

export interface TransactionResult extends SendResult {
  /** What was told to the broker; 'unknown' leaves it to `check`. */
  readonly outcome: Decision;
  /** The broker has carried the decision out. Otherwise it will ask, and `check` will tell it. */
  readonly confirmed: boolean;
}

/** Thrown by a local transaction: its message is dropped. */
export class Rollback extends Error {
  constructor(message = 'rolled back', options?: ErrorOptions) {
    super(message, options);
    this.name = 'Rollback';
  }
}
