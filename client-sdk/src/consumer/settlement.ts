import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { delayLevelFor, exponential } from './delay-level.ts';
import type { RetryBackoff } from './delay-level.ts';
import type { OrderUnit } from './consumer-settings.ts';
import type { Outcome } from './handler-run.ts';
import type { Delivery } from './delivery.ts';
import type { ProcessQueue } from './process-queue.ts';
import type { SendBack } from './send-back.ts';
import { BROKER_DECIDES, TO_DEAD_LETTERS } from './send-back.ts';

/** Acts on a handler's decisions; returns for how long what it must not be overtaken by rests, ms. */
export interface Settlement {
  settle(queue: ProcessQueue, deliveries: readonly Delivery[], outcomes: readonly Outcome[]): Promise<number>;
}

export interface SettlementOptions {
  readonly log: Logger;
  readonly sendBack: SendBack;
  readonly maxReconsumeTimes: number;
  readonly backoff: RetryBackoff | undefined;
  /** Progress of a queue may have changed. */
  readonly onProgress: (queue: ProcessQueue) => void;
  readonly onRetry: (delivery: Delivery, error: Error | undefined) => void;
  readonly onDeadLetter: (delivery: Delivery, error: Error | undefined) => void;
  /** Runs `run` after a while unless the consumer has closed by then. */
  readonly later: (delayMs: number, run: () => void) => void;
  readonly wake: (queue: ProcessQueue) => void;
}

/** The rules for a consumer's kind. */
export function newSettlement(
  kind: { readonly unit: OrderUnit; readonly broadcast: boolean },
  options: SettlementOptions,
): Settlement {
  if (kind.unit === 'queue') return new OrderedSettlement(options, QUEUE_REST);
  if (kind.unit === 'key') return new OrderedSettlement(options, KEY_REST);
  return kind.broadcast ? new BroadcastSettlement(options) : new ConcurrentSettlement(options);
}

/** A message that could not be sent back is handed out again here after this. */
const LOCAL_RETRY_MS = 5000;

/** Parallel consumption (Java: ConsumeMessageConcurrentlyService): a failed message goes back to its broker. */
class ConcurrentSettlement implements Settlement {
  readonly #options: SettlementOptions;

  constructor(options: SettlementOptions) {
    this.#options = options;
  }

  async settle(
    queue: ProcessQueue,
    deliveries: readonly Delivery[],
    outcomes: readonly Outcome[],
  ): Promise<number> {
    if (queue.dropped) return 0;
    await Promise.all(
      deliveries.map(async (delivery, index) => {
        const outcome = outcomes[index];
        if (
          outcome === undefined ||
          outcome.kind === 'ack' ||
          (await this.#return(queue, delivery, outcome))
        ) {
          queue.finish([delivery]);
        }
      }),
    );
    this.#options.onProgress(queue);
    return 0;
  }

  /** False when the message stays here for a local retry. */
  async #return(
    queue: ProcessQueue,
    delivery: Delivery,
    outcome: Exclude<Outcome, { kind: 'ack' }>,
  ): Promise<boolean> {
    const { sendBack, maxReconsumeTimes, onDeadLetter, onRetry, later, log, wake } = this.#options;
    const reconsumeTimes = delivery.attempt - 1;
    const dead = outcome.kind === 'dead-letter' || reconsumeTimes >= maxReconsumeTimes;
    const level = dead ? TO_DEAD_LETTERS : this.#level(delivery, outcome);
    try {
      await sendBack.sendBack(
        delivery.message,
        queue.queue.brokerName,
        level,
        reconsumeTimes,
        maxReconsumeTimes,
      );
    } catch (error) {
      log.warn({ queue: queue.queue, reason: errorText(error) }, 'message not sent back, trying again here');
      later(LOCAL_RETRY_MS, () => {
        queue.putBack([delivery]);
        wake(queue);
      });
      return false;
    }
    if (dead) onDeadLetter(delivery, outcome.error);
    else onRetry(delivery, outcome.error);
    return true;
  }

