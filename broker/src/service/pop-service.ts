import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { Perm } from '@cometmq/common/message/sys-flag';
import type { RandomSource } from '@cometmq/common/random/random';
import type { GroupGuard } from '../client/group-guard.ts';
import type { Subscription } from '../client/subscription.ts';
import { subscription } from '../client/subscription.ts';
import { Limits } from '../config/limits.ts';
import type { PropertyFilters } from '../filter/property-filters.ts';
import type { GroupTable } from '../group/group-table.ts';
import type { ConsumerOffsets } from '../offset/consumer-offsets.ts';
import type { CheckPoint } from '../pop/leased-queue.ts';
import { CHECK_POINT_MESSAGES_MAX } from '../pop/check-point-data.ts';
import type { LeaseJournal } from '../pop/lease-journal.ts';
import { settledNote } from '../pop/lease-journal.ts';
import type { LeaseTable } from '../pop/lease-table.ts';
import type { PopHold } from '../pop/pop-hold.ts';
import { RetryKind, originOf, popRetryTopic } from '../pop/pop-topics.ts';
import { deliveredRetry } from '../pop/retry-record.ts';
import type { BrokerStats } from '../stats/broker-stats.ts';
import type { MessageStore } from '../store/message-store.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import type { Topic } from '../topic/topic.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { PopTake } from './pop-take.ts';
import type {
  ExtendedLease,
  LeaseName,
  PopOutcome,
  PopProgress,
  PopRequest,
  PopSettings,
  PoppedMessages,
} from './pop-types.ts';

export { deliveredRetry };

export interface PopParts {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly store: MessageStore;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly offsets: ConsumerOffsets;
  readonly filters: PropertyFilters;
  readonly stats: BrokerStats;
  readonly guard: GroupGuard;
  readonly table: LeaseTable;
  readonly journal: LeaseJournal;
  readonly hold: PopHold;
}

/**
 * Gives messages out one by one on lease (RocketMQ's POP): every member of a group may get messages of every queue, and
 * what is not acknowledged in time comes again. Knows no protocol; doors make receipt handles of lease names.
 */
export class PopService {
  readonly #settings: PopSettings;
  readonly #parts: PopParts;
  readonly #take: PopTake;

  constructor(settings: PopSettings, parts: PopParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#take = new PopTake(settings, parts);
    parts.offsets.onMoved((group, topic, queueId, offset) => {
      this.#moved(group, topic, queueId, offset);
    });
    parts.offsets.onRemoved((matches) => {
      this.#forget(matches);
    });
  }

  /**
   * Calls `answer` once: at once, or within `waitMs`. What is given out is leased from then on; the lease itself need not
   * be durable, for a lost one only makes the message come again.
   * @throws MqError with the reason of a refusal.
   */
  pop(request: PopRequest, owner: object, answer: (outcome: PopOutcome) => void): void {
    const { hold, stats } = this.#parts;
    const topic = this.#check(request);
    checkNumbers(request);
    this.#parts.guard.popped(request.group);
    const wanted = this.#subscription(request);
    const attempt = (): PoppedMessages | undefined => {
      const popped = this.#take.take(request, topic, wanted);
      for (const { records } of popped?.parts ?? []) {
        const bytes = records.reduce((sum, { length }) => sum + length, 0);
        stats.get(request.topic, request.group, records.length, bytes);
      }
      return popped;
    };
    const popped = attempt();
    if (popped !== undefined) {
      answer(popped);
      return;
    }
    const none = (): PopOutcome => ({ kind: 'none', rest: this.#take.rest(request, topic) });
    if (request.waitMs <= 0) {
      stats.missed();
      answer(none());
      return;
    }
    const isHeld = hold.hold({
      group: request.group,
      topic: request.topic,
      wants: wantsOf('message', request),
      queues: this.#queuesOf(topic, request.queueId),
      timeoutMs: request.waitMs,
      owner,
      attempt: () => {
        const outcome = tried(attempt);
        if (outcome !== undefined) answer(outcome);
        return outcome !== undefined;
      },
      expire: () => {
        stats.missed();
        answer(none());
      },
    });
    if (!isHeld) answer({ kind: 'full' });
  }

  /**
   * Waits until there is something to pop, without popping it. `answer` is called once.
   * @throws MqError with the reason of a refusal.
   */
  notify(
    request: Omit<PopRequest, 'countMax' | 'invisibleMs'>,
    owner: object,
    answer: (outcome: 'message' | 'none' | 'full') => void,
  ): void {
    const topic = this.#check(request);
    if (this.#take.isAnything(request, topic)) {
      answer('message');
      return;
    }
    if (request.waitMs <= 0) {
      answer('none');
      return;
    }
    const isHeld = this.#parts.hold.hold({
      group: request.group,
      topic: request.topic,
      wants: wantsOf('notice', request),
      queues: this.#queuesOf(topic, request.queueId),
      timeoutMs: request.waitMs,
      owner,
      attempt: () => {
        const isAnything = this.#take.isAnything(request, topic);
        if (isAnything) answer('message');
        return isAnything;
      },
      expire: () => {
        answer('none');
      },
    });
    if (!isHeld) answer('full');
  }

