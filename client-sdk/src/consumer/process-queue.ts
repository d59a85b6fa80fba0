import type { StoredMessage } from '@cometmq/common/message/message';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import type { Backlog } from './backlog.ts';
import { OffsetBacklog } from './backlog.ts';
import type { Delivery } from './delivery.ts';

export interface ProcessQueueLimits {
  readonly countMax: number;
  readonly bytesMax: number;
  /** Largest distance between the first unfinished and the last message; Infinity for one message at a time. */
  readonly spanMax: number;
}

/** Finished entries are cut off from this many on. */
const COMPACT_OVER = 256;

/**
 * What was pulled from one queue and is not finished (Java: ProcessQueue). The offset to commit is that of the first
 * unfinished message, so one slow message holds it back although later ones are done.
 */
export class ProcessQueue {
  readonly queue: MessageQueue;
  /** Those of the handlers that work on this queue's messages now. */
  readonly handlers = new Set<AbortController>();
  /** Monotonic ms. */
  lastPullMs: number;
  lastConsumeMs: number;
  readonly #limits: ProcessQueueLimits;
  readonly #backlog: Backlog;
  readonly #entries: Delivery[] = [];
  /** Index of the first unfinished entry. */
  #head = 0;
  #bytes = 0;
  #unfinished = 0;
  #endOffset: number | undefined;
  #dropped = false;
  #onSpace: (() => void) | undefined;

  constructor(
    queue: MessageQueue,
    limits: ProcessQueueLimits,
    nowMs: number,
    backlog: Backlog = new OffsetBacklog(),
  ) {
    this.queue = queue;
    this.#limits = limits;
    this.#backlog = backlog;
    this.lastPullMs = nowMs;
    this.lastConsumeMs = nowMs;
  }

  /** Messages that are not finished. */
  get count(): number {
    return this.#unfinished;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isEmpty(): boolean {
    return this.#unfinished === 0;
  }

  /** Given to another member, reset or closed: nothing that happens here counts any more. */
  get dropped(): boolean {
    return this.#dropped;
  }

  /** No more should be pulled for now. */
  get isFull(): boolean {
    const { countMax, bytesMax, spanMax } = this.#limits;
    return this.#unfinished >= countMax || this.#bytes >= bytesMax || this.#span > spanMax;
  }

  /** Messages that may be handed out now. */
  get waiting(): number {
    return this.#backlog.waiting;
  }

  /** Monotonic ms since when the first waiting message waits. */
  get waitingSinceMs(): number | undefined {
    return this.#backlog.first?.pulledMs;
  }

  /** Where a restart would continue; undefined while nothing was ever put. */
  get commitOffset(): number | undefined {
    return this.#entries[this.#head]?.message.queueOffset ?? this.#endOffset;
  }

  get minOffset(): number {
    return this.#entries[this.#head]?.message.queueOffset ?? 0;
  }

  get maxOffset(): number {
    return this.isEmpty ? 0 : (this.#endOffset ?? 1) - 1;
  }

  get #span(): number {
    const first = this.#entries[this.#head];
    return first === undefined ? 0 : (this.#endOffset ?? 0) - 1 - first.message.queueOffset;
  }

  /** Adds pulled messages, in offset order. */
  put(messages: readonly StoredMessage[], nowMs: number): void {
    for (const message of messages) {
      const attempt = message.reconsumeTimes + 1;
      const delivery: Delivery = { message, attempt, state: 'waiting', pulledMs: nowMs };
      this.#entries.push(delivery);
      this.#backlog.add(delivery);
      this.#bytes += message.storeSize;
      this.#unfinished++;
      this.#endOffset = message.queueOffset + 1;
    }
  }

  /** Hands out up to `max` waiting messages. */
  take(max: number): Delivery[] {
    const taken = this.#backlog.take(max);
    for (const delivery of taken) delivery.state = 'running';
    return taken;
  }

  /** Acknowledges: these are done for good. */
  finish(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      if (delivery.state === 'done') continue;
      delivery.state = 'done';
      this.#bytes -= delivery.message.storeSize;
      this.#unfinished--;
    }
    while (this.#entries[this.#head]?.state === 'done') this.#head++;
    if (this.#head > COMPACT_OVER) {
      this.#entries.splice(0, this.#head);
      this.#head = 0;
    }
    if (!this.isFull) this.#wakePuller();
  }

  /** Gives messages back to be handed out again, as a further attempt. */
  putBack(deliveries: readonly Delivery[]): void {
    const running = deliveries.filter(({ state }) => state === 'running');
    for (const delivery of running) {
      delivery.state = 'waiting';
      delivery.attempt++;
    }
    this.#backlog.putBack(running);
  }

  /** The call that had these is over, and the rest after it: what it kept waiting may go on. */
  release(deliveries: readonly Delivery[]): void {
    this.#backlog.release(deliveries);
  }

  /** Resolves when there is room again, or when the queue is dropped. */
  space(): Promise<void> {
    if (!this.isFull || this.#dropped) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onSpace = resolve;
    });
  }

  /** Tells the handlers at work to stop. */
  stopHandlers(reason: Error): void {
    for (const handler of this.handlers) handler.abort(reason);
  }

  /** Lets go of the queue: handlers are told to stop, results no longer count. */
  drop(reason: Error): void {
    if (this.#dropped) return;
    this.#dropped = true;
    this.stopHandlers(reason);
    this.#wakePuller();
  }

  #wakePuller(): void {
    const wake = this.#onSpace;
    this.#onSpace = undefined;
    wake?.();
  }
}