  #level({ attempt }: Delivery, outcome: Outcome): number {
    const asked = outcome.kind === 'retry' ? outcome.delayMs : undefined;
    const delayMs = asked ?? this.#options.backoff?.(attempt);
    return delayMs === undefined ? BROKER_DECIDES : delayLevelFor(delayMs);
  }
}

/** Broadcast consumption has nobody to send back to: what fails is reported and dropped, as in Java. */
class BroadcastSettlement implements Settlement {
  readonly #options: SettlementOptions;

  constructor(options: SettlementOptions) {
    this.#options = options;
  }

  settle(
    queue: ProcessQueue,
    deliveries: readonly Delivery[],
    outcomes: readonly Outcome[],
  ): Promise<number> {
    if (queue.dropped) return Promise.resolve(0);
    deliveries.forEach((delivery, index) => {
      const outcome = outcomes[index];
      if (outcome !== undefined && outcome.kind !== 'ack')
        this.#options.onDeadLetter(delivery, outcome.error);
    });
    queue.finish(deliveries);
    this.#options.onProgress(queue);
    return Promise.resolve(0);
  }
}

/** How long an ordered queue or key waits after a failure. */
interface OrderedRest {
  readonly backoff: RetryBackoff;
  readonly maxMs: number;
}

const REST_MIN_MS = 10;
/** Java's: a failure holds up the whole queue. */
const QUEUE_REST: OrderedRest = { backoff: () => 1000, maxMs: 30_000 };
/** Others do not wait for a failing key. */
const KEY_REST: OrderedRest = { backoff: exponential('1s', { max: '30s' }), maxMs: 30 * 60_000 };

/** Ordered consumption (Java: ConsumeMessageOrderlyService): a failed message is tried again before any later one. */
class OrderedSettlement implements Settlement {
  readonly #options: SettlementOptions;
  readonly #rest: OrderedRest;

  constructor(options: SettlementOptions, rest: OrderedRest) {
    this.#options = options;
    this.#rest = rest;
  }

  async settle(
    queue: ProcessQueue,
    deliveries: readonly Delivery[],
    outcomes: readonly Outcome[],
  ): Promise<number> {
    if (queue.dropped) return 0;
    let restMs = 0;
    // From the first failure on everything waits, so that nothing overtakes it.
    let blocked = false;
    for (const [index, delivery] of deliveries.entries()) {
      const outcome = outcomes[index];
      if (blocked) {
        queue.putBack([delivery]);
        delivery.attempt--;
      } else if (outcome === undefined || outcome.kind === 'ack' || (await this.#giveUp(delivery, outcome))) {
        queue.finish([delivery]);
      } else {
        blocked = true;
        restMs = this.#restMs(delivery, outcome);
        this.#options.onRetry(delivery, outcome.error);
        queue.putBack([delivery]);
      }
    }
    this.#options.onProgress(queue);
    return restMs;
  }

  /** True when the message was handed to the dead letters, so that the queue can go on. */
  async #giveUp(delivery: Delivery, outcome: Exclude<Outcome, { kind: 'ack' }>): Promise<boolean> {
    const { sendBack, maxReconsumeTimes, onDeadLetter, log } = this.#options;
    const reconsumeTimes = delivery.attempt - 1;
    if (outcome.kind !== 'dead-letter' && reconsumeTimes < maxReconsumeTimes) return false;
    try {
      await sendBack.resend(
        delivery.message,
        TO_DEAD_LETTERS,
        reconsumeTimes,
        Math.min(maxReconsumeTimes, reconsumeTimes),
      );
    } catch (error) {
      log.warn({ reason: errorText(error) }, 'dead letter not sent, trying again here');
      return false;
    }
    onDeadLetter(delivery, outcome.error);
    return true;
  }

  #restMs({ attempt }: Delivery, outcome: Outcome): number {
    const asked = outcome.kind === 'retry' ? outcome.delayMs : undefined;
    const delayMs = asked ?? (this.#options.backoff ?? this.#rest.backoff)(attempt);
    return Math.max(REST_MIN_MS, Math.min(this.#rest.maxMs, delayMs));
  }
}
