import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { every } from '@cometmq/common/clock/clock';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { Property } from '@cometmq/common/message/property-names';
import { dlqTopic } from '@cometmq/common/topic/names';
import { subscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import type { GroupTable } from '../group/group-table.ts';
import type { AppendRequest } from '../store/append-request.ts';
import type { MessageStore } from '../store/message-store.ts';
import { StoredRecord } from '../store/stored-record.ts';
import type { Topic } from '../topic/topic.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import type { CheckPoint } from './leased-queue.ts';
import type { LeaseJournal } from './lease-journal.ts';
import { settledNote } from './lease-journal.ts';
import type { LeaseTable } from './lease-table.ts';
import { placeOf } from './pop-read.ts';
import type { PopHold } from './pop-hold.ts';
import { RetryKind, originOf, popRetryTopic } from './pop-topics.ts';
import { retryProperties } from './retry-record.ts';

export interface RevivalParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: MessageStore;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly table: LeaseTable;
  readonly journal: LeaseJournal;
  readonly hold: PopHold;
  /** How names of retry topics are made. */
  readonly retryVersion: 1 | 2;
}

/** Leases end this often, ms. */
const TICK_MS = 100;
/** Check points that one tick deals with; the next one comes at once. */
const PER_TICK_MAX = 128;
/** What could not be stored is tried again after this long, ms. */
const AGAIN_MS = 5_000;
/** Bytes of copies that share a frame of the log with their note. */
const TOGETHER_BYTES_MAX = 1024 * 1024;

/** A copy for the retry topic or the dead letters; undefined for a message that the log does not have any more. */
interface Copy {
  readonly bit: number;
  readonly append: AppendRequest | undefined;
  readonly bytes: number;
}

/**
 * Gives back what was not acknowledged in time: a copy goes into the group's retry topic, or among its dead letters after
 * the last attempt, in one frame with the note that ends the lease. So there is one copy, whenever the power goes. The
 * messages of an ordered batch stay where they are; their queue is free again.
 */
export class Revival {
  readonly #parts: RevivalParts;
  /** Topics that are being made; nothing goes into them before they are on the disk. */
  readonly #making = new Set<string>();
  #timer: Timer | undefined;
  #isFailing = false;
  /** Copies made for retries, copies among the dead letters, and messages that had expired from the log. */
  revived = 0;
  dead = 0;
  lost = 0;

  constructor(parts: RevivalParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#timer = every(this.#parts.clock, TICK_MS, () => {
      this.#run();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #run(): void {
    if (this.#timer === undefined) return;
    const { table, clock } = this.#parts;
    const due = table.takeDue(clock.now(), PER_TICK_MAX);
    for (const checkPoint of due) {
      try {
        this.#end(checkPoint);
        this.#isFailing = false;
      } catch (error) {
        table.postpone(checkPoint, clock.now() + AGAIN_MS);
        if (!this.#isFailing)
          this.#parts.log.error({ reason: errorText(error) }, 'leases can not be ended; tried again');
        this.#isFailing = true;
      }
    }
    if (due.length === PER_TICK_MAX) {
      clock.defer(() => {
        this.#run();
      });
    }
  }

  #end(checkPoint: CheckPoint): void {
    const { table, clock, hold } = this.#parts;
    const { group, topic } = checkPoint.queue;
    const isOrdered = checkPoint.data.order !== undefined;
    const offsets = checkPoint
      .openOffsets()
      .filter((offset) => !isOrdered || this.#isSpent(checkPoint, offset));
    if (!this.#copy(checkPoint, offsets)) {
      table.postpone(checkPoint, clock.now() + TICK_MS);
      return;
    }
    this.#wake(checkPoint, offsets.length > 0);
    if (isOrdered) hold.wake(group, topic);
  }

  /** A batch handed out in order counts its attempts itself. */
  #isSpent({ data, queue }: CheckPoint, offset: number): boolean {
    const attempts = data.order?.attempts[data.offsets.indexOf(offset)] ?? 0;
    return attempts >= this.#attemptsMax(queue.group);
  }

  #attemptsMax(group: string): number {
    return (this.#parts.groups.find(group) ?? subscriptionGroupConfig(group)).retryMaxTimes;
  }

  #retryTopic(group: string, topic: string): string {
    const { kind } = originOf(group, topic);
    return kind === RetryKind.NORMAL ? popRetryTopic(group, topic, this.#parts.retryVersion) : topic;
  }

  /** False when a topic for the copies is being made: what is left must wait for that. */
  #copy(checkPoint: CheckPoint, offsets: readonly number[]): boolean {
    let batch: Copy[] = [];
    let bytes = 0;
    let isWhole = true;
    for (const offset of offsets) {
      const copy = this.#copyOf(checkPoint, offset);
      if (copy === undefined) {
        isWhole = false;
        break;
      }
      if (batch.length > 0 && bytes + copy.bytes > TOGETHER_BYTES_MAX) {
        this.#append(checkPoint, batch);
        batch = [];
        bytes = 0;
      }
      batch.push(copy);
      bytes += copy.bytes;
    }
    if (batch.length > 0) this.#append(checkPoint, batch);
    return isWhole;
  }

