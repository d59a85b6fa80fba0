import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { Property } from '@cometmq/common/message/property-names';
import { SchemaError, TimeoutError, Unrecoverable } from '../error/client-error.ts';
import { ReceivedMessage } from '../message/received-message.ts';
import type { Codec } from '../message/topic.ts';
import { durationMs } from '../options/duration.ts';
import type { BatchResult, ConsumerOptions, HandlerResult } from './consumer-options.ts';
import { MessageContext } from './message-context.ts';
import type { Delivery } from './delivery.ts';
import type { ProcessQueue } from './process-queue.ts';

/** What becomes of one message. */
export type Outcome =
  | { readonly kind: 'ack' }
  | { readonly kind: 'retry'; readonly delayMs: number | undefined; readonly error: Error | undefined }
  | { readonly kind: 'dead-letter'; readonly error: Error };

/** A handler at work. */
export interface HandlerRun {
  /** One for each message: at the latest when the time is over. */
  readonly outcomes: Promise<Outcome[]>;
  /** When the handler has really ended. */
  readonly ended: Promise<void>;
}

export interface HandlerOptions<T> {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly consumer: ConsumerOptions<T>;
  readonly codecOf: (topic: string) => Codec<never, T>;
}

const ACK: Outcome = { kind: 'ack' };
/** A message whose handler took too long comes again after this (Java: level 3). */
const TIMED_OUT_DELAY_MS = 10_000;

/** Starts the user's handler on messages of one queue. */
export function runHandler<T>(
  options: HandlerOptions<T>,
  queue: ProcessQueue,
  deliveries: readonly Delivery[],
): HandlerRun {
  const { clock, timeoutMs, consumer } = options;
  const { brokerName, queueId } = queue.queue;
  const abort = new AbortController();
  const attempt = deliveries[0]?.attempt ?? 1;
  const context = new MessageContext(
    consumer.group,
    { broker: brokerName, id: queueId },
    attempt,
    abort.signal,
  );
  queue.handlers.add(abort);
  const finished = callHandler(options, brokerName, deliveries, context);
  const outcomes = new Promise<Outcome[]>((resolve) => {
    const timer = clock.setTimer(timeoutMs, () => {
      const error = new TimeoutError(`the handler took longer than ${timeoutMs} ms`);
      abort.abort(error);
      resolve(deliveries.map(() => ({ kind: 'retry', delayMs: TIMED_OUT_DELAY_MS, error })));
    });
    void finished.then((result) => {
      timer.cancel();
      resolve(result);
    });
  });
  const ended = finished.then(() => {
    queue.handlers.delete(abort);
  });
  return { outcomes, ended };
}

async function callHandler<T>(
  { consumer, codecOf }: HandlerOptions<T>,
  brokerName: string,
  deliveries: readonly Delivery[],
  context: MessageContext,
): Promise<Outcome[]> {
  try {
    const messages = deliveries.map(({ message, attempt }) => {
      const topic = message.properties.get(Property.RETRY_TOPIC) ?? message.topic;
      return new ReceivedMessage(message, brokerName, codecOf(topic), attempt);
    });
    if (consumer.handle !== undefined) {
      const [message] = messages;
      if (message === undefined) return [];
      return [singleOutcome(await consumer.handle(message, context), context)];
    }
    return batchOutcomes(await consumer.handleBatch(messages, context), context, messages.length);
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    return deliveries.map(() => errorOutcome(error));
  }
}

function singleOutcome(result: HandlerResult, context: MessageContext): Outcome {
  const delayMs = result === undefined ? context.retryInMs : durationMs(result.retryIn, 'retryIn');
  return delayMs === undefined ? ACK : { kind: 'retry', delayMs, error: undefined };
}

function batchOutcomes(result: BatchResult, context: MessageContext, count: number): Outcome[] {
  const whole = singleOutcome(undefined, context);
  return Array.from({ length: count }, (_, index) => {
    const item = result?.[index];
    if (item === undefined) return whole;
    return item === 'ack'
      ? ACK
      : { kind: 'retry', delayMs: durationMs(item.retryIn, 'retryIn'), error: undefined };
  });
}

/** A body that can't be read will not get better by waiting. */
function errorOutcome(error: Error): Outcome {
  const hopeless =
    error instanceof Unrecoverable ||
    error instanceof SchemaError ||
    (error instanceof MqError && error.kind === 'DATA_DAMAGED');
  return hopeless ? { kind: 'dead-letter', error } : { kind: 'retry', delayMs: undefined, error };
}
