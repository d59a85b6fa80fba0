import { ENTRY_SIZE, entryPhysicalOffset, entrySize, entryTagsCode } from './queue/queue-entry.ts';
import type { StoreQueue } from './queue/store-queue.ts';
import type { RecordScan } from './record-scan.ts';

/** What a read found (Java: GetMessageStatus). */
export type ReadStatus =
  | 'FOUND'
  | 'NO_MATCHED_MESSAGE'
  | 'MESSAGE_WAS_REMOVING'
  | 'OFFSET_FOUND_NULL'
  | 'OFFSET_OVERFLOW_ONE'
  | 'OFFSET_OVERFLOW_BADLY'
  | 'OFFSET_TOO_SMALL'
  | 'NO_MATCHED_LOGIC_QUEUE'
  | 'NO_MESSAGE_IN_QUEUE';

/** Decides on a message by the tags code of its queue entry. */
export type EntryFilter = (tagsCode: number) => boolean;

/** Which records of the log answer a read. */
export interface ReadPlan {
  readonly status: ReadStatus;
  /** Where to read on. */
  readonly nextOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  /** Log positions and sizes of the records, in order. */
  readonly offsets: readonly number[];
  readonly sizes: readonly number[];
  readonly totalSize: number;
}

/** Entries that one read looks at (Java: maxFilterMessageSize / 20). */
const SCAN_ENTRIES_MAX = 800;

/**
 * Chooses up to `countMax` matching messages from `offset` on, together not larger than `sizeMax` except for the first
 * one, which is always taken. `logStart` is the oldest position that the log still has. `records` looks at the messages
 * themselves; when its budget is spent, the read ends with what it has, perhaps nothing, and goes on behind that.
 */
export function planRead(
  queue: StoreQueue | undefined,
  offset: number,
  countMax: number,
  sizeMax: number,
  filter: EntryFilter | undefined,
  logStart: number,
  records?: RecordScan,
): ReadPlan {
  if (queue === undefined) return nothing('NO_MATCHED_LOGIC_QUEUE', 0, 0, 0);
  const { min, max } = queue;
  if (max === 0) return nothing('NO_MESSAGE_IN_QUEUE', 0, min, max);
  if (offset < min) return nothing('OFFSET_TOO_SMALL', min, min, max);
  if (offset === max) return nothing('OFFSET_OVERFLOW_ONE', offset, min, max);
  if (offset > max) return nothing('OFFSET_OVERFLOW_BADLY', max, min, max);
  const isFiltered = filter !== undefined || records !== undefined;
  const scanMax = isFiltered ? Math.max(SCAN_ENTRIES_MAX, countMax) : countMax;
  const view = queue.view(offset, scanMax);
  if (view.count === 0) return nothing('OFFSET_FOUND_NULL', offset, min, max);
  const offsets: number[] = [];
  const sizes: number[] = [];
  let totalSize = 0;
  let scanned = 0;
  let removed = false;
  for (; scanned < view.count && offsets.length < countMax; scanned++) {
    const at = view.at + scanned * ENTRY_SIZE;
    const size = entrySize(view.bytes, at);
    if (size < 0 || (filter !== undefined && !filter(entryTagsCode(view.bytes, at)))) continue;
    const physicalOffset = entryPhysicalOffset(view.bytes, at);
    if (physicalOffset < logStart) {
      removed = true;
      continue;
    }
    if (records !== undefined) {
      if (records.isSpent) break;
      if (!records.matches(physicalOffset, size)) continue;
    }
    if (offsets.length > 0 && totalSize + size > sizeMax) break;
    offsets.push(physicalOffset);
    sizes.push(size);
    totalSize += size;
  }
  const nextOffset = offset + scanned;
  if (offsets.length > 0)
    return { status: 'FOUND', nextOffset, minOffset: min, maxOffset: max, offsets, sizes, totalSize };
  return nothing(removed ? 'MESSAGE_WAS_REMOVING' : 'NO_MATCHED_MESSAGE', nextOffset, min, max);
}

function nothing(status: ReadStatus, nextOffset: number, minOffset: number, maxOffset: number): ReadPlan {
  return { status, nextOffset, minOffset, maxOffset, offsets: [], sizes: [], totalSize: 0 };
}
