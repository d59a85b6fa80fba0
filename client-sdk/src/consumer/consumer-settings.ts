import { IllegalStateError } from '../error/client-error.ts';
import { durationMs, momentMs } from '../options/duration.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import type { RetryBackoff } from './delay-level.ts';
import type { StartPosition } from './start-offset.ts';

/** What is handled strictly one after the other. */
export type OrderUnit = 'message' | 'key' | 'queue';

/** Consumer options with their defaults, checked, in plain units. */
export interface ConsumerSettings {
  readonly broadcast: boolean;
  readonly unit: OrderUnit;
  /** Its queues are locked and failures are retried in place. */
  readonly ordered: boolean;
  readonly concurrency: number;
  readonly prefetch: number;
  readonly prefetchBytes: number;
  readonly timeoutMs: number;
  readonly maxReconsumeTimes: number;
  readonly backoff: RetryBackoff | undefined;
  readonly start: StartPosition;
  readonly batchMax: number;
  readonly batchWithinMs: number;
  readonly stallAfterMs: number;
}

const INT32_MAX = 2 ** 31 - 1;
const PREFETCH_BYTES = 100 * 1024 * 1024;
/** Two pulls' worth of holding, so that a quiet queue is no stalled one. */
const STALL_MIN_MS = 30_000;

/** @throws IllegalStateError naming the option that makes no sense */
export function consumerSettings<T>(options: ConsumerOptions<T>, nowMs: number): ConsumerSettings {
  const unit = options.order ?? 'message';
  const ordered = unit !== 'message';
  const { batch, startFrom = 'latest' } = options;
  if ((options.handle === undefined) === (options.handleBatch === undefined)) {
    throw new IllegalStateError('give either handle or handleBatch');
  }
  if (unit === 'key' && options.handleBatch !== undefined) {
    throw new IllegalStateError("order 'key' needs handle: messages of a batch would share a failure");
  }
  return {
    broadcast: options.mode === 'broadcast',
    unit,
    ordered,
    concurrency: whole('concurrency', options.concurrency ?? 20, 1, 10_000),
    prefetch: whole('prefetch', options.prefetch ?? 1000, 1, 65_535),
    prefetchBytes: whole('prefetchBytes', options.prefetchBytes ?? PREFETCH_BYTES, 1, 2 ** 32),
    timeoutMs: durationMs(options.timeout ?? '15m', 'timeout'),
    maxReconsumeTimes: whole(
      'retry.attempts',
      options.retry?.attempts ?? (ordered ? INT32_MAX - 1 : 16),
      0,
      INT32_MAX - 1,
    ),
    backoff: options.retry?.backoff,
    start:
      typeof startFrom === 'string'
        ? startFrom
        : { timeMs: momentMs(startFrom.time, nowMs, 'startFrom.time') },
    batchMax: whole('batch.max', batch?.max ?? 1, 1, 1024),
    batchWithinMs: durationMs(batch?.within ?? 0, 'batch.within'),
    stallAfterMs: Math.max(STALL_MIN_MS, durationMs(options.stallAfter ?? '60s', 'stallAfter')),
  };
}

function whole(name: string, value: number, min: number, max: number): number {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new IllegalStateError(`${name} is ${value}; it must be a whole number from ${min} to ${max}`);
  }
  return value;
}

/** Java's name of a start position. */
export function consumeFromWhere(start: StartPosition): string {
  if (start === 'latest') return 'CONSUME_FROM_LAST_OFFSET';
  return start === 'earliest' ? 'CONSUME_FROM_FIRST_OFFSET' : 'CONSUME_FROM_TIMESTAMP';
}
