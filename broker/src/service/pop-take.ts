import type { Clock } from '@cometmq/common/clock/clock';
import type { RandomSource } from '@cometmq/common/random/random';
import type { Subscription } from '../client/subscription.ts';
import { Limits } from '../config/limits.ts';
import type { ConsumerOffsets } from '../offset/consumer-offsets.ts';
import type { CheckPointData, OrderData } from '../pop/check-point-data.ts';
import type { LeaseJournal } from '../pop/lease-journal.ts';
import type { LeaseTable } from '../pop/lease-table.ts';
import type { LeasedQueue } from '../pop/leased-queue.ts';
import type { FoundMessage, QueueLook } from '../pop/pop-read.ts';
import { lookThrough } from '../pop/pop-read.ts';
import { RetryKind, originOf, popRetryTopic, reviveQueueIdOf } from '../pop/pop-topics.ts';
import { carriesHandle, withoutHandle } from '../pop/retry-record.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import { RecordProperties } from '../store/record-properties.ts';
import { RecordScan } from '../store/record-scan.ts';
import type { Topic } from '../topic/topic.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { PopRequest, PopSettings, PoppedMessages, PoppedPart } from './pop-types.ts';

export interface TakeParts {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly store: MessageStore;
  readonly topics: TopicTable;
  readonly offsets: ConsumerOffsets;
  readonly table: LeaseTable;
  readonly journal: LeaseJournal;
}

/** One pop in this many looks at retries first, all others last (Java: popFromRetryProbability 20 %). */
const RETRY_FIRST_ONE_IN = 5;
/** Looks at one queue as long as its messages do not match. */
const LOOKS_MAX = 16;

/** A part before its note is written. */
interface Taken extends Omit<PoppedPart, 'startOffset'> {
  readonly queue: LeasedQueue;
  readonly nextOffset: number;
}

/** Takes messages off queues: chooses them, reads them, writes the note, leases them; all in one step. */
export class PopTake {
  readonly #settings: PopSettings;
  readonly #parts: TakeParts;
  readonly #properties: RecordProperties;

  constructor(settings: PopSettings, parts: TakeParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#properties = new RecordProperties(parts.store.reader);
  }

