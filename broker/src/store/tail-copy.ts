import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { readFileSync, writeFileAtomic } from '@cometmq/common/disk/atomic-file';
import type { Disk, DiskFile } from '@cometmq/common/disk/disk';
import { getInt32, getInt64, getUint32, putInt32, putInt64 } from './bytes.ts';
import type { LogSegments } from './log/log-segments.ts';

const FILE_NAME = 'tail-copy';
const MAGIC = 0x434d5443; // "CMTC"
const HEADER_SIZE = 16;
/** Renewed at once. */
const PIECE_BYTES = 16 * 1024 * 1024;

/**
 * Writes the end of the log anew, byte by byte the same. After a sync that failed the system takes its pages for clean:
 * they can be read, and the next sync succeeds without having written them. Some of what is renewed was acknowledged, so
 * that a torn write must not touch the only copy: a second one lies beside the log meanwhile.
 */
export class TailCopy {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #segments: LogSegments;

  constructor(disk: Disk, directory: string, segments: LogSegments) {
    this.#disk = disk;
    this.#path = join(directory, FILE_NAME);
    this.#segments = segments;
  }

  /** Ends a renewal that a crash interrupted. */
  async restore(): Promise<void> {
    const copy = readFileSync(this.#disk, this.#path);
    if (copy === undefined) return;
    if (isIntact(copy)) {
      // Only its content was durable when it got its name.
      await this.#disk.syncDirectory(dirname(this.#path));
      const position = getInt64(copy, 8);
      this.#write(copy, position);
      await this.#segments.sync(position);
    }
    await this.#remove();
  }

  /** Makes the log from `from` to `end` durable, whatever the system believes of it. */
  async renew(from: number, end: number): Promise<void> {
    for (let at = from; at < end; at += PIECE_BYTES) {
      const copy = this.#read(at, Math.min(PIECE_BYTES, end - at));
      await writeFileAtomic(this.#disk, this.#path, copy);
      this.#write(copy, at);
      await this.#segments.sync(at);
      await this.#remove();
    }
  }

  #read(position: number, size: number): Buffer {
    const copy = Buffer.alloc(HEADER_SIZE + size);
    this.#inSegments(position, size, (file, at, done, length) => {
      file.readSync(copy, HEADER_SIZE + done, length, at);
    });
    putInt32(copy, 0, MAGIC);
    putInt64(copy, 8, position);
    putInt32(copy, 4, crc32(copy.subarray(8)));
    return copy;
  }

  #write(copy: Buffer, position: number): void {
    this.#inSegments(position, copy.length - HEADER_SIZE, (file, at, done, length) => {
      file.writeSync(copy, HEADER_SIZE + done, length, at);
    });
  }

  /** Calls `part` for what lies in each segment: its file and the place in it, how much came before, and its length. */
  #inSegments(
    position: number,
    size: number,
    part: (file: DiskFile, at: number, done: number, length: number) => void,
  ): void {
    const { segmentSize } = this.#segments;
    for (let done = 0; done < size;) {
      const segment = this.#segments.find(position + done);
      if (segment === undefined) return;
      const at = position + done - segment.base;
      const length = Math.min(size - done, segmentSize - at);
      part(segment.file, at, done, length);
      done += length;
    }
  }

  async #remove(): Promise<void> {
    await this.#disk.remove(this.#path);
    await this.#disk.syncDirectory(dirname(this.#path));
  }
}

/** One that was torn was never used. */
function isIntact(copy: Buffer): boolean {
  if (copy.length < HEADER_SIZE || getInt32(copy, 0) !== MAGIC) return false;
  return getUint32(copy, 4) === crc32(copy.subarray(8));
}
