import { join } from 'node:path';
import type { Disk, DiskFile } from '@cometmq/common/disk/disk';
import type { LogEnd } from '../log/commit-log.ts';
import { readSlots } from '../checkpoint.ts';
import type { CheckpointState } from '../checkpoint.ts';
import type { LogSegment, SegmentSource } from '../log/log-segment.ts';
import { POSITION_NAME, segmentName } from '../log/segment-file.ts';
import { readFileSync } from '@cometmq/common/disk/atomic-file';

/** A damaged or missing stretch of a file. */
export interface StoreFinding {
  readonly file: string;
  /** First damaged byte. */
  readonly offset: number;
  readonly length: number;
  /** What is wrong and what it means. */
  readonly problem: string;
}

/** A log's files opened for reading only. */
export class ReadOnlySegments implements SegmentSource {
  readonly segmentSize: number;
  readonly findings: StoreFinding[] = [];
  readonly #segments: LogSegment[] = [];

  readonly #directory: string;

  constructor(disk: Disk, directory: string) {
    const log = (this.#directory = join(directory, 'commitlog'));
    let segmentSize = 0;
    for (const name of disk.listSync(log)) {
      const path = join(log, name);
      if (name === 'spare') segmentSize = Math.max(segmentSize, sizeOf(disk, path));
      if (!POSITION_NAME.test(name)) continue;
      const segment = { base: Number(name), file: disk.openSync(path, 'read') };
      const size = segment.file.sizeSync();
      segmentSize = Math.max(segmentSize, size);
      this.#segments.push(segment);
    }
    this.segmentSize = segmentSize;
    for (const segment of this.#segments) this.#check(segment);
  }

  get start(): number {
    return this.#segments[0]?.base ?? 0;
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0;
  }

  find(offset: number): LogSegment | undefined {
    return this.#segments.find(({ base }) => offset >= base && offset < base + this.segmentSize);
  }

  /** Names a range of the log by file; one part for each file that it lies in. */
  *locate(start: number, end: number): Generator<{ file: string; offset: number; length: number }> {
    for (let at = start; at < end;) {
      const segment = this.find(at);
      const base = segment?.base ?? at - ((at - this.start) % this.segmentSize);
      const partEnd = Math.min(end, base + this.segmentSize);
      yield { file: this.#path(base), offset: at - base, length: partEnd - at };
      at = partEnd;
    }
  }

  async close(): Promise<void> {
    for (const { file } of this.#segments) await file.close();
  }

  #path(base: number): string {
    return join(this.#directory, segmentName(base));
  }

  #check(segment: LogSegment): void {
    const file = this.#path(segment.base);
    const size = segment.file.sizeSync();
    if (size < this.segmentSize) {
      const length = this.segmentSize - size;
      this.findings.push({
        file,
        offset: size,
        length,
        problem: 'the file is cut; the broker refuses to start',
      });
    }
    const before = this.#segments[this.#segments.indexOf(segment) - 1];
    const expected = before === undefined ? segment.base : before.base + this.segmentSize;
    for (let base = expected; base < segment.base; base += this.segmentSize) {
      const problem = 'the file is missing; the broker refuses to start';
      this.findings.push({ file: this.#path(base), offset: 0, length: this.segmentSize, problem });
    }
  }
}

/** What the log says of the queues. */
export interface VerifiedLog {
  readonly segments: ReadOnlySegments;
  readonly end: number;
  /** Newest queue offset by `topic/queueId` among records before the checkpoint. */
  readonly newest: ReadonlyMap<string, number>;
}

/** What the checkpoint file says, without changing it. */
export function readCheckpoint(disk: Disk, directory: string): CheckpointState | undefined {
  const bytes = readFileSync(disk, join(directory, 'checkpoint'));
  return bytes === undefined ? undefined : readSlots(bytes)[1]?.state;
}

/** Up to where the log must be there. */
export function durableEnd(checkpoint: CheckpointState | undefined): LogEnd {
  return { offset: checkpoint?.logOffset ?? 0, link: checkpoint?.link ?? 0 };
}

function sizeOf(disk: Disk, path: string): number {
  const file = disk.openSync(path, 'read');
  const size = file.sizeSync();
  void file.close();
  return size;
}

/** Works with a file that is open for reading. */
export async function withFile<T>(
  disk: Disk,
  path: string,
  work: (file: DiskFile) => Promise<T> | T,
): Promise<T> {
  const file = disk.openSync(path, 'read');
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
