import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { Durability } from './durability.ts';
import { DurabilityGroup } from './durability.ts';
import { InlineSyncPolicy } from './inline-sync-policy.ts';
import { FRAME_HEADER_SIZE, FrameKind, frameSize, sealFrame } from './log-frame.ts';
import type { LogSegment } from './log-segment.ts';
import type { LogSegments } from './log-segments.ts';
import type { LogTail, TailChunk } from './log-tail.ts';

/** Where the log ends and what its last frame was: enough to go on behind it. */
export interface LogEnd {
  readonly offset: number;
  /** Link of the last frame before `offset`. */
  readonly link: number;
}

export interface CommitLogOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly segments: LogSegments;
  readonly tail: LogTail;
  readonly epoch: number;
  readonly end: LogEnd;
  /** How long something may stay written but not synced when nobody waits for the sync, ms. */
  readonly syncIntervalMs: number;
}

/** An open frame is written early when it has grown to this. */
const FRAME_WRITE_SIZE = 256 * 1024;
/** Unsynced bytes that start a sync even when nobody waits for it. */
const UNSYNCED_BYTES_MAX = 8 * 1024 * 1024;

/**
 * The append side of the log. Records are encoded straight into the open frame; at the end of the event loop's turn the
 * frame is written with one call, and one fdatasync at a time makes all that was written meanwhile durable. A failed
 * write or sync poisons the log: the page cache can't be trusted afterwards, so nothing is acknowledged any more.
 */
export class CommitLog {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #segments: LogSegments;
  readonly #tail: LogTail;
  readonly #epoch: number;
  readonly #syncIntervalMs: number;
  readonly #inlineSync: InlineSyncPolicy;

  #segment: LogSegment;
  #chunk: TailChunk;
  /** Log position of the open frame. */
  #frameBase: number;
  /** Bytes of records in the open frame. */
  #payloadSize = 0;
  #recordCount = 0;
  /** Reservations up to this payload size have their room in the open frame already. */
  #togetherEnd = 0;
  #link: number;

  #writtenOffset: number;
  #syncedEnd: LogEnd;
  #syncing = false;
  #turnScheduled = false;
  #syncTimer: Timer | undefined;
  /** Files that were written to since their last sync, and names that must be durable first. */
  #unsyncedSegments = new Set<LogSegment>();
  #unsyncedNames: Promise<void>[] = [];
  /** Segments that don't have their name yet: a start would not find what is written to them. */
  #unnamed = 0;
  #failure: MqError | undefined;

  #written = new DurabilityGroup();
  #synced = new DurabilityGroup();
  /** Written, waiting for the next sync. */
  #nextSynced: DurabilityGroup[] = [];

  /** The buffer and position that `reserve` found; valid until the next call. */
  buffer: Buffer;
  position = 0;

  constructor(options: CommitLogOptions) {
    const segment = options.segments.find(options.end.offset) ?? options.segments.last;
    if (segment === undefined) throw new MqError('INTERNAL', 'the log has no segment');
    this.#clock = options.clock;
    this.#log = options.log;
    this.#segments = options.segments;
    this.#tail = options.tail;
    this.#epoch = options.epoch;
    this.#syncIntervalMs = options.syncIntervalMs;
    this.#inlineSync = new InlineSyncPolicy(options.clock);
    this.#segment = segment;
    this.#frameBase = options.end.offset;
    this.#link = options.end.link;
    this.#writtenOffset = options.end.offset;
    this.#syncedEnd = options.end;
    this.#chunk = options.tail.push(options.end.offset);
    this.buffer = this.#chunk.bytes;
  }

  /** Log position behind the last record that was appended. */
  get endOffset(): number {
    return this.#payloadSize === 0
      ? this.#frameBase
      : this.#frameBase + FRAME_HEADER_SIZE + this.#payloadSize;
  }

  /** Where the written part ends; always a frame's border. */
  get writtenOffset(): number {
    return this.#writtenOffset;
  }

  /** Where the durable part ends; always a frame's border. */
  get syncedEnd(): LogEnd {
    return this.#syncedEnd;
  }

  get unsyncedBytes(): number {
    return this.endOffset - this.#syncedEnd.offset;
  }

  get failure(): MqError | undefined {
    return this.#failure;
  }

  /** Sees to it that the next segment is there in time. */
  prepareSpare(): void {
    this.#segments.prepareSpare(this.#usedShare);
  }

  /** The group that waits for the next write or sync. Joined after the records were appended. */
  group(durability: Durability): DurabilityGroup {
    return durability === 'synced' ? this.#synced : this.#written;
  }

