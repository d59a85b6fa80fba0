// What a broker must do, said plainly (semantics.md §2, §3, §4.1, §5, §7, §8.3): topics are lists of queues, queues
// are lists of messages, and everything that shows up in a queue must have been sent, once.
import type { StoredMessage } from '@cometmq/common/message/message';
import type { Expectation, Transaction } from './expectation.ts';
import type { Stored } from './reference-message.ts';
import { bodyOf, idOf, propertiesOf } from './reference-message.ts';
import { ReferenceProgress } from './reference-progress.ts';
import { ReferenceQueue } from './reference-queue.ts';

export interface ReferenceTopic {
  queueCount: number;
  readonly createdAt: number;
  readonly queues: Map<number, ReferenceQueue>;
}

export type CrashKind = 'kill' | 'power';

interface Handled {
  readonly expectation: Expectation;
  readonly at: number;
}

/** A delayed message is delivered this soon after it is due (semantics 17.16). */
const LATENESS_MS = 1_000;
/** The progress of delays is saved this often: what was delivered since then may come twice after a kill. */
const DELAY_SAVED_MS = 1_100;
const RETENTION_PERIOD_MS = 10_000;

export class ReferenceBroker {
  readonly topics = new Map<string, ReferenceTopic>();
  /** Groups that exist; after a power cut those that only came by use may have to come again. */
  readonly groups = new Map<string, 'sure' | 'maybe'>();
  readonly progress = new ReferenceProgress();
  readonly transactions: Transaction[] = [];
  /** Log positions of messages whose topic was deleted. */
  readonly buried = new Set<number>();
  readonly #expected = new Set<Expectation>();
  #handled: Handled[] = [];
  #ids = 0;
  /** Log position that everything expired lies before. */
  #expiredBefore = 0;
  readonly #retentionMs: number;
  readonly #segmentSize: number;
  upSince = 0;

  constructor(limits: { readonly retentionMs: number; readonly segmentSizeBytes: number }) {
    this.#retentionMs = limits.retentionMs;
    this.#segmentSize = limits.segmentSizeBytes;
  }

  nextId(): string {
    return `m${++this.#ids}`;
  }

  queue(topic: string, queueId: number): ReferenceQueue {
    return this.topics.get(topic)?.queues.get(queueId) ?? new ReferenceQueue();
  }

  /** Messages that can be read. */
  present(): Stored[] {
    return [...this.topics].flatMap(([, { queues, queueCount }]) =>
      [...queues].filter(([id]) => id < queueCount).flatMap(([, queue]) => queue.present),
    );
  }

