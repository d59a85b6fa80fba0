import { join } from 'node:path';
import type { Timer } from '@cometmq/common/clock/clock';
import type { MqError } from '@cometmq/common/error/mq-error';
import { errorText } from '@cometmq/common/error/mq-error';
import { RECORD_SIZE_MIN, RecordField } from '@cometmq/common/message/record-layout';
import { javaStringHash } from '@cometmq/common/message/tags-code';
import type { AppendRequest, AppendResult } from './append-request.ts';
import { getInt32, getInt64 } from './bytes.ts';
import type { CheckpointState } from './checkpoint.ts';
import { CheckpointFile } from './checkpoint.ts';
import { DroppedTopics } from './dropped-topics.ts';
import { KeyIndex } from './index/key-index.ts';
import { CommitLog } from './log/commit-log.ts';
import type { Durability, DurabilityGroup } from './log/durability.ts';
import { whenDurable } from './log/durability.ts';
import { LogReader } from './log/log-reader.ts';
import type { DamagedRange } from './log/log-recovery.ts';
import { LogSegments } from './log/log-segments.ts';
import { LogTail } from './log/log-tail.ts';
import { QueueTable } from './queue/queue-table.ts';
import type { StoreQueue } from './queue/store-queue.ts';
import { VisibilityMarks } from './queue/visibility-marks.ts';
import type { ReadPlan } from './read-plan.ts';
import { recordSize, writeRecord } from './record-writer.ts';
import type { RecoveredStore } from './store-recovery.ts';
import { recoverStore } from './store-recovery.ts';
import { StoreRetention } from './store-retention.ts';
import type { StoreOptions } from './store-options.ts';

/** Holds the largest record with room for framing. */
const TAIL_CHUNK_BYTES = 8 * 1024 * 1024;
/** Smallest read of one record; most records are whole after it. */
const RECORD_READ_BYTES = 4096;
/** A record can't be larger; a size beyond it is no record. */
const RECORD_SIZE_MAX = TAIL_CHUNK_BYTES;
/** Checkpoints without a message after which a queue gives its memory back. */
const IDLE_CHECKPOINTS = 30;

/**
 * The store of one broker: the log, and the queues and the key index that are derived from it. It knows topics by name
 * only and no protocol.
 */
export class MessageStore {
  readonly queues: QueueTable;
  readonly index: KeyIndex;
  readonly reader: LogReader;
  /** Ranges that recovery found damaged. */
  readonly damaged: readonly DamagedRange[];
  readonly #options: StoreOptions;
  readonly #segments: LogSegments;
  readonly #commitLog: CommitLog;
  readonly #checkpointFile: CheckpointFile;
  readonly #dropped: DroppedTopics;
  readonly #retention: StoreRetention;
  readonly #epoch: number;
  readonly #topicHashes = new Map<string, number>();
  readonly #marks: Record<Durability, VisibilityMarks>;
  readonly #idleRounds = new Map<StoreQueue, number>();
  #storeTimestamp: number;
  #timer: Timer | undefined;
  #checkpointing: Promise<void> | undefined;
  #checkpointOffset = -1;
  #closed = false;

  /** Opens or makes the store in `options.directory`. */
  static async open(options: StoreOptions): Promise<MessageStore> {
    const { disk, directory } = options;
    disk.makeDirectorySync(directory);
    const parts = {
      segments: new LogSegments({
        ...options,
        directory: join(directory, 'commitlog'),
        segmentSize: options.segmentSizeBytes,
      }),
      queues: new QueueTable(disk, join(directory, 'consumequeue')),
      index: new KeyIndex(disk, join(directory, 'index')),
      dropped: new DroppedTopics(disk, directory),
      checkpointFile: new CheckpointFile(disk, directory),
    };
    const recovered = await recoverStore(
      options,
      parts.segments,
      parts.queues,
      parts.index,
      parts.dropped,
      parts.checkpointFile.read(),
    );
    const store = new MessageStore(options, parts, recovered);
    await store.#begin(recovered);
    return store;
  }