  /** POP requests that wait for a message. */
  waiting(group: string, topic: string): number {
    return this.#parts.hold.countOf(group, topic);
  }

  /**
   * Acknowledges messages: true for each that was leased and is done now, false where the lease was over (in time or
   * because it was acknowledged or changed) or never was. Resolves when that is durable: none of them comes again.
   */
  async acknowledge(names: readonly LeaseName[]): Promise<boolean[]> {
    const results = names.map((name) => this.#settle(name));
    const settled = await Promise.all(results);
    for (const [index, { group, topic }] of names.entries()) {
      if (settled[index] === true) this.#unblocked(group, topic, names[index]?.queueId ?? 0);
    }
    return settled;
  }

  /**
   * Leases a message for `invisibleMs` from now, 0 to give it back; durable when the promise resolves. Undefined when the
   * lease was over.
   * @throws MqError `INVALID_ARGUMENT`.
   */
  async extend(name: LeaseName, invisibleMs: number): Promise<ExtendedLease | undefined> {
    checkInvisible(invisibleMs);
    const { clock, journal, table } = this.#parts;
    const checkPoint = this.#find(name);
    const bits = checkPoint?.openBit(name.offset) ?? 0;
    if (checkPoint === undefined || bits === 0) return undefined;
    const { queue, data } = checkPoint;
    const now = clock.now();
    // An ordered message keeps its pop time: its batch is one check point as long as it is not settled.
    const lease =
      data.order === undefined
        ? { newPopTime: queue.distinctPopTime(name.offset, now), invisibleMs }
        : { newPopTime: data.popTime, invisibleMs: now + invisibleMs - data.popTime };
    const note = { ...settledNote(checkPoint, bits), offset: name.offset, ...lease };
    journal.append(queue.reviveQueueId, 'ext', { extended: [note] });
    table.extended(checkPoint, note);
    await journal.whenDurable();
    const { newPopTime: popTime, invisibleMs: leasedMs } = lease;
    return {
      popTime,
      invisibleMs: leasedMs,
      reviveQueueId: queue.reviveQueueId,
      isOrdered: data.order !== undefined,
    };
  }

  /** The topic that a batch of acknowledgements means by its kind, as clients write it. */
  topicOf(group: string, topic: string, kind: string): string {
    if (originOf(group, topic).kind !== RetryKind.NORMAL) return topic;
    if (kind === '1' || kind === '2') return popRetryTopic(group, topic, kind === '1' ? 1 : 2);
    return topic;
  }

  /** @throws MqError `TOPIC_NOT_EXIST`, `MESSAGE_ILLEGAL` for a queue that the topic does not have. */
  checkQueue(topic: string, queueId: number): void {
    const { config } = this.#parts.topics.get(topic);
    if (queueId >= 0 && queueId < config.readQueueNums) return;
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `queueId[${queueId}] is illegal, topic:[${topic}] topicConfig.readQueueNums:[${config.readQueueNums}]`,
    );
  }

  /** Messages of a queue that are leased to a group now. */
  inFlight(group: string, topic: string, queueId: number): number {
    return this.#parts.table.find(group, topic, queueId)?.inFlight ?? 0;
  }

  /** How far a group is in all queues that it pops from; the queues of retries are among them. */
  progress(group: string): PopProgress[] {
    const { table, topics } = this.#parts;
    const rows: PopProgress[] = [];
    for (const queue of table.queues()) {
      if (queue.group !== group) continue;
      const { topic, queueId, position, inFlight } = queue;
      const maxOffset = topics.find(topic)?.existingQueue(queueId)?.max ?? 0;
      rows.push({ topic, queueId, position, maxOffset, inFlight });
    }
    return rows;
  }

  /** A connection broke: nobody waits for its answers. What it was given comes again when its time is over. */
  forget(owner: object): void {
    this.#parts.hold.forget(owner);
  }

