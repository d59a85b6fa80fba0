import { Property } from '@cometmq/common/message/property-names';
import type { ConsumerData } from '@cometmq/remoting/protocol/body/heartbeat';
import type { ClientContext } from '../client/client-context.ts';
import { TypedEvents } from '../client/typed-events.ts';
import { OffsetRequests } from '../connection/offset-requests.ts';
import { ClosedError } from '../error/client-error.ts';
import { ReceivedMessage } from '../message/received-message.ts';
import { abortable, deferred, pause } from '../options/abortable.ts';
import { durationMs } from '../options/duration.ts';
import { TimerGroup } from '../options/timer-group.ts';
import { Assignment } from './assignment.ts';
import type { ConsumerOptions } from './consumer-options.ts';
import type { CloseOptions, ConsumerEvents, ConsumerHealth } from './consumer-events.ts';
import { topicQueue } from './consumer-events.ts';
import { ConsumerOperator } from './consumer-operator.ts';
import type { ConsumerSettings } from './consumer-settings.ts';
import { consumeFromWhere, consumerSettings } from './consumer-settings.ts';
import { ConsumeStats } from './consume-stats.ts';
import { Dispatcher } from './dispatcher.ts';
import { refusedFilter } from './filter-check.ts';
import type { HandlerRun } from './handler-run.ts';
import { runHandler } from './handler-run.ts';
import { LocalOffsetStore } from './local-offset-store.ts';
import type { OffsetStore } from './offset-store.ts';
import type { Delivery } from './delivery.ts';
import type { ProcessQueue } from './process-queue.ts';
import { QueueLocks } from './queue-locks.ts';
import { Rebalancer } from './rebalancer.ts';
import { RemoteOffsetStore } from './remote-offset-store.ts';
import { SendBack } from './send-back.ts';
import type { Settlement } from './settlement.ts';
import { newSettlement } from './settlement.ts';
import { StallWatchdog } from './stall-watchdog.ts';
import { Subscriptions } from './subscriptions.ts';

const PERSIST_MS = 5000;
const LOCK_RENEW_MS = 20_000;
const DRAIN_MS = 20_000;

