import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { every } from '@cometmq/common/clock/clock';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import { encodeProperties } from '@cometmq/common/message/properties';
import { Property } from '@cometmq/common/message/property-names';
import { reviveTopic } from '@cometmq/common/topic/names';
import type { ConsumerOffsets } from '../offset/consumer-offsets.ts';
import type { AppendRequest } from '../store/append-request.ts';
import type { KeyValueStore } from '../store/kv/key-value-store.ts';
import type { Durability } from '../store/log/durability.ts';
import type { MessageStore } from '../store/message-store.ts';
import { PropertyScan } from '../store/property-scan.ts';
import { walkQueue } from '../store/queue-walk.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import type { CheckPoint } from './leased-queue.ts';
import { loadRows, rowsOf } from './lease-rows.ts';
import type { LeaseTable } from './lease-table.ts';
import type { Notes, SettledNote } from './notes.ts';
import { NOTE_ITEMS_MAX, decodeNotes, encodeNotes } from './notes.ts';
import { REVIVE_QUEUES } from './pop-topics.ts';

export interface JournalParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: MessageStore;
  readonly kv: KeyValueStore;
  readonly offsets: ConsumerOffsets;
  readonly table: LeaseTable;
  readonly clusterName: string;
  readonly storeHost: Uint8Array;
  readonly durability: Durability;
}

/** What a note is mostly about, as its tag. */
export type NoteTag = 'ck' | 'ack' | 'ext' | 'revive' | 'mov';

interface PendingSettle {
  readonly checkPoint: CheckPoint;
  readonly bits: number;
  readonly resolve: (wasOpen: boolean) => void;
  readonly reject: (error: unknown) => void;
}

const SAVE_PERIOD_MS = 1_000;

/**
 * Writes every change of a lease as a note into the queues of `rmq_sys_REVIVE_LOG_<cluster>` (Java: ReviveTopic), and
 * saves the table, so that a start needs to apply the newest notes only. What is saved was synced in the log before:
 * the saved rows never know more than the log.
 */
export class LeaseJournal {
  readonly #parts: JournalParts;
  readonly #topicBytes: Buffer;
  readonly #queues: readonly StoreQueue[];
  #pending: PendingSettle[] = [];
  #saving: Promise<void> | undefined;
  #timer: Timer | undefined;

