import { layoutRecord } from '@cometmq/common/message/message-decoder';
import { RECORD_SIZE_MIN, RecordField } from '@cometmq/common/message/record-layout';
import { getInt32, getInt64 } from './bytes.ts';
import type { DamageLedger } from './damage-ledger.ts';
import type { DamagedRange } from './log/log-recovery.ts';
import type { LogSegments } from './log/log-segments.ts';
import { LogWalker } from './log/log-walker.ts';
import type { QueueTable } from './queue/queue-table.ts';
import type { StoreQueue } from './queue/store-queue.ts';

/** An entry that a queue's files had before recovery. */
export interface KnownEntry {
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly physicalOffset: number;
}

export interface KeptEndsParts {
  readonly segments: LogSegments;
  readonly queues: QueueTable;
  readonly damage: DamageLedger;
  /** Topics that were deleted: records before the position belong to nobody. */
  readonly dropped: ReadonlyMap<string, number>;
  /** Newest store time of the log, ms. */
  readonly storeTimestamp: number;
}

/**
 * Keeps offsets from being given twice when damage took a queue's newest messages: a consumer that has read them would
 * never get the new ones. Two witnesses tell how far the queue had counted: entries that its files had, and records in
 * the damaged range that still look like records of this queue. The latter may be wrong in any byte, but all that they
 * can cause is holes, and not more of them than messages had room in the range.
 */
export async function keepEnds(
  parts: KeptEndsParts,
  damaged: readonly DamagedRange[],
  known: readonly KnownEntry[],
): Promise<void> {
  for (const range of damaged) {
    for (const entry of known) if (isIn(range, entry.physicalOffset)) keepKnown(parts, entry);
    await keepLegible(parts, range);
  }
}

function keepKnown(parts: KeptEndsParts, { topic, queueId, queueOffset, physicalOffset }: KnownEntry): void {
  if (physicalOffset < (parts.dropped.get(topic) ?? 0)) return;
  const queue = parts.queues.get(topic, queueId);
  if (queue.assigned > queueOffset) return;
  // A queue without any message is like one whose messages expired.
  if (queue.assigned === queue.min) queue.beginAt(queueOffset + 1);
  else fill(parts, queue, queueOffset + 1, physicalOffset);
}

async function keepLegible(parts: KeptEndsParts, { start, end }: DamagedRange): Promise<void> {
  const newest = new Map<StoreQueue, { offset: number; position: number }>();
  const messagesMax = Math.ceil((end - start) / RECORD_SIZE_MIN);
  for await (const { physicalOffset, bytes } of new LogWalker(parts.segments).records(start, end)) {
    const queue = queueOf(parts, bytes, physicalOffset);
    const offset = getInt64(bytes, RecordField.QUEUE_OFFSET);
    if (queue === undefined || offset < queue.assigned || offset >= queue.assigned + messagesMax) continue;
    if (offset > (newest.get(queue)?.offset ?? -1)) newest.set(queue, { offset, position: physicalOffset });
  }
  for (const [queue, { offset, position }] of newest) fill(parts, queue, offset + 1, position);
}

/** The queue that a record names, if there is one: what can't be trusted makes no new ones. */
function queueOf(parts: KeptEndsParts, bytes: Buffer, position: number): StoreQueue | undefined {
  try {
    const { topicAt, topicSize } = layoutRecord(bytes, 0, bytes.length);
    const topic = bytes.toString('utf8', topicAt, topicAt + topicSize);
    if (position < (parts.dropped.get(topic) ?? 0)) return undefined;
    return parts.queues.find(topic, getInt32(bytes, RecordField.QUEUE_ID));
  } catch {
    return undefined;
  }
}

function fill(parts: KeptEndsParts, queue: StoreQueue, end: number, position: number): void {
  parts.damage.holes(queue.fillWithHoles(end, position, parts.storeTimestamp));
}

function isIn({ start, end }: DamagedRange, position: number): boolean {
  return position >= start && position < end;
}
