import { join } from 'node:path';
import type { Clock, Timer } from '@cometmq/common/clock/clock';
import type { Disk, DiskFile } from '@cometmq/common/disk/disk';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { LogSegment, SegmentSource } from './log-segment.ts';
import { FillAhead } from './fill-ahead.ts';
import { FILL_STEP, checkSpace, fillWithZeros, segmentName } from './segment-file.ts';

export interface LogSegmentsOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
  readonly directory: string;
  /** Multiple of the frame alignment. */
  readonly segmentSize: number;
}

const FILL_PAUSE_MS = 2;
/** The filling is well ahead while its share of the spare is this many times the share of the segment that is used. */
const FILL_LEAD = 3;
const STEPS_PER_SYNC = 16;
const SPARE_NAME = 'spare';
const PREPARING_NAME = 'spare.preparing';
const RETRY_MS = 1_000;

/**
 * The files of the log, all of one size and named by the log position of their first byte. Blocks that really were
 * written are overwritten one and a half times faster than a file grows, so the next segment is made and filled with
 * zeros (or recycled from an expired one) before it is needed.
 */
export class LogSegments implements SegmentSource {
  readonly segmentSize: number;
  readonly #options: LogSegmentsOptions;
  readonly #segments: LogSegment[] = [];
  #spare: DiskFile | undefined;
  #preparing: Promise<void> | undefined;
  #retryTimer: Timer | undefined;
  #filling: FillAhead | undefined;
  /** Ends the pause of the filling that is under way. */
  #endPause: (() => void) | undefined;
  #closed = false;
  /** Why the next segment can't be made now, for example a full disk. */
  #spareFault: string | undefined;
  /** Renames and removals, one after the other: two under way at once could pass each other. */
  #names: Promise<unknown> = Promise.resolve();

  constructor(options: LogSegmentsOptions) {
    this.#options = options;
    this.segmentSize = options.segmentSize;
  }

  /** @throws MqError `DATA_DAMAGED` for a file that is not a segment, so that nothing is ever taken for garbage. */
  open(): void {
    const { disk, directory } = this.#options;
    disk.makeDirectorySync(directory);
    for (const name of disk.listSync(directory)) {
      if (name === SPARE_NAME) this.#openSpare();
      if (/^\d{20}$/.test(name)) this.#openSegment(name);
    }
    for (const [index, segment] of this.#segments.entries()) {
      const before = this.#segments[index - 1];
      if (before !== undefined && segment.base !== before.base + this.segmentSize) {
        throw new MqError(
          'DATA_DAMAGED',
          `log segment ${segmentName(before.base + this.segmentSize)} is missing`,
          {
            hint: 'restore the file, or move the segments before the gap away to give them up',
          },
        );
      }
    }
  }

  get first(): LogSegment | undefined {
    return this.#segments[0];
  }

  get last(): LogSegment | undefined {
    return this.#segments.at(-1);
  }

  get count(): number {
    return this.#segments.length;
  }

  all(): readonly LogSegment[] {
    return this.#segments;
  }

  /** The segment that holds a log position, or undefined when it expired or does not exist yet. */
  find(offset: number): LogSegment | undefined {
    const first = this.#segments[0];
    return first === undefined
      ? undefined
      : this.#segments[Math.floor((offset - first.base) / this.segmentSize)];
  }

