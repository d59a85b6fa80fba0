import type { StoredMessage } from '@cometmq/common/message/message';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';

/** A message between pull and acknowledgement. */
export interface Delivery {
  readonly message: StoredMessage;
  /** 1 for the first delivery; grows with local retries too. */
  attempt: number;
  state: 'waiting' | 'running' | 'done';
  /** Monotonic ms of the pull. */
  readonly pulledMs: number;
}

export interface ProcessQueueLimits {
  readonly countMax: number;
  readonly bytesMax: number;
  /** Largest distance between the first unfinished and the last message; Infinity for ordered queues. */
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
  readonly #entries: Delivery[] = [];
  /** Index of the first unfinished entry. */
  #head = 0;
  /** Index of the first entry that was never handed out. */
  #next = 0;
  /** Handed out and given back. */
  #returned: Delivery[] = [];
  #bytes = 0;
  #unfinished = 0;
  #endOffset: number | undefined;
  #dropped = false;
  #onSpace: (() => void) | undefined;

  constructor(queue: MessageQueue, limits: ProcessQueueLimits, nowMs: number) {
    this.queue = queue;
    this.#limits = limits;
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

  /** Messages nobody works on. */
  get waiting(): number {
    return this.#returned.length + this.#entries.length - this.#next;
  }

  /** Monotonic ms since when the first waiting message waits. */
  get waitingSinceMs(): number | undefined {
    return (this.#returned[0] ?? this.#entries[this.#next])?.pulledMs;
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
      this.#entries.push({ message, attempt: message.reconsumeTimes + 1, state: 'waiting', pulledMs: nowMs });
      this.#bytes += message.storeSize;
      this.#unfinished++;
      this.#endOffset = message.queueOffset + 1;
    }
  }

  /** Hands out up to `max` waiting messages, in offset order. */
  take(max: number): Delivery[] {
    const taken = this.#returned.splice(0, max);
    while (taken.length < max && this.#next < this.#entries.length) {
      taken.push(this.#entries[this.#next++] as Delivery);
    }
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
      this.#next -= this.#head;
      this.#head = 0;
    }
    if (!this.isFull) this.#wakePuller();
  }

  /** Gives messages back to be handed out again, as a further attempt. */
  putBack(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) {
      if (delivery.state !== 'running') continue;
      delivery.state = 'waiting';
      delivery.attempt++;
      this.#returned.push(delivery);
    }
    this.#returned.sort((a, b) => a.message.queueOffset - b.message.queueOffset);
  }

  /** Resolves when there is room again, or when the queue is dropped. */
  space(): Promise<void> {
    if (!this.isFull || this.#dropped) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onSpace = resolve;
    });
  }

  /** Lets go of the queue: handlers are told to stop, results no longer count. */
  drop(reason: Error): void {
    if (this.#dropped) return;
    this.#dropped = true;
    for (const handler of this.handlers) handler.abort(reason);
    this.#wakePuller();
  }

  #wakePuller(): void {
    const wake = this.#onSpace;
    this.#onSpace = undefined;
    wake?.();
  }
}
