import type { StoredMessage } from '@cometmq/common/message/message';
import type { ConsumerData } from '@cometmq/remoting/protocol/body/heartbeat';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import type { ClientContext } from '../client/client-context.ts';
import { queueKey } from '../route/topic-queues.ts';
import type { Assignment } from './assignment.ts';
import { consumerStatusBody, runningInfoBody } from './consumer-report.ts';
import type { ConsumerSettings } from './consumer-settings.ts';
import type { ConsumeStats } from './consume-stats.ts';
import type { HandlerRun, Outcome } from './handler-run.ts';
import type { OffsetStore } from './offset-store.ts';
import type { Delivery } from './delivery.ts';
import { ProcessQueue } from './process-queue.ts';

export interface ConsumerOperatorOptions {
  readonly context: ClientContext;
  readonly settings: ConsumerSettings;
  readonly startedAtMs: number;
  readonly assignment: Assignment;
  readonly store: OffsetStore;
  readonly stats: ReadonlyMap<string, ConsumeStats>;
  readonly data: () => ConsumerData;
  readonly run: (queue: ProcessQueue, deliveries: readonly Delivery[]) => HandlerRun;
}

/** What operators ask of a running consumer through its brokers. */
export class ConsumerOperator {
  readonly #options: ConsumerOperatorOptions;

  constructor(options: ConsumerOperatorOptions) {
    this.#options = options;
  }

  get ordered(): boolean {
    return this.#options.settings.ordered;
  }

  /** Moves this member's queues to other offsets; queues of other members are theirs to move. */
  async resetOffsets(offsets: readonly (MessageQueue & { readonly offset: number })[]): Promise<void> {
    const { assignment } = this.#options;
    const mine = new Map(assignment.queues().map((queue) => [queueKey(queue), queue]));
    for (const target of offsets) {
      const queue = mine.get(queueKey(target));
      if (queue !== undefined) await assignment.moveTo(queue, target.offset);
    }
  }

  /** Progress by queue, as GET_CONSUMER_STATUS_FROM_CLIENT answers. */
  statusBody(topic: string): Buffer {
    const { assignment, store } = this.#options;
    return consumerStatusBody(topic, assignment.all(), store);
  }

  /** As GET_CONSUMER_RUNNING_INFO answers. */
  runningInfoBody(): Buffer {
    const { context, settings, startedAtMs, assignment, store, stats, data } = this.#options;
    const locking = settings.ordered && !settings.broadcast;
    return runningInfoBody({
      context,
      settings,
      startedAtMs,
      store,
      stats,
      data: data(),
      queues: assignment.all(),
      isLocked: (queue) => locking && assignment.isLocked(queue),
    });
  }

  /** Runs one message through the handler; nothing is acknowledged or sent back. */
  async consumeDirectly(message: StoredMessage, brokerName: string): Promise<Outcome> {
    const { context, run } = this.#options;
    const { topic, queueId } = message;
    const limits = { countMax: 1, bytesMax: Infinity, spanMax: Infinity };
    const process = new ProcessQueue({ topic, queueId, brokerName }, limits, context.clock.monotonic());
    process.put([message], context.clock.monotonic());
    const [outcome] = await run(process, process.take(1)).outcomes;
    return outcome ?? { kind: 'ack' };
  }
}
