import type { DamageLedger } from '../damage-ledger.ts';
import { FrameCheck } from './frame-check.ts';
import type { LogSegment } from './log-segment.ts';
import type { LogSegments } from './log-segments.ts';
import type { LogTail } from './log-tail.ts';

/** Reads bytes of the log: from memory near its end, else from the files, and then only what has its checksum. */
export class LogReader {
  readonly #segments: LogSegments;
  readonly #tail: LogTail;
  readonly #check: FrameCheck;
  readonly #damage: DamageLedger;

  constructor(segments: LogSegments, tail: LogTail, damage: DamageLedger) {
    this.#segments = segments;
    this.#tail = tail;
    this.#damage = damage;
    this.#check = new FrameCheck(segments.segmentSize, damage);
  }

  isInMemory(offset: number, size: number): boolean {
    return this.#tail.find(offset, size) !== undefined;
  }

  /**
   * Copies [offset, offset + size), which begins inside a frame, to `target` at `at`. False when the log does not hold
   * all of it (any more), or it is damaged.
   */
  copySync(offset: number, size: number, target: Buffer, at: number): boolean {
    const chunk = this.#tail.find(offset, size);
    if (chunk !== undefined) {
      const start = offset - chunk.base;
      chunk.bytes.copy(target, at, start, start + size);
      return true;
    }
    const segment = this.#segments.find(offset);
    if (segment === undefined || !this.#isIntact(segment, offset)) return false;
    return segment.file.readSync(target, at, size, offset - segment.base) === size;
  }

  /** As `copySync`, reading files off the event loop. */
  async copy(offset: number, size: number, target: Buffer, at: number): Promise<boolean> {
    const segment = this.#segments.find(offset);
    if (segment === undefined || this.isInMemory(offset, size))
      return this.copySync(offset, size, target, at);
    // Both reads go to the page cache; the check is first, so that it and not the copy meets an unreadable sector.
    if (!this.#isIntact(segment, offset)) return false;
    return (await segment.file.read(target, at, size, offset - segment.base)) === size;
  }

  /** True when what the files have at a log position is what was written. */
  isIntact(offset: number): boolean {
    const segment = this.#segments.find(offset);
    return segment !== undefined && this.#check.isIntact(segment, offset);
  }

  #isIntact(segment: LogSegment, offset: number): boolean {
    if (this.#check.isIntact(segment, offset)) return true;
    this.#damage.message(offset);
    return false;
  }
}