  #settle(name: LeaseName): Promise<boolean> {
    const checkPoint = this.#find(name);
    const bits = checkPoint?.openBit(name.offset) ?? 0;
    if (checkPoint === undefined || bits === 0) return Promise.resolve(false);
    return this.#parts.journal.settle(checkPoint, bits);
  }

  #find({ group, topic, queueId, startOffset, popTime }: LeaseName): CheckPoint | undefined {
    return this.#parts.table.find(group, topic, queueId)?.find(startOffset, popTime);
  }

  /** An ordered batch is done: whoever waits gets the next one. */
  #unblocked(group: string, topic: string, queueId: number): void {
    const { table, hold, topics } = this.#parts;
    const queue = table.find(group, topic, queueId);
    if (queue === undefined || queue.order !== undefined) return;
    const max = topics.find(topic)?.existingQueue(queueId)?.max ?? 0;
    if (queue.position < max) hold.wake(group, originOf(group, topic).topic);
  }

  /** Somebody moved the group's offset: it goes on there, also after a crash. */
  #moved(group: string, topic: string, queueId: number, position: number): void {
    const { table, journal, hold } = this.#parts;
    const queue = table.find(group, topic, queueId);
    if (queue === undefined) return;
    journal.append(queue.reviveQueueId, 'mov', { moved: [{ group, topic, queueId, position }] });
    table.moved(queue, position);
    hold.wake(group, originOf(group, topic).topic);
  }

  #forget(matches: (topic: string, group: string) => boolean): void {
    const { table, journal } = this.#parts;
    for (const queue of [...table.queues()]) {
      const { group, topic, queueId, reviveQueueId } = queue;
      if (!matches(topic, group)) continue;
      journal.append(reviveQueueId, 'mov', { forgotten: [{ group, topic, queueId }] });
      table.forgotten(queue);
    }
  }

  #check({ group, topic: name, queueId }: Pick<PopRequest, 'group' | 'topic' | 'queueId'>): Topic {
    const config = this.#parts.groups.findOrCreate(group);
    if (config === undefined) {
      throw new MqError('GROUP_NOT_EXIST', `subscription group [${group}] does not exist`, {
        hint: 'create the group, or allow automatic creation',
      });
    }
    if (!config.consumeEnable)
      throw new MqError('NO_PERMISSION', `subscription group no permission, ${group}`);
    const topic = this.#parts.topics.get(name);
    const { perm, readQueueNums } = topic.config;
    if ((perm & this.#settings.permission & Perm.READ) === 0) {
      throw new MqError('NO_PERMISSION', `the topic[${name}] peeking message is forbidden`);
    }
    if (queueId >= readQueueNums) {
      throw new MqError(
        'INVALID_ARGUMENT',
        `queueId[${queueId}] is illegal, topic:[${name}] topicConfig.readQueueNums:[${readQueueNums}]`,
      );
    }
    return topic;
  }

  #subscription({ topic, expression, expressionType }: PopRequest): Subscription {
    const { filters, clock } = this.#parts;
    return subscription(topic, expression ?? '*', expressionType, clock.now(), filters);
  }

  #queuesOf(topic: Topic, queueId: number): StoreQueue[] {
    if (queueId >= 0) return [topic.queue(queueId)];
    return Array.from({ length: topic.config.readQueueNums }, (_, id) => topic.queue(id));
  }
}

function tried(attempt: () => PoppedMessages | undefined): PopOutcome | undefined {
  try {
    return attempt();
  } catch (error) {
    return { kind: 'failed', error };
  }
}

/** The same for requests of a group that find the same messages in a topic. */
function wantsOf(what: 'message' | 'notice', request: Omit<PopRequest, 'countMax' | 'invisibleMs'>): string {
  const { queueId, expression, expressionType, isOrdered, attemptId, fromNewest } = request;
  return JSON.stringify([what, queueId, expression, expressionType, isOrdered, attemptId, fromNewest]);
}

function checkNumbers({ countMax, invisibleMs }: PopRequest): void {
  if (countMax < 1 || countMax > CHECK_POINT_MESSAGES_MAX) {
    throw new MqError(
      'INVALID_ARGUMENT',
      `maxMsgNums[${countMax}] is illegal: a pop takes 1 to ${CHECK_POINT_MESSAGES_MAX} messages`,
    );
  }
  checkInvisible(invisibleMs);
}

function checkInvisible(invisibleMs: number): void {
  if (invisibleMs >= 0 && invisibleMs <= Limits.invisibleMs) return;
  throw new MqError(
    'INVALID_ARGUMENT',
    `invisibleTime[${invisibleMs}] is illegal: messages are leased for 0 to ${Limits.invisibleMs} ms`,
  );
}
