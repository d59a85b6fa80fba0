import type { CheckPointData } from './check-point-data.ts';
import { CHECK_POINT_MESSAGES_MAX } from './check-point-data.ts';

/** One queue as a group consumes it by POP: how far it was handed out, and what of it is leased. */
export class LeasedQueue {
  readonly group: string;
  readonly topic: string;
  readonly queueId: number;
  /** Queue of the notes' topic that this queue's notes go to. */
  readonly reviveQueueId: number;
  /** Offset of the next message to hand out; with an ordered batch, of the first one that is not acknowledged. */
  position: number;
  /** How often somebody moved the group here, rather than it moved by popping. */
  moves = 0;
  /** Messages that are leased now. */
  inFlight = 0;
  /** The ordered batch; nothing more is handed out until it is settled or its time is over. */
  order: CheckPoint | undefined;
  /** Behind `position`, but acknowledged already: parts of an ordered batch. */
  readonly ahead = new Set<number>();
  /** By start offset; several where a queue was read again or a lease was changed. */
  readonly #checkPoints = new Map<number, CheckPoint | CheckPoint[]>();

  constructor(group: string, topic: string, queueId: number, reviveQueueId: number, position: number) {
    this.group = group;
    this.topic = topic;
    this.queueId = queueId;
    this.reviveQueueId = reviveQueueId;
    this.position = position;
  }

  add(checkPoint: CheckPoint): void {
    const { startOffset } = checkPoint.data;
    const present = this.#checkPoints.get(startOffset);
    if (present === undefined) this.#checkPoints.set(startOffset, checkPoint);
    else if (Array.isArray(present)) present.push(checkPoint);
    else this.#checkPoints.set(startOffset, [present, checkPoint]);
    this.inFlight += checkPoint.openCount;
  }

  find(startOffset: number, popTime: number): CheckPoint | undefined {
    const present = this.#checkPoints.get(startOffset);
    if (!Array.isArray(present)) return present?.data.popTime === popTime ? present : undefined;
    return present.find(({ data }) => data.popTime === popTime);
  }

  /** Forgets a check point; its open leases no longer count. */
  remove(checkPoint: CheckPoint): void {
    const { startOffset } = checkPoint.data;
    const present = this.#checkPoints.get(startOffset);
    if (Array.isArray(present)) {
      const left = present.filter((other) => other !== checkPoint);
      const [only] = left;
      if (left.length === present.length || only === undefined) return;
      this.#checkPoints.set(startOffset, left.length === 1 ? only : left);
    } else if (present === checkPoint) {
      this.#checkPoints.delete(startOffset);
    } else {
      return;
    }
    this.inFlight -= checkPoint.openCount;
  }

  *checkPoints(): Generator<CheckPoint> {
    for (const present of this.#checkPoints.values()) {
      if (Array.isArray(present)) yield* present;
      else yield present;
    }
  }

  /** A pop time that tells a new check point from all others at its start offset. */
  distinctPopTime(startOffset: number, now: number): number {
    let popTime = now;
    while (this.find(startOffset, popTime) !== undefined) popTime++;
    return popTime;
  }
}

/**
 * Messages of one queue that a group was given together. Each is leased until it is settled (acknowledged, given
 * another lease, or copied for a retry) or the time is over. The 32 leases of a check point take one bit each.
 */
export class CheckPoint {
  /** Names it in the heap of deadlines. */
  readonly id: number;
  readonly queue: LeasedQueue;
  readonly data: CheckPointData;
  /** Bits of the messages that are still leased, the first message in the lowest bit. */
  #open: number;
  /** When the last open lease ends, ms. */
  dueAt: number;
  /** Ordered messages whose own lease was changed, by offset: when it ends, ms. */
  #endings: Map<number, number> | undefined;
  /** The saved rows hold it. */
  isSaved = false;

  constructor(id: number, queue: LeasedQueue, data: CheckPointData, open?: number) {
    this.id = id;
    this.queue = queue;
    this.data = data;
    this.#open = open ?? allOf(data.offsets.length);
    this.dueAt = data.popTime + data.invisibleMs;
  }

  get open(): number {
    return this.#open;
  }

  get isSettled(): boolean {
    return this.#open === 0;
  }

  get openCount(): number {
    return bitCount(this.#open);
  }

  /** The bit of a message that is still leased, 0 for any other. */
  openBit(offset: number): number {
    const index = this.data.offsets.indexOf(offset);
    return index < 0 ? 0 : (this.#open & (1 << index)) >>> 0;
  }

  /** Offsets of the messages that are still leased. */
  openOffsets(): number[] {
    return this.data.offsets.filter((_, index) => (this.#open & (1 << index)) !== 0);
  }

  /** Changes when the lease of one message of an ordered batch ends. */
  changeEnding(offset: number, at: number): void {
    this.#endings ??= new Map<number, number>();
    this.#endings.set(offset, at);
  }

  /** When the last open lease of an ordered batch ends: its queue is blocked until then. */
  lastEnding(): number {
    const { popTime, invisibleMs } = this.data;
    const endings = this.#endings;
    if (endings === undefined) return this.dueAt;
    return Math.max(...this.openOffsets().map((offset) => endings.get(offset) ?? popTime + invisibleMs));
  }

  /** Ends leases; returns how many that were. */
  settle(bits: number): number {
    const ended = bitCount(this.#open & bits);
    this.#open = (this.#open & ~bits) >>> 0;
    return ended;
  }
}

function allOf(count: number): number {
  return count >= CHECK_POINT_MESSAGES_MAX ? 0xffffffff : 2 ** count - 1;
}

function bitCount(bits: number): number {
  let count = 0;
  for (let left = bits >>> 0; left !== 0; left = (left & (left - 1)) >>> 0) count++;
  return count;
}
