import { join } from 'node:path';
import type { Clock } from '@cometmq/common/clock/clock';
import type { Disk, DiskFile } from '@cometmq/common/disk/disk';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';

/** One file of the log. */
export interface LogSegment {
  readonly base: number;
  readonly file: DiskFile;
}

export interface LogSegmentsOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
  readonly directory: string;
  /** Multiple of the frame alignment. */
  readonly segmentSize: number;
}

/** Zeros are written in steps of this size, so that a flush never waits long behind them. */
const FILL_STEP = 1024 * 1024;
/** Steps that block the event loop are smaller: about 0.1 ms each. */
const FILL_AHEAD_STEP = 256 * 1024;
const FILL_PAUSE_MS = 2;
const SPARE_NAME = 'spare';
const PREPARING_NAME = 'spare.preparing';
const SPARE_RETRY_MS = 1_000;

/**
 * The files of the log, all of one size and named by the log position of their first byte. Blocks that really were
 * written are overwritten one and a half times faster than a file grows, so the next segment is made and filled with
 * zeros (or recycled from an expired one) before it is needed.
 */
export class LogSegments {
  readonly segmentSize: number;
  readonly #options: LogSegmentsOptions;
  readonly #segments: LogSegment[] = [];
  #spare: DiskFile | undefined;
  #preparing: Promise<void> | undefined;
  #closed = false;
  /** Why the next segment can't be made now, for example a full disk. */
  #spareFault: string | undefined;

  constructor(options: LogSegmentsOptions) {
    this.#options = options;
    this.segmentSize = options.segmentSize;
  }

  /** @throws MqError `DATA_DAMAGED` for a file that is not a segment, so that nothing is ever taken for garbage. */
  open(): void {
    const { disk, directory } = this.#options;
    disk.makeDirectorySync(directory);
    for (const name of disk.listSync(directory)) {
      if (name === SPARE_NAME) this.#spare = disk.openSync(join(directory, name), 'update');
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

  /** True when the log can go on in a further segment at once. */
  get spareReady(): boolean {
    return this.#spare !== undefined;
  }

  get spareFault(): string | undefined {
    return this.#spareFault;
  }

  /** Makes the very first segment. It is zero-filled only so far as to start quickly; the rest follows. */
  async createFirst(base: number, filledSize: number): Promise<LogSegment> {
    const { disk, directory } = this.#options;
    const file = disk.openSync(join(directory, segmentName(base)), 'create');
    await file.truncate(this.segmentSize);
    await fillWithZeros(file, 0, Math.min(filledSize, this.segmentSize));
    await file.datasync();
    await disk.syncDirectory(directory);
    const segment = { base, file };
    this.#segments.push(segment);
    return segment;
  }

  /**
   * Fills the rest of the first segment with zeros in small steps ahead of the log. The writes are synchronous: only so
   * can none of them land on what was appended meanwhile.
   */
  fillAhead(segment: LogSegment, writtenOffset: () => number): void {
    let filled = 0;
    const step = (): void => {
      const used = Math.ceil((writtenOffset() - segment.base) / FILL_AHEAD_STEP) * FILL_AHEAD_STEP;
      filled = Math.max(filled, used);
      if (this.#closed || filled >= this.segmentSize || this.last !== segment) return;
      try {
        segment.file.writeSync(ZEROS, 0, Math.min(FILL_AHEAD_STEP, this.segmentSize - filled), filled);
      } catch (error) {
        this.#options.log.warn({ reason: errorText(error) }, 'the log segment could not be filled ahead');
        return;
      }
      filled += FILL_AHEAD_STEP;
      this.#options.clock.setTimer(FILL_PAUSE_MS, step);
    };
    step();
  }

  /**
   * Appends the spare as the next segment. Its name is durable only after the returned promise, which acknowledgements
   * of what is written to it must wait for.
   */
  appendSpare(base: number): { segment: LogSegment; named: Promise<void> } {
    const file = this.#spare;
    if (file === undefined) throw new MqError('INTERNAL', 'no spare segment');
    this.#spare = undefined;
    const segment = { base, file };
    this.#segments.push(segment);
    const { disk, directory } = this.#options;
    const named = disk
      .rename(join(directory, SPARE_NAME), join(directory, segmentName(base)))
      .then(() => disk.syncDirectory(directory));
    return { segment, named };
  }

  /** Starts making the next spare unless there is one or it is being made. */
  prepareSpare(): void {
    if (this.#spare !== undefined || this.#preparing !== undefined || this.#closed) return;
    this.#preparing = this.#makeSpare()
      .then(
        () => {
          this.#spareFault = undefined;
        },
        (error: unknown) => {
          this.#spareFault = errorText(error);
          this.#options.log.error({ reason: this.#spareFault }, 'the next log segment could not be prepared');
          this.#options.clock.setTimer(SPARE_RETRY_MS, () => {
            this.prepareSpare();
          });
        },
      )
      .finally(() => {
        this.#preparing = undefined;
      });
  }

  /** Gives up the segments behind `segment`: a crash left nothing of worth in them. */
  async removeBehind(segment: LogSegment): Promise<void> {
    const { disk, directory } = this.#options;
    for (let last = this.last; last !== undefined && last !== segment; last = this.last) {
      this.#segments.pop();
      await last.file.close();
      await disk.remove(join(directory, segmentName(last.base)));
    }
    await disk.syncDirectory(directory);
  }

  /** Gives up the oldest segment: it becomes the spare, or goes. */
  async removeFirst(): Promise<void> {
    const { disk, directory } = this.#options;
    const segment = this.#segments.shift();
    if (segment === undefined) return;
    const path = join(directory, segmentName(segment.base));
    if (this.#spare === undefined && this.#preparing === undefined) {
      await disk.rename(path, join(directory, SPARE_NAME));
      this.#spare = segment.file;
    } else {
      await segment.file.close();
      await disk.remove(path);
    }
    await disk.syncDirectory(directory);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#preparing;
    for (const { file } of this.#segments) await file.close();
    await this.#spare?.close();
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

  async #makeSpare(): Promise<void> {
    const { disk, directory, clock } = this.#options;
    const preparing = join(directory, PREPARING_NAME);
    await disk.remove(preparing);
    const file = disk.openSync(preparing, 'create');
    for (let at = 0; at < this.segmentSize && !this.#closed; at += FILL_STEP) {
      await fillWithZeros(file, at, Math.min(FILL_STEP, this.segmentSize - at));
      await new Promise<void>((resolve) => {
        clock.setTimer(FILL_PAUSE_MS, resolve);
      });
    }
    if (this.#closed) {
      await file.close();
      return;
    }
    await file.datasync();
    await disk.rename(preparing, join(directory, SPARE_NAME));
    await disk.syncDirectory(directory);
    this.#spare = file;
  }
}

export function segmentName(base: number): string {
  return String(base).padStart(20, '0');
}

const ZEROS = Buffer.alloc(FILL_STEP);

async function fillWithZeros(file: DiskFile, from: number, size: number): Promise<void> {
  for (let done = 0; done < size; done += FILL_STEP) {
    await file.write(ZEROS, 0, Math.min(FILL_STEP, size - done), from + done);
  }
}
