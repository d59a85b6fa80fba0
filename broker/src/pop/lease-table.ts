import { DueHeap } from '@cometmq/common/collection/due-heap';
import { MqError } from '@cometmq/common/error/mq-error';
import { Limits } from '../config/limits.ts';
import type { CheckPointData } from './check-point-data.ts';
import { CheckPoint, LeasedQueue } from './leased-queue.ts';
import type { ExtendedNote, Notes, QueueName } from './notes.ts';
import { reviveQueueIdOf } from './pop-topics.ts';

/** What changed since it was saved. */
export interface TableChanges {
  readonly queues: readonly LeasedQueue[];
  readonly checkPoints: readonly CheckPoint[];
  /** Saved ones that are settled or forgotten. */
  readonly gone: readonly CheckPoint[];
  readonly goneQueues: readonly QueueName[];
}

/** Stale deadlines that are carried along before the heap is cleaned. */
const STALE_MAX = 1_024;

/**
 * All leases of this broker, in memory. Every change is one that a note tells: live ones are applied when their note was
 * appended, at a start the notes behind the saved rows are applied again.
 */
export class LeaseTable {
  /** `group@topic` to queues by id. */
  readonly #topics = new Map<string, (LeasedQueue | undefined)[]>();
  readonly #byId = new Map<number, CheckPoint>();
  readonly #deadlines = new DueHeap(2 * Limits.popInFlight + STALE_MAX);
  readonly #dirtyQueues = new Set<LeasedQueue>();
  readonly #dirty = new Set<CheckPoint>();
  #gone: CheckPoint[] = [];
  #goneQueues: QueueName[] = [];
  #nextId = 0;
  #queueCount = 0;
  #inFlight = 0;

  /** Messages that are leased now. */
  get inFlight(): number {
    return this.#inFlight;
  }

  find(group: string, topic: string, queueId: number): LeasedQueue | undefined {
    return this.#topics.get(`${group}@${topic}`)?.[queueId];
  }

