import { ENTRY_SIZE, entryPhysicalOffset, entrySize, entryTagsCode } from '../store/queue/queue-entry.ts';
import type { StoreQueue } from '../store/queue/store-queue.ts';
import type { EntryFilter } from '../store/read-plan.ts';
import type { RecordScan } from '../store/record-scan.ts';

/** Entries that one look at a queue goes through (Java: maxFilterMessageSize / 20). */
const SCAN_ENTRIES_MAX = 800;

/** A message that can be handed out. */
export interface FoundMessage {
  readonly offset: number;
  readonly physicalOffset: number;
  readonly size: number;
}

export interface QueueLook {
  readonly found: readonly FoundMessage[];
  /** Where the next look begins. */
  readonly nextOffset: number;
  readonly bytes: number;
}

export interface LookLimits {
  readonly countMax: number;
  /** Together; the first message is taken whatever its size. */
  readonly bytesMax: number;
  /** Offsets from here on are left for later. */
  readonly end: number;
}

export interface LookFilter {
  readonly entries: EntryFilter | undefined;
  readonly records: RecordScan | undefined;
  /** Offsets that were acknowledged already. */
  readonly done: ReadonlySet<number>;
}

/** Looks through a queue from `from` on for messages to hand out. */
export function lookThrough(
  queue: StoreQueue,
  from: number,
  limits: LookLimits,
  filter: LookFilter,
  logStart: number,
): QueueLook {
  const found: FoundMessage[] = [];
  const start = Math.max(from, queue.min);
  let next = start;
  let bytes = 0;
  let isFull = false;
  // Entries are in files and in memory; one view shows one of them.
  while (!isFull && next < limits.end && next - start < SCAN_ENTRIES_MAX) {
    const view = queue.view(next, Math.min(SCAN_ENTRIES_MAX, limits.end - next));
    if (view.count === 0) break;
    const begin = next;
    for (; next - begin < view.count && !isFull; next++) {
      const at = view.at + (next - begin) * ENTRY_SIZE;
      const size = entrySize(view.bytes, at);
      if (size < 0 || filter.done.has(next)) continue;
      if (filter.entries?.(entryTagsCode(view.bytes, at)) === false) continue;
      const physicalOffset = entryPhysicalOffset(view.bytes, at);
      if (physicalOffset < logStart) continue;
      if (filter.records?.isSpent === true || (found.length > 0 && bytes + size > limits.bytesMax)) {
        return { found, nextOffset: next, bytes };
      }
      if (filter.records?.matches(physicalOffset, size) === false) continue;
      found.push({ offset: next, physicalOffset, size });
      bytes += size;
      isFull = found.length >= limits.countMax;
    }
  }
  return { found, nextOffset: next, bytes };
}

/** Where one message of a queue is in the log, or undefined when it is gone. */
export function placeOf(queue: StoreQueue | undefined, offset: number): FoundMessage | undefined {
  if (queue === undefined || offset < queue.min || offset >= queue.max) return undefined;
  const view = queue.view(offset, 1);
  const size = view.count === 0 ? -1 : entrySize(view.bytes, view.at);
  if (size < 0) return undefined;
  return { offset, physicalOffset: entryPhysicalOffset(view.bytes, view.at), size };
}