  /** Makes a topic, or gives it another number of queues. */
  putTopic(name: string, queueCount: number, now: number): void {
    const present = this.topics.get(name);
    if (present !== undefined) {
      present.queueCount = queueCount;
      return;
    }
    this.topics.set(name, { queueCount, createdAt: now, queues: new Map() });
    // Whether these found the topic of before, nobody can tell.
    for (const expectation of this.#expected)
      if (expectation.topic === name && expectation.from <= now) expectation.must = false;
  }

  removeTopic(name: string, now: number): void {
    for (const queue of this.topics.get(name)?.queues.values() ?? [])
      for (const { physicalOffset } of queue.messages) this.buried.add(physicalOffset);
    this.topics.delete(name);
    this.progress.removeTopic(name);
    for (const expectation of this.#expected)
      if (expectation.topic === name && expectation.from <= now) expectation.must = false;
  }

  expect(expectation: Expectation): void {
    this.#expected.add(expectation);
  }

  /** Something new stands at the end of a queue: it must be one of the expected messages, as it was meant. */
  explain(message: StoredMessage, now: number): void {
    const { topic, queueId, queueOffset: offset, physicalOffset, storeTimestamp: storedAt } = message;
    const where = `${topic}/${queueId} offset ${offset}`;
    const expectation = this.#match(message);
    if (expectation === undefined)
      throw new Error(
        `${where}: nobody expects ${idOf(message.body)} with ${message.reconsumeTimes} retries there`,
      );
    const { draft, at, from, by, together, transaction } = expectation;
    const queue = this.#queueOf(topic, queueId);
    const before = queue.messages.at(-1);
    verify(offset === queue.max, `${where}: the queue ended at ${queue.max}`);
    verify(at === undefined || at === offset, `${where}: ${draft.id} was acknowledged at offset ${at}`);
    verify(message.body.equals(bodyOf(draft)), `${where}: another body than ${draft.id} was sent with`);
    for (const [name, value] of propertiesOf(draft)) {
      const found = message.properties.get(name);
      verify(found === value, `${where}: property ${name} of ${draft.id} is ${found}, not ${value}`);
    }
    verify(
      message.properties.has('TAGS') === (draft.tag !== undefined),
      `${where}: ${draft.id} has a foreign tag`,
    );
    verify(
      storedAt >= from && storedAt <= Math.min(by, now),
      `${where}: ${draft.id} stored at ${storedAt}, not ${from} to ${Math.min(by, now)}`,
    );
    verify(before === undefined || before.storedAt <= storedAt, `${where}: stored before its predecessor`);
    verify(
      before === undefined || before.physicalOffset < physicalOffset,
      `${where}: lies before its predecessor`,
    );
    this.#inOrderOfItsLevel(expectation, where);
    this.#expected.delete(expectation);
    if (expectation.level !== undefined) this.#handled.push({ expectation, at: now });
    if (transaction !== undefined) transaction.state = 'commit';
    together?.offsets.push(offset);
    queue.messages.push({ draft, topic, queueId, offset, physicalOffset, storedAt });
  }

  /** What should have shown up by now and did not. */
  settle(now: number): void {
    for (const expectation of [...this.#expected]) {
      const { topic, queueId, by, must, draft, together } = expectation;
      const present = this.topics.get(topic);
      const isReadable = present !== undefined && queueId < present.queueCount;
      if (present !== undefined && !isReadable) continue;
      if (now < by) continue;
      if (must && isReadable) throw new Error(`${topic}/${queueId}: ${draft.id} is missing`);
      this.#expected.delete(expectation);
      if (expectation.level !== undefined) this.#handled.push({ expectation, at: now });
      verify(
        together === undefined || together.offsets.length === 0 || together.offsets.length === together.size,
        `${topic}/${queueId}: ${together?.offsets.length} messages of a batch of ${together?.size}`,
      );
    }
    for (const transaction of this.transactions)
      if (transaction.state === 'asked') transaction.state = 'open';
  }

  /** The oldest offset of a queue as the broker tells it: old messages may go, nothing else. */
  trimmed(topic: string, queueId: number, min: number, now: number): void {
    const queue = this.#queueOf(topic, queueId);
    const where = `${topic}/${queueId}: min`;
    verify(min >= queue.min, `${where} goes back from ${queue.min} to ${min}`);
    verify(min <= queue.max, `${where} ${min} lies beyond max ${queue.max}`);
    for (const { offset, storedAt, physicalOffset } of queue.messages.slice(queue.min, min)) {
      const age = now - storedAt;
      verify(age >= this.#retentionMs, `${where}: message ${offset} went after ${age} ms`);
      this.#expiredBefore = Math.max(this.#expiredBefore, physicalOffset + 1);
    }
    queue.min = min;
  }

  /** Retention takes whole files from the old end, all that are old enough, but the last. */
  checkRetention(now: number): void {
    const present = this.present();
    const newest = Math.max(...present.map(({ physicalOffset }) => this.#fileOf(physicalOffset)));
    const limit = now - this.#retentionMs - 2 * RETENTION_PERIOD_MS;
    const due = present
      .filter(({ storedAt }) => storedAt < limit)
      .map(({ physicalOffset }) => this.#fileOf(physicalOffset));
    // All before a file whose first messages are old already is old.
    const oldest = Math.max(...due);
    for (const { topic, queueId, offset, physicalOffset } of present) {
      verify(
        physicalOffset >= this.#expiredBefore,
        `${topic}/${queueId}: message ${offset} is older than expired ones`,
      );
      const shouldBeGone = this.#fileOf(physicalOffset) < Math.min(oldest, newest);
      const hadTime = now - this.upSince > 2 * RETENTION_PERIOD_MS;
      verify(!(shouldBeGone && hadTime), `${topic}/${queueId}: message ${offset} should have expired`);
    }
  }

  /** After a crash delayed messages that were delivered may be delivered again: at least once (semantics 4.1). */
  crashed(kind: CrashKind, now: number): void {
    for (const { expectation, at } of this.#handled) {
      if (kind === 'kill' && at < now - DELAY_SAVED_MS) continue;
      const { draft, topic, queueId, from, level } = expectation;
      this.expect({
        draft,
        topic,
        queueId,
        must: false,
        from,
        by: now + 2 * LATENESS_MS,
        ...(level === undefined ? {} : { level }),
      });
    }
    if (kind === 'power') for (const group of this.groups.keys()) this.groups.set(group, 'maybe');
    this.upSince = now;
  }

  /** A clean stop saves all progress. */
  stopped(now: number): void {
    this.#handled = [];
    this.progress.saved();
    this.upSince = now;
  }

  #match(message: StoredMessage): Expectation | undefined {
    const id = idOf(message.body);
    const fitting = [...this.#expected].filter(
      ({ draft, topic, queueId, from }) =>
        draft.id === id &&
        topic === message.topic &&
        queueId === message.queueId &&
        draft.reconsumeTimes === message.reconsumeTimes &&
        from <= message.storeTimestamp,
    );
    return fitting.sort((a, b) => Number(b.must) - Number(a.must) || a.by - b.by)[0];
  }

  /** Messages of one level are due in the order of their sends, and come in it. */
  #inOrderOfItsLevel(expectation: Expectation, where: string): void {
    const { level, topic, queueId, must } = expectation;
    if (level === undefined || !must) return;
    // The set keeps the order of the sends.
    for (const other of this.#expected) {
      if (other === expectation) return;
      const isSameLine =
        other.level === level && other.topic === topic && other.queueId === queueId && other.must;
      verify(!isSameLine, `${where}: ${expectation.draft.id} overtook ${other.draft.id} of level ${level}`);
    }
  }

  #queueOf(topic: string, queueId: number): ReferenceQueue {
    const queues = this.topics.get(topic)?.queues;
    if (queues === undefined) throw new Error(`${topic} does not exist`);
    const queue = queues.get(queueId) ?? new ReferenceQueue();
    queues.set(queueId, queue);
    return queue;
  }

  #fileOf(physicalOffset: number): number {
    return Math.floor(physicalOffset / this.#segmentSize);
  }
}

export function verify(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}