  *queues(): Generator<LeasedQueue> {
    for (const queues of this.#topics.values())
      for (const queue of queues) if (queue !== undefined) yield queue;
  }

  /**
   * The queue; made when it is not there, to begin at `position`.
   * @throws MqError `SYSTEM_BUSY` when there are too many.
   */
  ensure({ group, topic, queueId }: QueueName, position: number): LeasedQueue {
    const key = `${group}@${topic}`;
    let queues = this.#topics.get(key);
    const present = queues?.[queueId];
    if (present !== undefined) return present;
    if (this.#queueCount >= Limits.leasedQueues) {
      throw new MqError('SYSTEM_BUSY', `groups pop from ${this.#queueCount} queues, which is the limit`, {
        hint: 'delete groups that are no longer used, with their offsets',
      });
    }
    if (queues === undefined) this.#topics.set(key, (queues = []));
    const queue = new LeasedQueue(group, topic, queueId, reviveQueueIdOf(group, topic), position);
    queues[queueId] = queue;
    this.#queueCount++;
    this.#dirtyQueues.add(queue);
    return queue;
  }

  /** Notes how far a queue was looked at without finding anything. */
  skipped(queue: LeasedQueue, position: number): void {
    if (queue.position === position) return;
    queue.position = position;
    this.#dirtyQueues.add(queue);
  }

  /**
   * Where a pop goes on that would begin at `from`: behind all that an ordered batch left acknowledged there. Left
   * in `ahead`, it would keep everything that follows from being handed out.
   */
  passed(queue: LeasedQueue, from: number): number {
    const { ahead, order } = queue;
    for (const offset of ahead) if (offset < from) ahead.delete(offset);
    if (order !== undefined) return from;
    let next = from;
    while (ahead.delete(next)) next++;
    this.skipped(queue, next);
    return next;
  }

  popped(queue: LeasedQueue, data: CheckPointData): CheckPoint {
    const checkPoint = this.#add(queue, data, undefined);
    // What the new batch replaces; its messages that are still open are in the new one.
    if (queue.order !== undefined) this.#remove(queue.order);
    queue.order = data.order === undefined ? undefined : checkPoint;
    if (data.order === undefined) queue.position = data.nextOffset;
    this.#dirtyQueues.add(queue);
    return checkPoint;
  }

  /** Ends leases of a check point. */
  settled(checkPoint: CheckPoint, bits: number): void {
    const ended = checkPoint.settle(bits);
    if (ended === 0) return;
    const { queue } = checkPoint;
    queue.inFlight -= ended;
    this.#inFlight -= ended;
    this.#dirty.add(checkPoint);
    if (queue.order === checkPoint) this.#advance(queue, checkPoint);
    if (checkPoint.isSettled) this.#remove(checkPoint);
  }

  /** Replaces one lease by another one; returns the check point that holds it now. */
  extended(checkPoint: CheckPoint, note: ExtendedNote): CheckPoint {
    const { offset, newPopTime: popTime, invisibleMs } = note;
    if (checkPoint.data.order !== undefined) {
      checkPoint.changeEnding(offset, checkPoint.data.popTime + invisibleMs);
      this.postpone(checkPoint, checkPoint.lastEnding());
      return checkPoint;
    }
    this.settled(checkPoint, note.bits);
    const data = { startOffset: offset, popTime, invisibleMs, offsets: [offset], nextOffset: offset + 1 };
    return this.#add(checkPoint.queue, data, undefined);
  }

  /** A check point is looked at again at `dueAt`. */
  postpone(checkPoint: CheckPoint, dueAt: number): void {
    checkPoint.dueAt = dueAt;
    this.#dirty.add(checkPoint);
    this.#schedule(checkPoint);
  }

  moved(queue: LeasedQueue, position: number): void {
    queue.position = position;
    queue.moves++;
    queue.ahead.clear();
    if (queue.order !== undefined) this.#remove(queue.order);
    queue.order = undefined;
    this.#dirtyQueues.add(queue);
  }

  forgotten(queue: LeasedQueue): void {
    for (const checkPoint of [...queue.checkPoints()]) this.#remove(checkPoint);
    const key = `${queue.group}@${queue.topic}`;
    const queues = this.#topics.get(key);
    if (queues?.[queue.queueId] !== queue) return;
    queues[queue.queueId] = undefined;
    if (queues.every((other) => other === undefined)) this.#topics.delete(key);
    this.#queueCount--;
    this.#dirtyQueues.delete(queue);
    this.#goneQueues.push(queue);
  }

  /** Up to `countMax` check points whose time is over. Each must be settled or postponed; ordered ones just end. */
  takeDue(now: number, countMax: number): CheckPoint[] {
    const due: CheckPoint[] = [];
    while (due.length < countMax && this.#deadlines.firstDueAt <= now) {
      const dueAt = this.#deadlines.firstDueAt;
      const checkPoint = this.#byId.get(this.#deadlines.pop());
      // Settled, or given more time since.
      if (checkPoint?.dueAt === dueAt) due.push(checkPoint);
    }
    return due;
  }

  /** Applies what a note tells, at a start. Leases that are not there any more are passed over. */
  apply(notes: Notes): void {
    for (const note of notes.popped ?? []) this.popped(this.ensure(note, 0), note.checkPoint);
    for (const note of notes.settled ?? []) {
      const checkPoint = this.#named(note)?.find(note.startOffset, note.popTime);
      if (checkPoint !== undefined) this.settled(checkPoint, note.bits);
    }
    for (const note of notes.extended ?? []) {
      const checkPoint = this.#named(note)?.find(note.startOffset, note.popTime);
      if (checkPoint !== undefined) this.extended(checkPoint, note);
    }
    for (const note of notes.moved ?? []) this.moved(this.ensure(note, note.position), note.position);
    for (const note of notes.forgotten ?? []) {
      const queue = this.#named(note);
      if (queue !== undefined) this.forgotten(queue);
    }
  }

  /** A check point from a saved row. */
  restored(queue: LeasedQueue, data: CheckPointData, open: number, dueAt: number): void {
    const checkPoint = this.#add(queue, data, open);
    checkPoint.isSaved = true;
    if (data.order !== undefined) queue.order = checkPoint;
    if (dueAt !== checkPoint.dueAt) this.postpone(checkPoint, dueAt);
    this.#dirty.delete(checkPoint);
  }

  /** What must be saved now, and is taken for saved from now on. */
  takeChanges(): TableChanges {
    const checkPoints = [...this.#dirty].filter((checkPoint) => !checkPoint.isSettled);
    const changes = {
      queues: [...this.#dirtyQueues],
      checkPoints,
      gone: this.#gone,
      goneQueues: this.#goneQueues,
    };
    for (const checkPoint of checkPoints) checkPoint.isSaved = true;
    this.#dirty.clear();
    this.#dirtyQueues.clear();
    this.#gone = [];
    this.#goneQueues = [];
    return changes;
  }

  /** Changes that could not be saved are to be saved with the next ones. */
  putBack(changes: TableChanges): void {
    for (const queue of changes.queues) if (this.#named(queue) === queue) this.#dirtyQueues.add(queue);
    for (const checkPoint of changes.checkPoints)
      if (this.#byId.has(checkPoint.id)) this.#dirty.add(checkPoint);
    this.#gone = [...changes.gone, ...this.#gone];
    this.#goneQueues = [...changes.goneQueues, ...this.#goneQueues];
  }

  #named({ group, topic, queueId }: QueueName): LeasedQueue | undefined {
    return this.find(group, topic, queueId);
  }

  #add(queue: LeasedQueue, data: CheckPointData, open: number | undefined): CheckPoint {
    const checkPoint = new CheckPoint(this.#nextId++, queue, data, open);
    this.#byId.set(checkPoint.id, checkPoint);
    this.#schedule(checkPoint);
    queue.add(checkPoint);
    this.#inFlight += checkPoint.openCount;
    this.#dirty.add(checkPoint);
    return checkPoint;
  }

  #schedule({ dueAt: at, id: own }: CheckPoint): void {
    if (this.#deadlines.size >= 2 * this.#byId.size + STALE_MAX) {
      this.#deadlines.keepOnly((id, dueAt) => this.#byId.get(id)?.dueAt === dueAt);
    }
    this.#deadlines.push(at, own);
  }

  #remove(checkPoint: CheckPoint): void {
    if (!this.#byId.delete(checkPoint.id)) return;
    checkPoint.queue.remove(checkPoint);
    if (checkPoint.queue.order === checkPoint) checkPoint.queue.order = undefined;
    this.#inFlight -= checkPoint.openCount;
    this.#dirty.delete(checkPoint);
    if (checkPoint.isSaved) this.#gone.push(checkPoint);
  }

  /** An ordered batch moves its queue to the first message that is not acknowledged. */
  #advance(queue: LeasedQueue, checkPoint: CheckPoint): void {
    const { offsets, nextOffset } = checkPoint.data;
    const open = checkPoint.openOffsets();
    queue.position = open[0] ?? nextOffset;
    for (const offset of offsets) if (!open.includes(offset)) queue.ahead.add(offset);
    for (const offset of queue.ahead) if (offset < queue.position) queue.ahead.delete(offset);
    this.#dirtyQueues.add(queue);
    if (open.length > 0 && checkPoint.lastEnding() !== checkPoint.dueAt)
      this.postpone(checkPoint, checkPoint.lastEnding());
  }
}