  private constructor(
    options: StoreOptions,
    parts: {
      readonly segments: LogSegments;
      readonly queues: QueueTable;
      readonly index: KeyIndex;
      readonly dropped: DroppedTopics;
      readonly checkpointFile: CheckpointFile;
    },
    recovered: RecoveredStore,
  ) {
    const tail = new LogTail(TAIL_CHUNK_BYTES, options.tailChunks);
    this.#options = options;
    this.#segments = parts.segments;
    this.queues = parts.queues;
    this.index = parts.index;
    this.#dropped = parts.dropped;
    this.#checkpointFile = parts.checkpointFile;
    this.damaged = recovered.damaged;
    this.#epoch = recovered.epoch;
    this.#storeTimestamp = recovered.storeTimestamp;
    this.reader = new LogReader(parts.segments, tail);
    this.#commitLog = new CommitLog({
      ...options,
      segments: parts.segments,
      tail,
      epoch: recovered.epoch,
      end: recovered.end,
    });
    this.#marks = {
      written: this.#newMarks('written'),
      synced: this.#newMarks('synced'),
    };
    this.#retention = new StoreRetention(options, parts.segments, parts.queues, parts.index);
  }

  /** Oldest log position that can be read. */
  get logStart(): number {
    return this.#segments.first?.base ?? 0;
  }

  /** Log position behind the newest message. */
  get logEnd(): number {
    return this.#commitLog.endOffset;
  }

  get unsyncedBytes(): number {
    return this.#commitLog.unsyncedBytes;
  }

  /** Why nothing can be stored any more, or undefined while all is well. */
  get failure(): MqError | undefined {
    return this.#commitLog.failure;
  }

  /**
   * Appends one message; readable and durable later, when its group is released. Synchronous on purpose: between the
   * assignment of an offset and the encoding of the record nothing else can happen.
   * @throws MqError as `CommitLog.reserve`.
   */
  append(request: AppendRequest, durability: Durability, result: AppendResult): void {
    const { storeHost, clock } = this.#options;
    const size = recordSize(request, storeHost);
    const physicalOffset = this.#commitLog.reserve(size);
    const storeTimestamp = Math.max(clock.now(), this.#storeTimestamp);
    this.#storeTimestamp = storeTimestamp;
    const { queue, propertyScan, properties } = request;
    const queueOffset = queue.assigned;
    const { buffer, position } = this.#commitLog;
    writeRecord(buffer, position, request, size, queueOffset, physicalOffset, storeTimestamp, storeHost);
    queue.append(physicalOffset, size, request.tagsCode ?? propertyScan.tagsCode(properties), storeTimestamp);
    this.index.add(this.#topicHash(queue.topic), properties, propertyScan, physicalOffset, storeTimestamp);
    let marks = this.#marks[durability];
    if (marks.group !== this.#commitLog.group(durability))
      marks = this.#marks[durability] = this.#newMarks(durability);
    marks.touch(queue);
    result.physicalOffset = physicalOffset;
    result.queueOffset = queueOffset;
    result.storeTimestamp = storeTimestamp;
  }

  /** Who joins after an append is told when that append is durable. */
  group(durability: Durability): DurabilityGroup {
    return this.#commitLog.group(durability);
  }

  whenDurable(durability: Durability): Promise<void> {
    return whenDurable(this.#commitLog.group(durability));
  }

  /** Copies the planned records back to back; false when one of them is gone. */
  copyRecords(plan: ReadPlan, target: Buffer, at: number): boolean {
    let position = at;
    for (let index = 0; index < plan.offsets.length;) {
      const start = plan.offsets[index] ?? 0;
      let size = plan.sizes[index++] ?? 0;
      while (plan.offsets[index] === start + size) size += plan.sizes[index++] ?? 0;
      if (!this.reader.copySync(start, size, target, position)) return false;
      position += size;
    }
    return true;
  }

  /** The record at a log position, or undefined when there is none. */
  async readRecord(physicalOffset: number): Promise<Buffer | undefined> {
    if (physicalOffset < this.logStart || physicalOffset + RECORD_SIZE_MIN > this.logEnd) return undefined;
    const head = Buffer.alloc(Math.min(RECORD_READ_BYTES, this.logEnd - physicalOffset));
    if (!(await this.reader.copy(physicalOffset, head.length, head, 0))) {
      // Too close to the end of a segment for a read of that size.
      if (!(await this.reader.copy(physicalOffset, RECORD_SIZE_MIN, head, 0))) return undefined;
    }
    const size = getInt32(head, RecordField.TOTAL_SIZE);
    const isRecord = getInt64(head, RecordField.PHYSICAL_OFFSET) === physicalOffset;
    if (!isRecord || size < RECORD_SIZE_MIN || size > RECORD_SIZE_MAX) return undefined;
    const record = Buffer.allocUnsafe(size);
    return (await this.reader.copy(physicalOffset, size, record, 0)) ? record : undefined;
  }

  /** Forgets a topic's queues. Its messages stay in the log until they expire. */
  async dropTopic(topic: string): Promise<void> {
    await this.#dropped.add(topic, this.logEnd, this.logStart);
    await this.queues.removeTopic(topic);
  }

  /** Makes what is derived durable up to the synced end of the log. */
  checkpoint(): Promise<void> {
    this.#checkpointing ??= this.#checkpoint(false).finally(() => {
      this.#checkpointing = undefined;
    });
    return this.#checkpointing;
  }

  /** Applies retention now. */
  expire(): Promise<void> {
    return this.#retention.run();
  }

  /** Syncs everything; the next start has nothing to recover. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    await this.#checkpointing;
    await this.#retention.stop();
    await this.#commitLog.close();
    await this.#checkpoint(this.#commitLog.failure === undefined);
    await this.#segments.close();
    await this.queues.close();
    await this.#checkpointFile.close();
  }

  async #begin(recovered: RecoveredStore): Promise<void> {
    // The new epoch must be on disk before a frame carries it.
    await this.#writeCheckpoint(recovered.end, false);
    const { first } = this.#segments;
    if (recovered.isFirstStart && first !== undefined) {
      this.#segments.fillAhead(first, () => this.#commitLog.writtenOffset);
    }
    this.#segments.prepareSpare();
    this.#retention.start();
    this.#scheduleCheckpoint();
  }

  #scheduleCheckpoint(): void {
    this.#timer = this.#options.clock.setTimer(this.#options.checkpointIntervalMs, () => {
      this.checkpoint()
        .catch((error: unknown) => {
          this.#options.log.error({ reason: errorText(error) }, 'checkpoint failed; it is tried again');
        })
        .finally(() => {
          if (!this.#closed) this.#scheduleCheckpoint();
        });
    });
  }

  async #checkpoint(isClean: boolean): Promise<void> {
    const end = this.#commitLog.syncedEnd;
    if (end.offset === this.#checkpointOffset && !isClean) {
      this.#releaseIdleMemory();
      return;
    }
    for (const queue of this.queues.all()) {
      if (!queue.isDirty) continue;
      await queue.flush(end.offset);
      queue.releaseMemory(false);
      this.#idleRounds.set(queue, 0);
    }
    await this.index.flush(end.offset);
    await this.#writeCheckpoint(end, isClean);
    this.#releaseIdleMemory();
  }

  async #writeCheckpoint(end: { offset: number; link: number }, isClean: boolean): Promise<void> {
    const state: CheckpointState = {
      logOffset: end.offset,
      link: end.link,
      epoch: this.#epoch,
      storeTimestamp: this.#storeTimestamp,
      isClean,
    };
    await this.#checkpointFile.write(state);
    this.#checkpointOffset = end.offset;
  }

  #releaseIdleMemory(): void {
    for (const [queue, rounds] of this.#idleRounds) {
      if (rounds < IDLE_CHECKPOINTS) {
        this.#idleRounds.set(queue, rounds + 1);
      } else {
        this.#idleRounds.delete(queue);
        queue.releaseMemory(true);
      }
    }
  }

  #newMarks(durability: Durability): VisibilityMarks {
    const group = this.#commitLog.group(durability);
    const marks = new VisibilityMarks(group);
    group.join(marks);
    return marks;
  }

  #topicHash(topic: string): number {
    let hash = this.#topicHashes.get(topic);
    if (hash === undefined) this.#topicHashes.set(topic, (hash = javaStringHash(`${topic}#`)));
    return hash;
  }
}
