import type { DiskFile } from '@cometmq/common/disk/disk';

/** One file of the log. */
export interface LogSegment {
  readonly base: number;
  readonly file: DiskFile;
}

/** The files of a log for those who only read. */
export interface SegmentSource {
  readonly segmentSize: number;
  find(offset: number): LogSegment | undefined;
}
