import { join } from 'node:path';
import { makeDirectoryDurable } from '@cometmq/common/disk/durable-directory';
import { MqError } from '@cometmq/common/error/mq-error';
import { closeAll } from '@cometmq/common/lifecycle/close-all';
import { PROPERTIES_SIZE_MAX } from '@cometmq/common/message/properties';
import { RECORD_SIZE_MIN, RecordField } from '@cometmq/common/message/record-layout';
import type { AppendRequest, AppendResult } from './append-request.ts';
import { getInt32, getInt64 } from './bytes.ts';
import { CheckpointFile } from './checkpoint.ts';
import type { DamageCounts } from './damage-ledger.ts';
import { DamageLedger } from './damage-ledger.ts';
import { DiskSpaceGuard } from './disk-space-guard.ts';
import { DroppedTopics } from './dropped-topics.ts';
import { IndexRepair } from './index/index-repair.ts';
import { KeyIndex } from './index/key-index.ts';
import { CommitLog } from './log/commit-log.ts';
import type { Durability, DurabilityGroup } from './log/durability.ts';
import { whenDurable } from './log/durability.ts';
import { LogReader } from './log/log-reader.ts';
import type { DamagedRange } from './log/log-recovery.ts';
import { LogSegments } from './log/log-segments.ts';
import { LogTail } from './log/log-tail.ts';
import { QueueTable } from './queue/queue-table.ts';
import { VisibilityMarks } from './queue/visibility-marks.ts';
import type { ReadPlan } from './read-plan.ts';
import { recordSize, writeRecord } from './record-writer.ts';
import { QueueRepair } from './queue-repair.ts';
import type { TagsCodeRule } from './record-dispatcher.ts';
import { RebuildMarker } from './rebuild-marker.ts';
import { StoreCheckpoints } from './store-checkpoints.ts';
import type { RecoveredStore, StoreParts } from './store-recovery.ts';
import { recoverStore } from './store-recovery.ts';
import { StoreRetention } from './store-retention.ts';
import type { StoreOptions } from './store-options.ts';

/** Holds the largest record with room for framing. */
const TAIL_CHUNK_BYTES = 8 * 1024 * 1024;
/** Smallest read of one record; most records are whole after it. */
const RECORD_READ_BYTES = 4096;
/** A record can't be larger; a size beyond it is no record. */
const RECORD_SIZE_MAX = TAIL_CHUNK_BYTES;

/**
 * The store of one broker: the log, and the queues and the key index that are derived from it. It knows topics by name
 * only and no protocol.
 */
export class MessageStore {
  readonly queues: QueueTable;
  readonly index: KeyIndex;
  readonly reader: LogReader;
  /** The broker before did not stop in order. */
  readonly isAfterCrash: boolean;
  /** Ranges that recovery found damaged. */
  readonly damaged: readonly DamagedRange[];
  readonly #options: StoreOptions;
  readonly #damage: DamageLedger;
  readonly #segments: LogSegments;
  readonly #commitLog: CommitLog;
  readonly #checkpointFile: CheckpointFile;
  readonly #checkpoints: StoreCheckpoints;
  readonly #dropped: DroppedTopics;
  readonly #retention: StoreRetention;
  readonly #space: DiskSpaceGuard;
  readonly #marks: Record<Durability, VisibilityMarks>;
  #storeTimestamp: number;
  #closed = false;

  /** Opens or makes the store in `options.directory`. */
  static async open(options: StoreOptions): Promise<MessageStore> {
    const { disk, directory } = options;
    const queueDirectory = join(directory, 'consumequeue');
    await makeDirectoryDurable(disk, directory);
    const checkpointFile = new CheckpointFile(disk, directory);
    const checkpoint = checkpointFile.read();
    disk.makeDirectorySync(queueDirectory);
    const parts = {
      damage: new DamageLedger(options.log, options.clock),
      segments: new LogSegments({
        ...options,
        directory: join(directory, 'commitlog'),
        segmentSize: options.segmentSizeBytes,
      }),
      queues: new QueueTable(disk, queueDirectory, options.queueFileEntries),
      index: new KeyIndex(disk, join(directory, 'index'), options.indexSegmentEntries),
      dropped: new DroppedTopics(disk, directory),
    };
    const recovered = await recoverStore(options, parts, checkpoint);
    const store = new MessageStore(options, parts, checkpointFile, recovered);
    await store.#begin();
    return store;
  }