  /** Undefined when there is nothing to be had. */
  take(request: PopRequest, topic: Topic, wanted: Subscription): PoppedMessages | undefined {
    if (this.#parts.table.inFlight >= Limits.popInFlight) return undefined;
    const taken: Taken[] = [];
    let count = request.countMax;
    let bytes = this.#settings.bytesMax;
    for (const { topic: from, queueId } of this.#places(request, topic)) {
      if (count <= 0 || bytes <= 0) break;
      const part = this.#takeFrom(request, from, queueId, from === topic ? wanted : undefined, count, bytes);
      if (part === undefined) continue;
      taken.push(part);
      count -= part.records.length;
      bytes -= part.records.reduce((sum, { length }) => sum + length, 0);
    }
    return taken.length === 0 ? undefined : this.#lease(request, topic, taken);
  }

  /** True when a pop would look at messages. */
  isAnything(request: PlaceRequest, topic: Topic): boolean {
    for (const { topic: from, queueId } of this.#places(request, topic)) {
      const queue = from.existingQueue(queueId);
      const leased = this.#parts.table.find(request.group, from.name, queueId);
      if (queue === undefined || this.#isBlocked(leased, request)) continue;
      if (this.#position(request, from.name, queue, leased) < queue.max) return true;
    }
    return false;
  }

  /** Messages of the topic that are left to pop. */
  rest(request: PlaceRequest, topic: Topic): number {
    let rest = 0;
    const first = Math.max(request.queueId, 0);
    const end = request.queueId >= 0 ? first + 1 : topic.config.readQueueNums;
    for (let queueId = first; queueId < end; queueId++) {
      const queue = topic.existingQueue(queueId);
      if (queue === undefined) continue;
      const leased = this.#parts.table.find(request.group, topic.name, queueId);
      rest += Math.max(0, queue.max - this.#position(request, topic.name, queue, leased));
    }
    return rest;
  }

  /** Queues in the order in which they are asked: from a random one on, retries sometimes first. */
  #places({ group, queueId, isOrdered }: PlaceRequest, topic: Topic): { topic: Topic; queueId: number }[] {
    const { random, topics } = this.#parts;
    const places = queueId >= 0 ? [{ topic, queueId }] : rotated(topic, random);
    // Retries have left the order already.
    if (isOrdered || originOf(group, topic.name).kind !== RetryKind.NORMAL) return places;
    const retries = ([1, 2] as const).flatMap((version) => {
      const retry = topics.find(popRetryTopic(group, topic.name, version));
      return retry === undefined ? [] : rotated(retry, random);
    });
    if (retries.length === 0) return places;
    return random.below(RETRY_FIRST_ONE_IN) === 0 ? [...retries, ...places] : [...places, ...retries];
  }

  #takeFrom(
    request: PopRequest,
    topic: Topic,
    queueId: number,
    wanted: Subscription | undefined,
    countMax: number,
    bytesMax: number,
  ): Taken | undefined {
    const { table, offsets } = this.#parts;
    const { group } = request;
    const queue = topic.existingQueue(queueId);
    if (queue === undefined) return undefined;
    const present = table.find(group, topic.name, queueId);
    if ((present?.inFlight ?? 0) >= this.#settings.inFlightMax || this.#isBlocked(present, request))
      return undefined;
    // A reset was carried out already; taking it lets the group's commits through again.
    offsets.takeReset(group, topic.name, queueId);
    const from = this.#position(request, topic.name, queue, present);
    if (from >= queue.max) return undefined;
    const leased = table.ensure({ group, topic: topic.name, queueId }, from);
    const look = this.#look(queue, leased, table.passed(leased, from), wanted, countMax, bytesMax);
    const read = this.#read(look.found);
    if (read.records.length === 0) {
      // Nothing of an unsettled batch may be passed over.
      if (leased.order === undefined) table.skipped(leased, look.nextOffset);
      return undefined;
    }
    const { kind } = originOf(group, topic.name);
    const order = request.isOrdered ? this.#orderOf(leased, request, read.offsets) : undefined;
    return {
      topic: topic.name,
      kind,
      queueId,
      queue: leased,
      nextOffset: look.nextOffset,
      attempts: order?.attempts,
      ...read,
    };
  }

  #look(
    queue: StoreQueue,
    leased: LeasedQueue,
    from: number,
    wanted: Subscription | undefined,
    countMax: number,
    bytesMax: number,
  ): QueueLook {
    const { store } = this.#parts;
    // What is left of a batch comes before anything that follows it.
    const { ahead, order } = leased;
    const end = ahead.size === 0 ? queue.max : Math.max(...ahead, (order?.data.nextOffset ?? 0) - 1) + 1;
    const limits = { countMax, bytesMax, end: Math.min(queue.max, end) };
    const propertyFilter = wanted?.propertyFilter;
    let start = from;
    for (let looks = 1; ; looks++) {
      const records =
        propertyFilter === undefined ? undefined : new RecordScan(this.#properties, propertyFilter);
      const filter = { entries: wanted?.filter, records, done: leased.ahead };
      const look = lookThrough(queue, start, limits, filter, store.logStart);
      if (look.found.length > 0 || look.nextOffset === start || looks === LOOKS_MAX) return look;
      start = look.nextOffset;
    }
  }

  /** The records; what expired or is damaged is left out. */
  #read(found: readonly FoundMessage[]): { offsets: number[]; records: Buffer[] } {
    const offsets: number[] = [];
    const records: Buffer[] = [];
    for (const { offset, physicalOffset, size } of found) {
      const record = Buffer.allocUnsafe(size);
      if (!this.#parts.store.reader.copySync(physicalOffset, size, record, 0)) continue;
      offsets.push(offset);
      records.push(carriesHandle(record) ? withoutHandle(record) : record);
    }
    return { offsets, records };
  }

  #lease(request: PopRequest, topic: Topic, taken: readonly Taken[]): PoppedMessages {
    const { clock, journal, table } = this.#parts;
    const { group, invisibleMs, isOrdered, attemptId } = request;
    const reviveQueueId = reviveQueueIdOf(group, topic.name);
    let popTime = clock.now();
    for (const { queue, offsets } of taken) popTime = queue.distinctPopTime(offsets[0] ?? 0, popTime);
    const noted = taken.map(({ queue, offsets, nextOffset, attempts = [] }) => {
      const order: OrderData | undefined = isOrdered ? { attemptId, attempts } : undefined;
      const startOffset = offsets[0] ?? 0;
      const checkPoint: CheckPointData = { startOffset, popTime, invisibleMs, offsets, nextOffset, order };
      return { queue, checkPoint };
    });
    const popped = noted.map(({ queue: { topic: name, queueId }, checkPoint }) => ({
      group,
      topic: name,
      queueId,
      checkPoint,
    }));
    journal.append(reviveQueueId, 'ck', { popped });
    for (const { queue, checkPoint } of noted) table.popped(queue, checkPoint);
    const parts = taken.map(({ topic: name, kind, queueId, offsets, attempts, records }) => {
      return { topic: name, kind, queueId, startOffset: offsets[0] ?? 0, offsets, attempts, records };
    });
    return { kind: 'found', popTime, invisibleMs, reviveQueueId, rest: this.rest(request, topic), parts };
  }

  #isBlocked(leased: LeasedQueue | undefined, { attemptId, isOrdered }: PlaceRequest): boolean {
    const batch = leased?.order;
    if (batch === undefined || batch.dueAt <= this.#parts.clock.now()) return false;
    return !isOrdered || attemptId === '' || batch.data.order?.attemptId !== attemptId;
  }

  /** How often each message was given out before. Asking again for the same batch is not another attempt. */
  #orderOf({ order: batch }: LeasedQueue, { attemptId }: PopRequest, offsets: readonly number[]): OrderData {
    const isSameAttempt = attemptId !== '' && batch?.data.order?.attemptId === attemptId;
    const attempts = offsets.map((offset) => {
      if (batch === undefined || batch.openBit(offset) === 0) return 0;
      const before = batch.data.order?.attempts[batch.data.offsets.indexOf(offset)] ?? 0;
      return isSameAttempt ? before : before + 1;
    });
    return { attemptId, attempts };
  }

  /**
   * Where the group goes on in a queue. A group without an offset begins with the oldest message of a queue that still
   * has its first one, whatever it asks: it misses nothing of a young topic.
   */
  #position(
    { group, fromNewest }: Pick<PopRequest, 'group' | 'fromNewest'>,
    topic: string,
    queue: StoreQueue,
    leased: LeasedQueue | undefined,
  ): number {
    const committed = this.#parts.offsets.find(group, topic, queue.queueId);
    // An ordered batch holds its queue where its first open message is.
    const known =
      leased?.order === undefined ? Math.max(leased?.position ?? -1, committed ?? -1) : leased.position;
    if (known >= 0) return Math.min(Math.max(known, queue.min), queue.max);
    const isRetry = originOf(group, topic).kind !== RetryKind.NORMAL;
    return fromNewest && !isRetry && queue.min > 0 ? Math.max(queue.max - 1, queue.min) : queue.min;
  }
}

type PlaceRequest = Pick<PopRequest, 'group' | 'queueId' | 'isOrdered' | 'attemptId' | 'fromNewest'>;

function rotated(topic: Topic, random: RandomSource): { topic: Topic; queueId: number }[] {
  const count = topic.config.readQueueNums;
  const first = random.below(Math.max(count, 1));
  return Array.from({ length: count }, (_, index) => ({ topic, queueId: (first + index) % count }));
}
