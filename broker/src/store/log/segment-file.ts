import type { Disk, DiskFile } from '@cometmq/common/disk/disk';
import { MqError } from '@cometmq/common/error/mq-error';

/** Zeros are written in steps of this size, so that a flush never waits long behind them. */
export const FILL_STEP = 1024 * 1024;
export const ZEROS = Buffer.alloc(FILL_STEP);
/** Room that a new segment leaves for queues, index and settings; a smaller share for small segments. */
const RESERVE_MAX = 64 * 1024 * 1024;

/** A segment's file is named by the log position of its first byte. */
export function segmentName(base: number): string {
  return String(base).padStart(20, '0');
}

/** Matches the names of segments, and those of queue files. */
export const POSITION_NAME = /^\d{20}$/;

export async function fillWithZeros(file: DiskFile, from: number, size: number): Promise<void> {
  for (let done = 0; done < size; done += FILL_STEP) {
    await file.write(ZEROS, 0, Math.min(FILL_STEP, size - done), from + done);
  }
}

/** @throws MqError `SERVICE_NOT_AVAILABLE` when a further segment would fill the disk. */
export async function checkSpace(disk: Disk, directory: string, segmentSize: number): Promise<void> {
  const { freeBytes } = await disk.space(directory);
  const needed = segmentSize + Math.min(RESERVE_MAX, segmentSize / 4);
  if (freeBytes >= needed) return;
  throw new MqError(
    'SERVICE_NOT_AVAILABLE',
    `a log segment needs ${mebibytes(needed)} MiB and the disk of ${directory} has ${mebibytes(freeBytes)} MiB left`,
    { hint: 'free disk space, or choose a smaller segment size for a new store' },
  );
}

function mebibytes(bytes: number): string {
  return (bytes / (1024 * 1024)).toFixed(1);
}