  private constructor(
    options: StoreOptions,
    parts: StoreParts,
    checkpointFile: CheckpointFile,
    recovered: RecoveredStore,
  ) {
    const tail = new LogTail(options.tailChunkBytes ?? TAIL_CHUNK_BYTES, options.tailChunks);
    this.#options = options;
    this.#segments = parts.segments;
    this.queues = parts.queues;
    this.index = parts.index;
    this.#dropped = parts.dropped;
    this.#checkpointFile = checkpointFile;
    this.damaged = recovered.damaged;
    this.isAfterCrash = recovered.isAfterCrash;
    this.#storeTimestamp = recovered.storeTimestamp;
    this.reader = new LogReader(parts.segments, tail, parts.damage);
    this.#commitLog = new CommitLog({
      ...options,
      segments: parts.segments,
      tail,
      epoch: recovered.epoch,
      end: recovered.end,
    });
    this.#space = new DiskSpaceGuard(options);
    this.#marks = {
      written: this.#newMarks('written'),
      synced: this.#newMarks('synced'),
    };
    this.#damage = parts.damage;
    this.#checkpoints = new StoreCheckpoints(options, {
      ...parts,
      commitLog: this.#commitLog,
      file: checkpointFile,
      epoch: recovered.epoch,
      logStart: () => this.logStart,
      storeTimestamp: () => this.#storeTimestamp,
    });
    this.#retention = new StoreRetention(
      options,
      parts.segments,
      parts.queues,
      parts.index,
      this.#checkpoints,
      this.reader,
    );
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

  /** What was found damaged since the start. */
  get damage(): DamageCounts {
    return this.#damage.counts;
  }

  /** Why nothing may be stored now: the disk is nearly full. */
  get refusal(): MqError | undefined {
    return this.#space.refusal;
  }

  /** Why nothing can be stored any more, or undefined while all is well. */
  get failure(): MqError | undefined {
    return this.#commitLog.failure;
  }

  /**
   * Appends one message; readable and durable later, when its group is released. Synchronous on purpose: between the
   * assignment of an offset and the encoding of the record nothing else can happen.
   * @throws MqError as `CommitLog.reserve`, also `SERVICE_NOT_AVAILABLE` while the disk is nearly full.
   */
  append(request: AppendRequest, durability: Durability, result: AppendResult): void {
    const { storeHost, clock } = this.#options;
    checkRequest(request);
    this.#checkSpace();
    const size = recordSize(request, storeHost);
    const physicalOffset = this.#commitLog.reserve(size);
    const storeTimestamp = Math.max(clock.now(), this.#storeTimestamp);
    this.#storeTimestamp = storeTimestamp;
    const { queue, propertyScan, properties } = request;
    const queueOffset = queue.assigned;
    const { buffer, position } = this.#commitLog;
    writeRecord(buffer, position, request, size, queueOffset, physicalOffset, storeTimestamp, storeHost);
    queue.append(physicalOffset, size, request.tagsCode ?? propertyScan.tagsCode(properties), storeTimestamp);
    this.index.add(queue.topicHash, properties, propertyScan, physicalOffset, storeTimestamp);
    // On a broker that promises synced messages nobody sees another kind: an offset that a consumer has committed must
    // not be given to another message after a crash.
    const visibility = this.#options.durability === 'synced' ? 'synced' : durability;
    let marks = this.#marks[visibility];
    if (marks.group !== this.#commitLog.group(visibility))
      marks = this.#marks[visibility] = this.#newMarks(visibility);
    marks.touch(queue);
    result.physicalOffset = physicalOffset;
    result.queueOffset = queueOffset;
    result.storeTimestamp = storeTimestamp;
  }

  /**
   * Appends messages that belong together, in one frame of the log: after a crash all of them are there or none.
   * @throws MqError as `append`; then none was appended. `MESSAGE_ILLEGAL` when together they are larger than a frame.
   */
  appendTogether(requests: readonly AppendRequest[], durability: Durability): AppendResult[] {
    let size = 0;
    for (const request of requests) {
      checkRequest(request);
      size += recordSize(request, this.#options.storeHost);
    }
    this.#checkSpace();
    this.#commitLog.reserveTogether(size);
    return requests.map((request) => {
      const result: AppendResult = { physicalOffset: 0, queueOffset: 0, storeTimestamp: 0 };
      this.append(request, durability, result);
      return result;
    });
  }

  /** Who joins after an append is told when that append is durable. */
  group(durability: Durability): DurabilityGroup {
    return this.#commitLog.group(durability);
  }

  whenDurable(durability: Durability): Promise<void> {
    return whenDurable(this.#commitLog.group(durability));
  }

  /** Resolves when all that was appended before is on the disk, whatever this broker promises. */
  sync(): Promise<void> {
    return this.#commitLog.sync();
  }

  /**
   * Before the log gives up what lies before a position, `rescue` may store again what is still needed of it. When it
   * fails nothing is given up.
   */
  beforeExpiry(rescue: (logStart: number) => Promise<void>): void {
    this.#retention.beforeExpiry(rescue);
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
    const end = this.#readableEnd;
    if (physicalOffset < this.logStart || physicalOffset + RECORD_SIZE_MIN > end) return undefined;
    const head = Buffer.alloc(Math.min(RECORD_READ_BYTES, end - physicalOffset));
    if (!(await this.reader.copy(physicalOffset, head.length, head, 0))) {
      // Too close to the end of a segment for a read of that size.
      if (!(await this.reader.copy(physicalOffset, RECORD_SIZE_MIN, head, 0))) return undefined;
    }
    const size = getInt32(head, RecordField.TOTAL_SIZE);
    const isRecord = getInt64(head, RecordField.PHYSICAL_OFFSET) === physicalOffset;
    if (!isRecord || size < RECORD_SIZE_MIN || size > RECORD_SIZE_MAX) return undefined;
    const record = Buffer.allocUnsafe(size);
    if (!(await this.reader.copy(physicalOffset, size, record, 0))) return undefined;
    // The segment may have expired and been recycled during the read.
    return physicalOffset < this.logStart ? undefined : record;
  }

  /** Forgets a topic's queues. Its messages stay in the log until they expire. */
  async dropTopic(topic: string): Promise<void> {
    const removed = this.queues.detach(topic);
    const position = this.logEnd;
    // Else a power cut could give positions before that to messages of a new topic of the same name.
    await this.#commitLog.sync();
    await this.#checkpoints.exclusive(async () => {
      await this.#dropped.add(topic, position, this.logStart);
      await this.queues.removeFiles(topic, removed);
      this.#checkpoints.invalidate();
    });
    // Else the next start would miss the queues' files and read all of the log again.
    await this.#checkpoints.run();
  }

  /** Makes what is derived durable up to the synced end of the log. */
  checkpoint(): Promise<void> {
    return this.#checkpoints.run();
  }

  /** Applies retention now. */
  expire(): Promise<void> {
    return this.#retention.run();
  }

  /** Syncs everything; the next start has nothing to recover. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#space.stop();
    await closeAll(
      () => this.#retention.stop(),
      () => this.#checkpoints.stop(),
      () => this.#commitLog.close(),
      () => this.#checkpoints.finish(this.#commitLog.failure === undefined),
      () => this.#segments.close(),
      () => this.queues.close(),
      () => this.#checkpointFile.close(),
    );
    this.#damage.close();
  }

  async #begin(): Promise<void> {
    const { disk, directory, tagsCodeRule } = this.#options;
    // What recovery derived must be in the files before a checkpoint says so; and the new epoch must be on disk before
    // a frame carries it.
    await disk.syncDirectory(directory);
    await this.#checkpoints.begin();
    await new RebuildMarker(disk, directory).remove();
    const { first, count } = this.#segments;
    // The very first segment may have holes; all later ones are made of zeros that were written.
    if (first?.base === 0 && count === 1) {
      this.#segments.fillAhead(first, () => this.#commitLog.writtenOffset);
    }
    this.#prepareRepairs(tagsCodeRule);
    await this.#space.start();
    this.#commitLog.prepareSpare();
    this.#retention.start();
    this.#checkpoints.start();
  }

  #checkSpace(): void {
    const { refusal } = this.#space;
    if (refusal !== undefined && this.#commitLog.failure === undefined) throw refusal;
  }

  /** Entries of queues and index that can't be read are made anew from the log. */
  #prepareRepairs(tagsCodeRule: TagsCodeRule): void {
    const parts = {
      damage: this.#damage,
      segments: this.#segments,
      dropped: this.#dropped.positions,
      isIntact: (position: number) => this.reader.isIntact(position),
      logStart: () => this.logStart,
      logEnd: () => this.#readableEnd,
      exclusive: (work: () => Promise<void>) => this.#checkpoints.exclusive(work),
    };
    const queueRepair = new QueueRepair({ ...parts, tagsCodeRule });
    this.queues.onDamage = (queue, offset) => {
      queueRepair.start(queue, offset);
    };
    const indexRepair = new IndexRepair({ ...parts, index: this.index });
    this.index.onDamage = (sequence) => {
      indexRepair.start(sequence);
    };
  }

  /** Messages before it will not disappear in a crash, as far as this broker promises that. */
  get #readableEnd(): number {
    const { syncedEnd, writtenOffset } = this.#commitLog;
    return this.#options.durability === 'synced' ? syncedEnd.offset : writtenOffset;
  }

  #newMarks(durability: Durability): VisibilityMarks {
    const group = this.#commitLog.group(durability);
    const marks = new VisibilityMarks(group);
    group.join(marks);
    return marks;
  }
}

/** Every way into the log comes by here: what a detour added to the properties counts as well. */
function checkRequest({ queue, propertiesStart, propertiesEnd }: AppendRequest): void {
  if (queue.isRemoved) throw new MqError('TOPIC_NOT_EXIST', `topic[${queue.topic}] was deleted`);
  const propertiesSize = propertiesEnd - propertiesStart;
  if (propertiesSize > PROPERTIES_SIZE_MAX) {
    throw new MqError(
      'MESSAGE_ILLEGAL',
      `properties take ${propertiesSize} bytes of at most ${PROPERTIES_SIZE_MAX}`,
    );
  }
}