  #append(checkPoint: CheckPoint, copies: readonly Copy[]): void {
    const { journal, table, log } = this.#parts;
    const bits = copies.reduce((sum, { bit }) => (sum | bit) >>> 0, 0);
    const appends = copies.flatMap(({ append }) => append ?? []);
    const { group, topic, queueId, reviveQueueId } = checkPoint.queue;
    journal.append(reviveQueueId, 'revive', { settled: [settledNote(checkPoint, bits)] }, appends);
    table.settled(checkPoint, bits);
    const lost = copies.length - appends.length;
    const dead = appends.filter((append) => append.queue.topic === dlqTopic(group)).length;
    this.revived += appends.length - dead;
    this.dead += dead;
    this.lost += lost;
    if (lost > 0) {
      log.warn(
        { group, topic, queueId, count: lost },
        'popped messages expired from the log before they were acknowledged',
      );
    }
  }

  #copyOf(checkPoint: CheckPoint, offset: number): Copy | undefined {
    const { group, topic, queueId } = checkPoint.queue;
    const bit = checkPoint.openBit(offset);
    const record = this.#read(topic, queueId, offset);
    if (record === undefined) return { bit, append: undefined, bytes: 0 };
    const properties = retryProperties(record, group, checkPoint.data.popTime);
    if (!properties.has(Property.ORIGIN_MESSAGE_ID)) {
      properties.set(
        Property.ORIGIN_MESSAGE_ID,
        encodeOffsetMessageId(record.storeHost, record.physicalOffset),
      );
    }
    const isDead = checkPoint.data.order !== undefined || record.reconsumeTimes >= this.#attemptsMax(group);
    const target = this.#topic(isDead ? dlqTopic(group) : this.#retryTopic(group, topic));
    if (target === undefined) return undefined;
    if (isDead) {
      properties.set(Property.DLQ_ORIGIN_TOPIC, originOf(group, topic).topic);
      properties.set(Property.DLQ_ORIGIN_MESSAGE_ID, properties.get(Property.ORIGIN_MESSAGE_ID) ?? '');
    }
    const append = record.toAppend(target.nameBytes, target.queue(0), properties);
    append.reconsumeTimes = record.reconsumeTimes + 1;
    return { bit, append, bytes: record.bytes.length };
  }

  #read(topic: string, queueId: number, offset: number): StoredRecord | undefined {
    const { topics, store } = this.#parts;
    const place = placeOf(topics.find(topic)?.existingQueue(queueId), offset);
    if (place === undefined || place.physicalOffset < store.logStart) return undefined;
    const bytes = Buffer.allocUnsafe(place.size);
    return store.reader.copySync(place.physicalOffset, place.size, bytes, 0)
      ? new StoredRecord(bytes)
      : undefined;
  }

  /** The topic, or undefined while it is being made. */
  #topic(name: string): Topic | undefined {
    const { topics, log } = this.#parts;
    if (this.#making.has(name)) return undefined;
    const present = topics.find(name);
    if (present !== undefined) return present;
    this.#making.add(name);
    topics
      .put(topicConfig(name, 1))
      .catch((error: unknown) => {
        log.error({ topic: name, reason: errorText(error) }, 'a topic for retries can not be made');
      })
      .finally(() => {
        this.#making.delete(name);
      });
    return undefined;
  }

  #wake({ queue: { group, topic } }: CheckPoint, isCopied: boolean): void {
    if (!isCopied) return;
    const { journal, hold } = this.#parts;
    journal.whenDurable().then(
      () => {
        hold.wake(group, originOf(group, topic).topic);
      },
      () => undefined,
    );
  }
}