/** Receives a group's messages and hands them to a handler. Made by `MqClient.consume`. */
export class PushConsumer<T = Buffer> implements AsyncDisposable {
  readonly group: string;
  readonly #context: ClientContext;
  readonly #options: ConsumerOptions<T>;
  readonly #settings: ConsumerSettings;
  readonly #subscriptions: Subscriptions<T>;
  readonly #events: TypedEvents<ConsumerEvents<T>>;
  readonly #stats = new Map<string, ConsumeStats>();
  readonly #store: OffsetStore;
  readonly #dispatcher: Dispatcher;
  readonly #assignment: Assignment;
  readonly #rebalancer: Rebalancer;
  readonly #watchdog: StallWatchdog;
  readonly #operator: ConsumerOperator;
  readonly #settlement: Settlement;
  readonly #timers: TimerGroup;
  readonly #ready = deferred();
  readonly #force = new AbortController();
  readonly #onClosed: (consumer: PushConsumer<T>) => Promise<void>;
  readonly #startedAtMs: number;
  #state: ConsumerHealth['state'] = 'starting';
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(
    context: ClientContext,
    options: ConsumerOptions<T>,
    onClosed: (consumer: PushConsumer<T>) => Promise<void>,
  ) {
    this.#context = context;
    this.#options = options;
    this.#onClosed = onClosed;
    this.group = options.group;
    this.#startedAtMs = context.clock.now();
    this.#settings = consumerSettings(options, this.#startedAtMs);
    this.#subscriptions = new Subscriptions(options, this.#startedAtMs);
    this.#events = new TypedEvents(context.log);
    this.#timers = new TimerGroup(context.clock);
    const requests = new OffsetRequests(context.connections, context.routes);
    this.#store = this.#settings.broadcast
      ? new LocalOffsetStore(context.disk, context.log, options.offsetsDirectory, this.group)
      : new RemoteOffsetStore(requests, this.group, context.log);
    this.#settlement = this.#newSettlement();
    this.#dispatcher = this.#newDispatcher();
    this.#assignment = this.#newAssignment(requests);
    this.#rebalancer = this.#newRebalancer();
    this.#watchdog = new StallWatchdog({
      clock: context.clock,
      log: context.log,
      stallAfterMs: this.#settings.stallAfterMs,
      queues: () => this.#assignment.all(),
      isLocked: (queue) => this.#assignment.isLocked(queue),
      onStall: (queue, silentMs) => {
        this.#events.emit('stalled', topicQueue(queue), silentMs);
      },
    });
    this.#operator = new ConsumerOperator({
      context,
      settings: this.#settings,
      startedAtMs: this.#startedAtMs,
      assignment: this.#assignment,
      store: this.#store,
      stats: this.#stats,
      data: () => this.data(),
      run: (queue, deliveries) => this.#run(queue, deliveries),
    });
    this.#ready.promise.catch(() => undefined);
  }

  on<K extends keyof ConsumerEvents<T> & string>(
    event: K,
    listener: (...values: ConsumerEvents<T>[K]) => void,
  ): this {
    this.#events.on(event, listener);
    return this;
  }

  off<K extends keyof ConsumerEvents<T> & string>(
    event: K,
    listener: (...values: ConsumerEvents<T>[K]) => void,
  ): this {
    this.#events.off(event, listener);
    return this;
  }

  /**
   * Resolves when the group's queues were shared out for the first time. Rejects when the consumer closes before, which it
   * does by itself when a broker refuses its filter.
   */
  ready(signal?: AbortSignal): Promise<void> {
    return abortable(this.#ready.promise, signal);
  }

  health(): ConsumerHealth {
    const queues = this.#assignment.all();
    return {
      group: this.group,
      state: this.#state,
      queues: queues.length,
      buffered: queues.reduce((sum, { process }) => sum + process.count, 0),
      handlers: this.#dispatcher.running,
    };
  }

  /**
   * Stops pulling, lets handlers at work end, commits, unlocks and unregisters. A second call cuts the wait short:
   * handlers still at work are told to abort, and their messages come again.
   */
  close(options: CloseOptions = {}): Promise<void> {
    if (this.#closing === undefined)
      this.#closing = this.#close(durationMs(options.drain ?? DRAIN_MS, 'drain'));
    else this.#force.abort();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal */
  start(): void {
    const { clock, routes } = this.#context;
    for (const topic of this.#subscriptions.topics) routes.pin(topic);
    this.#timers.every(PERSIST_MS, () => void this.#assignment.persist());
    if (this.#ordered) this.#timers.every(LOCK_RENEW_MS, () => void this.#assignment.renewLocks());
    this.#watchdog.start();
    void Promise.allSettled(this.#subscriptions.topics.map((topic) => routes.refresh(topic)))
      .then(() => refusedFilter(this.#context, this.group, this.#subscriptions.all()))
      .then((refusal) => {
        if (refusal === undefined) return this.#context.heartbeat();
        if (this.#state === 'starting') this.#refused(refusal);
        return undefined;
      })
      .then(() => {
        if (this.#state === 'starting') this.#rebalancer.trigger();
      });
    this.#context.log.info({ group: this.group, atMs: clock.now() }, 'consumer started');
  }

  /** @internal What the brokers are told in heartbeats. */
  data(): ConsumerData {
    return {
      groupName: this.group,
      consumeType: 'CONSUME_PASSIVELY',
      messageModel: this.#settings.broadcast ? 'BROADCASTING' : 'CLUSTERING',
      consumeFromWhere: consumeFromWhere(this.#settings.start),
      unitMode: false,
      subscriptionDataSet: this.#subscriptions.all(),
    };
  }

  /** @internal The group's members changed. */
  rebalance(): void {
    if (this.#state !== 'starting' && this.#state !== 'running') return;
    this.#rebalancer.trigger();
  }

  /** @internal */
  routeChanged(topic: string): void {
    if (this.#subscriptions.has(topic)) this.rebalance();
  }

  /** @internal What operators may ask and do. */
  get operator(): ConsumerOperator {
    return this.#operator;
  }

  /** True when queues must be locked: a broadcast has no other members to keep out. */
  get #ordered(): boolean {
    return this.#settings.ordered && !this.#settings.broadcast;
  }

  /** Nothing could ever be delivered. */
  #refused(reason: Error): void {
    this.#context.log.error({ group: this.group, reason: reason.message }, 'filter refused, consumer closed');
    this.#ready.reject(reason);
    void this.close();
  }

  async #close(drainMs: number): Promise<void> {
    const { clock, routes } = this.#context;
    this.#state = 'closing';
    this.#ready.reject(new ClosedError('consumer'));
    this.#assignment.stopPulling();
    await this.#rebalancer.stop();
    this.#watchdog.stop();
    this.#dispatcher.stop();
    const idle = new AbortController();
    const waited = pause(clock, drainMs, AbortSignal.any([idle.signal, this.#force.signal]));
    await Promise.race([
      this.#dispatcher.idle().then(() => {
        idle.abort();
      }),
      waited,
    ]);
    idle.abort();
    this.#timers.cancel();
    await this.#assignment.release(new ClosedError('consumer'));
    for (const topic of this.#subscriptions.topics) routes.unpin(topic);
    this.#state = 'closed';
    await this.#onClosed(this);
    this.#events.clear();
  }

  #run(queue: ProcessQueue, deliveries: readonly Delivery[]): HandlerRun {
    const { clock } = this.#context;
    const { timeoutMs } = this.#settings;
    const codecOf = (topic: string) => this.#subscriptions.codecOf(topic);
    const startMs = clock.monotonic();
    queue.lastConsumeMs = startMs;
    const run = runHandler({ clock, timeoutMs, consumer: this.#options, codecOf }, queue, deliveries);
    void run.outcomes.then((outcomes) => {
      const ok = outcomes.filter(({ kind }) => kind === 'ack').length;
      this.#statsOf(queue.queue.topic).consumed(ok, outcomes.length - ok, clock.monotonic() - startMs);
    });
    return run;
  }

  #statsOf(topic: string): ConsumeStats {
    let stats = this.#stats.get(topic);
    if (stats === undefined) {
      stats = new ConsumeStats(this.#context.clock);
      this.#stats.set(topic, stats);
    }
    return stats;
  }

  #newDispatcher(): Dispatcher {
    const { concurrency, batchMax, batchWithinMs, unit } = this.#settings;
    return new Dispatcher({
      clock: this.#context.clock,
      concurrency,
      batchMax,
      batchWithinMs,
      unit,
      mayRun: (queue) => this.#assignment.isLocked(queue.queue),
      run: (queue, deliveries) => this.#run(queue, deliveries),
      settle: (queue, deliveries, outcomes) => this.#settlement.settle(queue, deliveries, outcomes),
      later: (delayMs, run) => {
        this.#timers.later(delayMs, run);
      },
    });
  }

  #newSettlement(): Settlement {
    const { maxReconsumeTimes, backoff } = this.#settings;
    const options = {
      log: this.#context.log,
      sendBack: new SendBack(this.#context, this.group),
      maxReconsumeTimes,
      backoff,
      onProgress: (queue: ProcessQueue) => {
        this.#assignment.progress(queue);
      },
      onRetry: (delivery: Delivery, error: Error | undefined) => {
        this.#events.emit('retry', this.#received(delivery), error);
      },
      onDeadLetter: (delivery: Delivery, error: Error | undefined) => {
        const message = this.#received(delivery);
        const { messageId, topic } = message;
        this.#context.log.warn(
          { group: this.group, topic, messageId, reason: error?.message },
          'message given up',
        );
        this.#events.emit('deadLetter', message, error);
      },
      later: (delayMs: number, run: () => void) => {
        this.#timers.later(delayMs, run);
      },
      wake: (queue: ProcessQueue) => {
        this.#dispatcher.wake(queue);
      },
    };
    return newSettlement(this.#settings, options);
  }

  #newAssignment(requests: OffsetRequests): Assignment {
    const { clock, log, connections, routes, clientId } = this.#context;
    const locks = { clock, log, connections, routes, clientId, group: this.group };
    return new Assignment({
      context: this.#context,
      group: this.group,
      settings: this.#settings,
      startedAtMs: this.#startedAtMs,
      subscriptions: this.#subscriptions,
      store: this.#store,
      requests,
      dispatcher: this.#dispatcher,
      locks: this.#ordered ? new QueueLocks(locks) : undefined,
      statsOf: (topic) => this.#statsOf(topic),
      onAssigned: (queues) => {
        this.#events.emit('assigned', queues.map(topicQueue));
      },
      onRevoked: (queues) => {
        this.#events.emit('revoked', queues.map(topicQueue));
      },
    });
  }

  #newRebalancer(): Rebalancer {
    return new Rebalancer({
      context: this.#context,
      group: this.group,
      topics: this.#subscriptions.topics,
      broadcast: this.#settings.broadcast,
      onQueues: (topic, queues) => {
        this.#assignment.noteQueues(topic, queues);
      },
      assign: (topic, mine) => this.#assignment.assign(topic, mine),
      onRound: (complete) => {
        if (!complete || this.#state !== 'starting') return;
        this.#state = 'running';
        this.#ready.resolve();
      },
    });
  }

  #received({ message, attempt }: Delivery): ReceivedMessage<T> {
    const topic = message.properties.get(Property.RETRY_TOPIC) ?? message.topic;
    return new ReceivedMessage(message, '', this.#subscriptions.codecOf(topic), attempt);
  }
}
