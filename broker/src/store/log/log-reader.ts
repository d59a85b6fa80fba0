import type { LogSegments } from './log-segments.ts';
import type { LogTail } from './log-tail.ts';

/** Reads bytes of the log: from memory near its end, else from the files. */
export class LogReader {
  readonly #segments: LogSegments;
  readonly #tail: LogTail;

  constructor(segments: LogSegments, tail: LogTail) {
    this.#segments = segments;
    this.#tail = tail;
  }

  isInMemory(offset: number, size: number): boolean {
    return this.#tail.find(offset, size) !== undefined;
  }

  /** Copies [offset, offset + size) to `target` at `at`. False when the log does not hold all of it (any more). */
  copySync(offset: number, size: number, target: Buffer, at: number): boolean {
    const chunk = this.#tail.find(offset, size);
    if (chunk !== undefined) {
      const start = offset - chunk.base;
      chunk.bytes.copy(target, at, start, start + size);
      return true;
    }
    const segment = this.#segments.find(offset);
    return segment !== undefined && segment.file.readSync(target, at, size, offset - segment.base) === size;
  }

  /** As `copySync`, reading files off the event loop. */
  async copy(offset: number, size: number, target: Buffer, at: number): Promise<boolean> {
    const segment = this.#segments.find(offset);
    if (segment === undefined || this.isInMemory(offset, size))
      return this.copySync(offset, size, target, at);
    return (await segment.file.read(target, at, size, offset - segment.base)) === size;
  }
}