  constructor(parts: JournalParts) {
    this.#parts = parts;
    const topic = reviveTopic(parts.clusterName);
    this.#topicBytes = Buffer.from(topic);
    this.#queues = Array.from({ length: REVIVE_QUEUES }, (_, queueId) =>
      parts.store.queues.get(topic, queueId),
    );
  }

  /** Restores the leases of the time when the broker stopped. */
  async load(): Promise<void> {
    const { kv, store, table, offsets, log } = this.#parts;
    const applied = await loadRows(kv, table);
    const isBehindEnd = this.#queues.some((queue) => (applied[queue.queueId] ?? 0) > queue.max);
    for (const queue of this.#queues) {
      const from = Math.min(applied[queue.queueId] ?? 0, queue.max);
      for await (const { record, queueOffset } of walkQueue(store, queue, from)) {
        if (record === undefined) continue;
        const { bodyAt, bodySize } = record.layout;
        try {
          table.apply(decodeNotes(record.bytes.toString('utf8', bodyAt, bodyAt + bodySize)));
        } catch (error) {
          log.warn(
            { queueId: queue.queueId, queueOffset, reason: errorText(error) },
            'a note about leases is passed over',
          );
        }
      }
    }
    // Leases know better than saved offsets, which are a second behind.
    for (const { group, topic, queueId, position } of table.queues())
      offsets.commit(group, topic, queueId, position);
    // A log that lost its tail gives these offsets to other notes, which must be applied by the next start.
    await this.#save(isBehindEnd);
  }

  start(): void {
    this.#timer = every(this.#parts.clock, SAVE_PERIOD_MS, () => {
      this.save();
    });
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#saving;
    if (this.#parts.store.failure === undefined) await this.#save();
  }

  /**
   * Appends a note, together with messages that must be there if and only if the note is.
   * @throws MqError as the store's `append`.
   */
  append(reviveQueueId: number, tag: NoteTag, notes: Notes, messages: readonly AppendRequest[] = []): void {
    const { store, durability } = this.#parts;
    const note = this.#request(reviveQueueId, tag, notes);
    store.appendTogether([...messages, note], durability);
  }

  /** Resolves when all that was appended is as durable as the broker promises. */
  whenDurable(): Promise<void> {
    const { store, durability } = this.#parts;
    return store.whenDurable(durability);
  }

  /**
   * Ends leases; resolves when that is durable, with false when they were over already. All that is asked for in one
   * turn of the event loop shares a note.
   */
  settle(checkPoint: CheckPoint, bits: number): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ checkPoint, bits, resolve, reject });
      if (this.#pending.length === 1) {
        this.#parts.clock.defer(() => {
          this.#settlePending();
        });
      }
    });
  }

  /** Saves what changed. */
  save(): void {
    if (this.#saving !== undefined) return;
    this.#saving = this.#save()
      .catch((error: unknown) => {
        this.#parts.log.error({ reason: errorText(error) }, 'leases could not be saved; tried again');
      })
      .finally(() => {
        this.#saving = undefined;
      });
  }

  async #save(isForced = false): Promise<void> {
    const { kv, store, table, offsets } = this.#parts;
    const changes = table.takeChanges();
    const { queues, checkPoints, gone, goneQueues } = changes;
    const count = queues.length + checkPoints.length + gone.length + goneQueues.length;
    if (count === 0 && !isForced) return;
    const rows = rowsOf(
      changes,
      this.#queues.map((queue) => queue.assigned),
    );
    const saved = queues.map((queue) => ({ queue, position: queue.position, moves: queue.moves }));
    try {
      await store.sync();
      await kv.write(rows, true);
    } catch (error) {
      table.putBack(changes);
      throw error;
    }
    for (const { queue, position, moves } of saved) {
      const { group, topic, queueId } = queue;
      // Moved or forgotten meanwhile: the group is not where it was.
      if (queue.moves !== moves || table.find(group, topic, queueId) !== queue) continue;
      offsets.commit(group, topic, queueId, position);
    }
  }

  #settlePending(): void {
    const byQueue = new Map<number, PendingSettle[]>();
    for (const pending of this.#pending) {
      const { reviveQueueId } = pending.checkPoint.queue;
      const others = byQueue.get(reviveQueueId);
      if (others === undefined) byQueue.set(reviveQueueId, [pending]);
      else others.push(pending);
    }
    this.#pending = [];
    for (const [reviveQueueId, all] of byQueue) {
      for (let at = 0; at < all.length; at += NOTE_ITEMS_MAX)
        this.#settleTogether(reviveQueueId, all.slice(at, at + NOTE_ITEMS_MAX));
    }
  }

  #settleTogether(reviveQueueId: number, pending: readonly PendingSettle[]): void {
    const { table } = this.#parts;
    const ending = new Map<CheckPoint, number>();
    const winners: PendingSettle[] = [];
    for (const one of pending) {
      const { checkPoint, bits } = one;
      const taken = ending.get(checkPoint) ?? 0;
      if (!isLive(checkPoint) || (checkPoint.open & bits & ~taken) === 0) {
        one.resolve(false);
        continue;
      }
      ending.set(checkPoint, (taken | bits) >>> 0);
      winners.push(one);
    }
    if (winners.length === 0) return;
    try {
      this.append(reviveQueueId, 'ack', {
        settled: [...ending].map(([checkPoint, bits]) => settledNote(checkPoint, bits)),
      });
    } catch (error) {
      for (const { reject } of winners) reject(error);
      return;
    }
    for (const [checkPoint, bits] of ending) table.settled(checkPoint, bits);
    this.whenDurable().then(
      () => {
        for (const { resolve } of winners) resolve(true);
      },
      (error: unknown) => {
        for (const { reject } of winners) reject(error);
      },
    );
  }

  #request(reviveQueueId: number, tag: NoteTag, notes: Notes): AppendRequest {
    const queue = this.#queues[reviveQueueId];
    if (queue === undefined) throw new MqError('INTERNAL', `there is no queue ${reviveQueueId} for notes`);
    const body = encodeNotes(notes);
    const { properties, scan } = TAGGED[tag];
    return {
      queue,
      topic: this.#topicBytes,
      flag: 0,
      sysFlag: 0,
      bornTimestamp: this.#parts.clock.now(),
      bornHost: this.#parts.storeHost,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body,
      bodyStart: 0,
      bodyEnd: body.length,
      properties,
      propertiesStart: 0,
      propertiesEnd: properties.length,
      propertyScan: scan,
      tagsCode: undefined,
    };
  }
}

/** What ends some leases of a check point. */
export function settledNote({ queue, data }: CheckPoint, bits: number): SettledNote {
  const { group, topic, queueId } = queue;
  return { group, topic, queueId, startOffset: data.startOffset, popTime: data.popTime, bits };
}

function isLive(checkPoint: CheckPoint): boolean {
  const { startOffset, popTime } = checkPoint.data;
  return checkPoint.queue.find(startOffset, popTime) === checkPoint;
}

function tagged(tag: NoteTag): { readonly properties: Buffer; readonly scan: PropertyScan } {
  const properties = Buffer.from(encodeProperties(new Map([[Property.TAGS, tag]])));
  const scan = new PropertyScan();
  scan.scan(properties, 0, properties.length);
  return { properties, scan };
}

const TAGGED: Readonly<Record<NoteTag, ReturnType<typeof tagged>>> = {
  ck: tagged('ck'),
  ack: tagged('ack'),
  ext: tagged('ext'),
  revive: tagged('revive'),
  mov: tagged('mov'),
};
