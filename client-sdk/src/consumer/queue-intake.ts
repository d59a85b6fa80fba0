import { Property } from '@cometmq/common/message/property-names';
import type { ClientContext } from '../client/client-context.ts';
import type { PullAnswer } from '../connection/pull-request.ts';
import { pull } from '../connection/pull-request.ts';
import { acceptsTag } from '../message/filter.ts';
import type { ConsumerSettings } from './consumer-settings.ts';
import type { ConsumeStats } from './consume-stats.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { OffsetStore } from './offset-store.ts';
import type { ProcessQueue } from './process-queue.ts';
import type { Subscriptions } from './subscriptions.ts';

export interface QueueIntakeOptions {
  readonly context: ClientContext;
  readonly group: string;
  readonly settings: ConsumerSettings;
  readonly subscriptions: Subscriptions<unknown>;
  readonly store: OffsetStore;
  readonly dispatcher: Dispatcher;
  readonly statsOf: (topic: string) => ConsumeStats;
}

const PULL_BATCH = 32;
const SUSPEND_MS = 15_000;

/** From the broker into process queues. */
export class QueueIntake {
  readonly #options: QueueIntakeOptions;

  constructor(options: QueueIntakeOptions) {
    this.#options = options;
  }

  /** Asks for the next messages; the group's progress travels along. */
  async pull(process: ProcessQueue, offset: number, brokerId: number): Promise<PullAnswer> {
    const { context, group, settings, subscriptions, store } = this.#options;
    const { queue } = process;
    const startMs = context.clock.monotonic();
    const answer = await pull(context.connections, context.routes, {
      group,
      queue,
      offset,
      brokerId,
      maxMessages: Math.min(PULL_BATCH, settings.prefetch - process.count),
      suspendMs: SUSPEND_MS,
      subscription: subscriptions.of(queue.topic),
      withSubscription: false,
      commitOffset: settings.broadcast ? undefined : store.current(queue),
    });
    if (answer.status === 'found') {
      this.#options.statsOf(queue.topic).pulled(answer.messages.length, context.clock.monotonic() - startMs);
    }
    return answer;
  }

  /** Takes in what came. */
  receive(process: ProcessQueue, answer: PullAnswer): void {
    const { context, subscriptions, dispatcher, store } = this.#options;
    const subscription = subscriptions.of(process.queue.topic);
    const wanted = answer.messages.filter(({ properties }) =>
      acceptsTag(subscription, properties.get(Property.TAGS)),
    );
    if (wanted.length > 0) {
      process.put(wanted, context.clock.monotonic());
      dispatcher.wake(process);
    } else if (process.isEmpty) {
      // Nothing for us up to here, so a restart need not look at it again.
      store.update(process.queue, answer.nextOffset);
    }
  }
}