  /** Makes all that the files from a log position on hold durable, and their names. */
  async sync(offset: number): Promise<void> {
    for (const { base, file } of this.#segments) if (base + this.segmentSize > offset) await file.datasync();
    await this.#options.disk.syncDirectory(this.#options.directory);
  }

  /** True when the log can go on in a further segment at once. */
  get spareReady(): boolean {
    return this.#spare !== undefined;
  }

  /** The next segment, before it has a place in the log. */
  get spare(): DiskFile | undefined {
    return this.#spare;
  }

  get spareFault(): string | undefined {
    return this.#spareFault;
  }

  /** True when the disk has room for the log up to a position of its last segment. */
  hasRoomTo(offset: number): boolean {
    return this.#filling?.reach(offset) ?? true;
  }

  /** Why there is no room. */
  get fillFault(): string | undefined {
    return this.#filling?.fault;
  }

  /**
   * Makes the very first segment. It is zero-filled only so far as to start quickly; the rest follows.
   * @throws MqError `SERVICE_NOT_AVAILABLE` when the disk has no room for it.
   */
  async createFirst(base: number, filledSize: number): Promise<LogSegment> {
    const { disk, directory } = this.#options;
    await checkSpace(disk, directory, this.segmentSize);
    const preparing = join(directory, PREPARING_NAME);
    await disk.remove(preparing);
    const file = disk.openSync(preparing, 'create');
    await file.truncate(this.segmentSize);
    await fillWithZeros(file, 0, Math.min(filledSize, this.segmentSize));
    await file.datasync();
    // Named last: a file with the name of a segment is always whole.
    await disk.rename(preparing, join(directory, segmentName(base)));
    await disk.syncDirectory(directory);
    const segment = { base, file };
    this.#segments.push(segment);
    return segment;
  }

  /** Fills the rest of the first segment with zeros, ahead of the log. */
  fillAhead(segment: LogSegment, writtenOffset: () => number): void {
    const { clock, log } = this.#options;
    this.#filling = new FillAhead(clock, log, segment, this.segmentSize, writtenOffset);
  }

  /**
   * Appends the spare as the next segment. Its name is durable only after the returned promise, which acknowledgements
   * of what is written to it must wait for.
   */
  appendSpare(base: number): { segment: LogSegment; named: Promise<void> } {
    const file = this.#spare;
    if (file === undefined) throw new MqError('INTERNAL', 'no spare segment');
    this.#spare = undefined;
    this.#filling?.stop();
    const segment = { base, file };
    this.#segments.push(segment);
    const { disk, directory } = this.#options;
    const named = this.#inOrder(async () => {
      await disk.rename(join(directory, SPARE_NAME), join(directory, segmentName(base)));
      await disk.syncDirectory(directory);
    });
    return { segment, named };
  }

  /**
   * Starts making the next spare unless there is one or it is being made. `usedShare` tells how much of the present
   * segment is used, 0 to 1: the spare must be ready before it is 1.
   */
  prepareSpare(usedShare: () => number): void {
    if (this.#spare !== undefined || this.#preparing !== undefined || this.#closed) return;
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    this.#preparing = this.#makeSpare(usedShare)
      .then(
        () => {
          if (this.#spareFault !== undefined)
            this.#options.log.info({}, 'there is room for the next log segment again');
          this.#spareFault = undefined;
        },
        (error: unknown) => {
          const reason = errorText(error);
          if (reason !== this.#spareFault) {
            this.#options.log.error(
              { reason },
              'the next log segment could not be prepared; it is tried again',
            );
          }
          this.#spareFault = reason;
          this.#retryTimer = this.#options.clock.setTimer(RETRY_MS, () => {
            this.prepareSpare(usedShare);
          });
        },
      )
      .finally(() => {
        this.#preparing = undefined;
      });
  }

  /** Gives up the segments behind `segment`: a crash left nothing of worth in them. */
  async removeBehind(segment: LogSegment): Promise<void> {
    for (let last = this.last; last !== undefined && last !== segment; last = this.last) {
      this.#segments.pop();
      const path = join(this.#options.directory, segmentName(last.base));
      await last.file.close();
      // One by one: a removal that survives a crash must not leave a gap before one that does not.
      await this.#inOrder(() => this.#remove(path));
    }
  }

  /** Gives up the oldest segment: it becomes the spare, or goes. */
  async removeFirst(): Promise<void> {
    const segment = this.#segments.shift();
    if (segment === undefined) return;
    const path = join(this.#options.directory, segmentName(segment.base));
    try {
      if (this.#spare === undefined && this.#preparing === undefined && !this.#closed) {
        await this.#recycle(segment, path);
      } else {
        await this.#inOrder(() => this.#remove(path));
        await segment.file.close();
      }
    } catch (error) {
      // Still there: taking the next one away would leave a gap.
      this.#segments.unshift(segment);
      throw error;
    }
  }

  async #recycle(segment: LogSegment, path: string): Promise<void> {
    const { disk, directory } = this.#options;
    this.#retryTimer?.cancel();
    const recycled = this.#inOrder(async () => {
      await disk.rename(path, join(directory, SPARE_NAME));
      await disk.syncDirectory(directory);
      this.#spareFault = undefined;
      this.#spare = segment.file;
    });
    // Nobody else may make a spare meanwhile: the two files would take each other's name.
    this.#preparing = recycled
      .catch(() => undefined)
      .finally(() => {
        this.#preparing = undefined;
      });
    await recycled;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#retryTimer?.cancel();
    this.#filling?.stop();
    this.#endPause?.();
    await this.#preparing;
    await this.#names.catch(() => undefined);
    for (const { file } of this.#segments) await file.close();
    await this.#spare?.close();
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#names.then(work);
    this.#names = done.catch(() => undefined);
    return done;
  }

  async #remove(path: string): Promise<void> {
    const { disk, directory } = this.#options;
    await disk.remove(path);
    await disk.syncDirectory(directory);
  }

  /** A spare of another size was left by a crash or another configuration; it is made anew. */
  #openSpare(): void {
    const { disk, directory } = this.#options;
    const file = disk.openSync(join(directory, SPARE_NAME), 'update');
    if (file.sizeSync() === this.segmentSize) this.#spare = file;
    else void file.close();
  }

  #openSegment(name: string): void {
    const { disk, directory } = this.#options;
    const file = disk.openSync(join(directory, name), 'update');
    const size = file.sizeSync();
    if (size !== this.segmentSize) {
      throw new MqError(
        'DATA_DAMAGED',
        `log segment ${name} has ${size} bytes instead of ${this.segmentSize}`,
        {
          hint: 'the segment size of an existing store can not be changed; a cut file must be restored from a backup',
        },
      );
    }
    this.#segments.push({ base: Number(name), file });
  }

  async #makeSpare(usedShare: () => number): Promise<void> {
    const { disk, directory } = this.#options;
    const preparing = join(directory, PREPARING_NAME);
    await disk.remove(preparing);
    await checkSpace(disk, directory, this.segmentSize);
    const file = disk.openSync(preparing, 'create');
    try {
      await this.#fill(file, usedShare);
      if (this.#closed) {
        await file.close();
        return;
      }
      await file.datasync();
      await this.#inOrder(async () => {
        await disk.rename(preparing, join(directory, SPARE_NAME));
        await disk.syncDirectory(directory);
        this.#spare = file;
      });
    } catch (error) {
      await file.close();
      // A part of a segment is of no use and may take the last of the disk.
      await disk.remove(preparing).catch(() => undefined);
      throw error;
    }
  }

  /** Pauses between the steps while the filling is well ahead of the log, and hurries when it is not. */
  async #fill(file: DiskFile, usedShare: () => number): Promise<void> {
    for (let at = 0; at < this.segmentSize && !this.#closed; at += FILL_STEP) {
      await fillWithZeros(file, at, Math.min(FILL_STEP, this.segmentSize - at));
      // One sync of a whole segment at the end would make the log's own syncs wait for as long.
      if ((at / FILL_STEP) % STEPS_PER_SYNC === STEPS_PER_SYNC - 1) await file.datasync();
      if (at / this.segmentSize > usedShare() * FILL_LEAD) await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.setTimer(FILL_PAUSE_MS, resolve);
      this.#endPause = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
