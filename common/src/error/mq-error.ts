/**
 * What can go wrong, in one closed list. Doors map kinds to their protocol's codes; users match on the kind, never on
 * the text.
 */
export type ErrorKind =
  | 'INVALID_ARGUMENT'
  | 'MESSAGE_ILLEGAL'
  | 'MESSAGE_NOT_FOUND'
  | 'TOPIC_NOT_EXIST'
  | 'GROUP_NOT_EXIST'
  | 'NO_PERMISSION'
  | 'NOT_SUPPORTED'
  | 'NOT_FOUND'
  /** It contradicts what was decided before, or comes too late. */
  | 'CONFLICT'
  | 'CONSUMER_NOT_ONLINE'
  | 'CLIENT_TIMEOUT'
  | 'SUBSCRIPTION_ILLEGAL'
  | 'SYSTEM_BUSY'
  | 'SERVICE_NOT_AVAILABLE'
  | 'STORE_FAILED'
  | 'DATA_DAMAGED'
  | 'CONNECTION'
  | 'TIMEOUT'
  | 'PROTOCOL'
  | 'INTERNAL';

export interface MqErrorOptions {
  readonly retryable?: boolean;
  /** What the reader can do about it. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** An operating failure with a kind to match on. `message` says what and why; `hint`, when present, how to fix it. */
export class MqError extends Error {
  readonly kind: ErrorKind;
  /** True when the same call may succeed later without any change. */
  readonly retryable: boolean;
  readonly hint: string | undefined;

  constructor(kind: ErrorKind, message: string, options: MqErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MqError';
    this.kind = kind;
    this.retryable = options.retryable ?? RETRYABLE.has(kind);
    this.hint = options.hint;
  }
}

const RETRYABLE: ReadonlySet<ErrorKind> = new Set<ErrorKind>([
  'SYSTEM_BUSY',
  'SERVICE_NOT_AVAILABLE',
  'CONNECTION',
  'TIMEOUT',
  'CLIENT_TIMEOUT',
]);

/** The message of anything that was thrown. */
export function errorText(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