  /**
   * Makes room for a record and returns its log position; the caller fills `buffer` from `position` on with exactly
   * `size` bytes in the same turn, without waiting for anything.
   * @throws MqError `STORE_FAILED` when the log is broken, `SERVICE_NOT_AVAILABLE` when the disk is full,
   * `SYSTEM_BUSY` when the next segment is not ready.
   */
  reserve(size: number): number {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#payloadSize + size > this.#togetherEnd) this.#makeRoom(size);
    const at = this.#frameBase + FRAME_HEADER_SIZE + this.#payloadSize;
    this.position = at - this.#chunk.base;
    this.buffer = this.#chunk.bytes;
    this.#payloadSize += size;
    this.#recordCount++;
    this.#chunk.size = this.position + size;
    if (!this.#turnScheduled) this.#scheduleTurn();
    return at;
  }

  /**
   * The next reservations of this turn, `size` bytes together, land in one frame: a crash or damage takes all of them or
   * none.
   * @throws MqError as `reserve`, and `MESSAGE_ILLEGAL` when they don't fit into a frame.
   */
  reserveTogether(size: number): void {
    if (this.#failure !== undefined) throw this.#failure;
    if (frameSize(size) > this.#chunk.bytes.length) throw tooLarge(size);
    this.#makeRoom(size);
    this.#togetherEnd = this.#payloadSize + size;
  }

  /** Resolves when all that was appended before is on the disk. */
  async sync(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#syncedEnd.offset >= this.#frameBase && this.#payloadSize === 0) return;
    const durable = new Promise<void>((resolve, reject) => {
      this.#synced.join({ durable: resolve, failed: reject });
    });
    this.#scheduleTurn();
    await durable;
  }

  /** Writes and syncs what is open. The log can't be used afterwards. */
  async close(): Promise<void> {
    if (this.#failure === undefined) await this.sync();
    this.#syncTimer?.cancel();
  }

  /** How much of the present segment is used, 0 to 1. */
  readonly #usedShare = (): number => (this.#frameBase - this.#segment.base) / this.#segments.segmentSize;

  #makeRoom(size: number): void {
    const frameEnd = this.#frameBase + frameSize(this.#payloadSize + size);
    // A segment always keeps room for the frame that says where it ends.
    if (frameEnd + frameSize(0) > this.#segment.base + this.#segments.segmentSize) {
      this.#rollSegment(size);
      return;
    }
    if (frameEnd - this.#chunk.base > this.#chunk.bytes.length) {
      if (frameSize(size) > this.#chunk.bytes.length) throw tooLarge(size);
      if (this.#payloadSize > 0) this.#writeFrame();
      this.#startChunk();
      // Two frames take more room than one: the segment may be full now.
      this.#makeRoom(size);
    } else if (this.#payloadSize >= FRAME_WRITE_SIZE) {
      this.#writeFrame();
      this.#makeRoom(size);
    } else if (!this.#segments.hasRoomTo(frameEnd)) {
      throw diskFull(this.#segments.fillFault);
    }
  }

  #rollSegment(size: number): void {
    if (frameSize(size) + frameSize(0) > this.#segments.segmentSize) throw tooLarge(size);
    if (!this.#segments.spareReady) throw this.#noSpare();
    const end = this.#frameBase + frameSize(0) + (this.#payloadSize > 0 ? frameSize(this.#payloadSize) : 0);
    if (!this.#segments.hasRoomTo(end)) throw diskFull(this.#segments.fillFault);
    if (this.#payloadSize > 0) this.#writeFrame();
    if (this.#frameBase + frameSize(0) - this.#chunk.base > this.#chunk.bytes.length) this.#startChunk();
    this.#writeFrame(FrameKind.SEGMENT_END);
    const base = this.#segment.base + this.#segments.segmentSize;
    const { segment, named } = this.#segments.appendSpare(base);
    this.#unsyncedNames.push(named);
    this.#unnamed++;
    named.then(
      () => {
        this.#unnamed--;
        this.#turn();
      },
      (error: unknown) => {
        this.#fail(error);
      },
    );
    this.#segment = segment;
    this.#frameBase = base;
    this.#writtenOffset = base;
    this.#startChunk();
    this.#segments.prepareSpare(this.#usedShare);
  }

  #noSpare(): MqError {
    this.prepareSpare();
    const fault = this.#segments.spareFault;
    if (fault !== undefined) return diskFull(fault);
    return new MqError('SYSTEM_BUSY', 'the next log segment is still being prepared, try again in a moment');
  }

  #startChunk(): void {
    this.#chunk = this.#tail.push(this.#frameBase);
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return;
    this.#turnScheduled = true;
    this.#clock.defer(() => {
      this.#turnScheduled = false;
      this.#turn();
    });
  }

  /**
   * End of a turn: write what is open unless a sync is under way anyway, then sync if somebody waits for it. Who waits for
   * the write waits for the name of a new segment, too.
   */
  #turn(): void {
    if (this.#failure !== undefined) return;
    const canWait = this.#syncing && this.#written.isEmpty && this.#payloadSize < FRAME_WRITE_SIZE;
    if (canWait) return;
    if (this.#payloadSize > 0 && !this.#tryWriteFrame()) return;
    if (!this.#synced.isEmpty) {
      this.#nextSynced.push(this.#synced);
      this.#synced = new DurabilityGroup();
    }
    if (this.#unnamed === 0) {
      const written = this.#written;
      this.#written = new DurabilityGroup();
      written.release();
    }
    if (this.#syncing) return;
    const unsynced = this.#writtenOffset - this.#syncedEnd.offset;
    if (this.#nextSynced.length > 0 || unsynced >= UNSYNCED_BYTES_MAX) this.#startSync();
    else if (unsynced > 0) this.#armSyncTimer();
  }

  #tryWriteFrame(): boolean {
    try {
      this.#writeFrame();
      return true;
    } catch {
      // #writeFrame has told everybody who waited.
      return false;
    }
  }

  #writeFrame(kind: number = FrameKind.RECORDS): void {
    const at = this.#frameBase - this.#chunk.base;
    const size = frameSize(this.#payloadSize);
    this.#link = sealFrame(this.#chunk.bytes, at, {
      baseOffset: this.#frameBase,
      payloadSize: this.#payloadSize,
      recordCount: this.#recordCount,
      previousLink: this.#link,
      syncedOffset: this.#syncedEnd.offset,
      epoch: this.#epoch,
      kind,
    });
    try {
      this.#segment.file.writeSync(this.#chunk.bytes, at, size, this.#frameBase - this.#segment.base);
    } catch (error) {
      throw this.#fail(error);
    }
    this.#unsyncedSegments.add(this.#segment);
    this.#frameBase += size;
    this.#writtenOffset = this.#frameBase;
    this.#payloadSize = 0;
    this.#recordCount = 0;
    this.#togetherEnd = 0;
  }

  #startSync(): void {
    const end = { offset: this.#writtenOffset, link: this.#link };
    const groups = this.#nextSynced;
    const segments = [...this.#unsyncedSegments];
    const names = this.#unsyncedNames;
    this.#nextSynced = [];
    this.#unsyncedSegments = new Set();
    this.#unsyncedNames = [];
    const [only] = segments;
    if (segments.length === 1 && names.length === 0 && only !== undefined && this.#inlineSync.allowed) {
      this.#syncInline(only, end, groups);
      return;
    }
    this.#syncing = true;
    const startedMs = this.#clock.monotonic();
    Promise.all([...segments.map((segment) => segment.file.datasync()), ...names]).then(
      () => {
        this.#syncing = false;
        this.#inlineSync.measured(this.#clock.monotonic() - startedMs);
        this.#syncDone(end, groups);
      },
      (error: unknown) => {
        this.#nextSynced = [...groups, ...this.#nextSynced];
        const failure = this.#fail(error);
        // A write may have failed before this sync did; then those who waited for it have not been told yet.
        for (const group of groups) group.fail(failure);
      },
    );
  }

  #syncInline(segment: LogSegment, end: LogEnd, groups: DurabilityGroup[]): void {
    const startedMs = this.#clock.monotonic();
    try {
      segment.file.datasyncSync();
    } catch (error) {
      this.#nextSynced = groups;
      this.#fail(error);
      return;
    }
    this.#inlineSync.measured(this.#clock.monotonic() - startedMs);
    this.#syncDone(end, groups);
  }

  #syncDone(end: LogEnd, groups: readonly DurabilityGroup[]): void {
    this.#syncedEnd = end;
    for (const group of groups) group.release();
    this.#turn();
  }

  #armSyncTimer(): void {
    this.#syncTimer ??= this.#clock.setTimer(this.#syncIntervalMs, () => {
      this.#syncTimer = undefined;
      if (this.#failure === undefined && !this.#syncing && this.#unsyncedSegments.size > 0) this.#startSync();
    });
  }

  #fail(cause: unknown): MqError {
    if (this.#failure !== undefined) return this.#failure;
    const failure = new MqError('STORE_FAILED', `the log can't be written: ${errorText(cause)}`, {
      cause,
      hint: 'nothing is acknowledged any more; check the disk, then restart the broker',
    });
    this.#failure = failure;
    this.#log.error(
      { reason: errorText(cause) },
      'log write or sync failed; the broker stops accepting messages',
    );
    for (const group of [...this.#nextSynced, this.#synced, this.#written]) group.fail(failure);
    return failure;
  }
}

function tooLarge(size: number): MqError {
  return new MqError('MESSAGE_ILLEGAL', `${size} bytes of records do not fit a frame of the log`);
}

function diskFull(reason: string | undefined): MqError {
  return new MqError(
    'SERVICE_NOT_AVAILABLE',
    `no room for the next part of the log: ${reason ?? 'disk full'}`,
    {
      hint: 'free disk space; reading goes on meanwhile and sending resumes by itself',
    },
  );
}
