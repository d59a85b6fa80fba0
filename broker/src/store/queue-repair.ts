import { layoutRecord } from '@cometmq/common/message/message-decoder';
import { RecordField } from '@cometmq/common/message/record-layout';
import { errorText } from '@cometmq/common/error/mq-error';
import { getInt32, getInt64 } from './bytes.ts';
import type { DamageLedger } from './damage-ledger.ts';
import type { LogSegments } from './log/log-segments.ts';
import { LogWalker } from './log/log-walker.ts';
import { PropertyScan } from './property-scan.ts';
import {
  ENTRY_SIZE,
  HOLE_SIZE,
  entryPhysicalOffset,
  entryStoreTimestamp,
  isEntryIntact,
  writeEntry,
} from './queue/queue-entry.ts';
import type { StoreQueue } from './queue/store-queue.ts';
import type { TagsCodeRule } from './record-dispatcher.ts';
import { recordProperties } from './record-dispatcher.ts';

export interface QueueRepairParts {
  readonly damage: DamageLedger;
  readonly segments: LogSegments;
  /** True when the log has at a position what was written there. */
  readonly isIntact: (position: number) => boolean;
  readonly tagsCodeRule: TagsCodeRule;
  /** Topics that were deleted: records before the position belong to nobody. */
  readonly dropped: ReadonlyMap<string, number>;
  /** Where the readable part of the log ends. */
  readonly logEnd: () => number;
  /** Runs work while nobody else writes files of queues. */
  readonly exclusive: (work: () => Promise<void>) => Promise<void>;
}

/** Entries that one repair writes at most; a longer damaged stretch is repaired in steps. */
const REPAIR_MAX = 4_096;

/**
 * Makes entries of a queue's files that can't be read anew from the log, while everything else goes on. Readers wait at
 * the damaged entry meanwhile. A message that the log does not have either becomes a hole that readers step over.
 */
export class QueueRepair {
  readonly #parts: QueueRepairParts;
  readonly #running = new Set<StoreQueue>();

  constructor(parts: QueueRepairParts) {
    this.#parts = parts;
  }

  /** Starts a repair unless one of this queue is under way. */
  start(queue: StoreQueue, offset: number): void {
    if (this.#running.has(queue)) return;
    this.#running.add(queue);
    const { damage, exclusive } = this.#parts;
    const name = { topic: queue.topic, queueId: queue.queueId, queueOffset: offset };
    damage.log.error(name, 'an entry of a consume queue can not be read; making it anew from the log');
    exclusive(() => this.#repair(queue, offset))
      .catch((error: unknown) => {
        damage.log.error({ ...name, reason: errorText(error) }, 'a consume queue could not be repaired');
      })
      .finally(() => {
        this.#running.delete(queue);
        queue.wakeReaders();
      });
  }

  async #repair(queue: StoreQueue, from: number): Promise<void> {
    const { segments, dropped, logEnd, damage } = this.#parts;
    const wanted = Math.min(queue.flushedEnd - from, REPAIR_MAX);
    if (queue.isRemoved || wanted <= 0) return;
    const present = queue.entriesInFiles(from, wanted);
    let count = 0;
    while (count < wanted && !isIntact(present, count, from)) count++;
    if (count === 0) return;
    const before = queue.entriesInFiles(from - 1, 1);
    const isBeforeIntact = from > queue.min && isIntact(before, 0, from - 1);
    const logStart = Math.max(segments.first?.base ?? 0, dropped.get(queue.topic) ?? 0);
    const start = isBeforeIntact ? Math.max(logStart, entryPhysicalOffset(before, 0)) : logStart;
    const end = count < wanted ? entryPhysicalOffset(present, count * ENTRY_SIZE) : logEnd();
    const made = Buffer.alloc(count * ENTRY_SIZE);
    await this.#collect(queue, from, count, start, end, made);
    let position = start;
    let storeTimestamp = isBeforeIntact ? entryStoreTimestamp(before, 0) : 0;
    let holes = 0;
    for (let index = 0; index < count; index++) {
      const at = index * ENTRY_SIZE;
      if (isIntact(made, index, from)) {
        position = entryPhysicalOffset(made, at);
        storeTimestamp = entryStoreTimestamp(made, at);
      } else {
        // Between its neighbours, so that searches by position and time still find their way.
        writeEntry(made, at, from + index, position, HOLE_SIZE, 0, storeTimestamp);
        holes++;
      }
    }
    await queue.repair(made, from);
    damage.repaired(count - holes);
    damage.holes(holes);
  }

  /** Writes the entries that the log tells into `made`; the others stay as they are. */
  async #collect(
    queue: StoreQueue,
    from: number,
    count: number,
    start: number,
    end: number,
    made: Buffer,
  ): Promise<void> {
    const { segments, tagsCodeRule, isIntact: isLogIntact } = this.#parts;
    const scan = new PropertyScan();
    for await (const { physicalOffset, bytes } of new LogWalker(segments).records(start, end)) {
      const index = getInt64(bytes, RecordField.QUEUE_OFFSET) - from;
      if (index < 0 || index >= count || getInt32(bytes, RecordField.QUEUE_ID) !== queue.queueId) continue;
      const layout = layoutRecord(bytes, 0, bytes.length);
      const topic = bytes.toString('utf8', layout.topicAt, layout.topicAt + layout.topicSize);
      if (topic !== queue.topic || !isLogIntact(physicalOffset)) continue;
      const storeTimestamp = getInt64(bytes, layout.storeTimestampAt);
      scan.scan(bytes, layout.propertiesAt, layout.propertiesAt + layout.propertiesSize);
      const properties = (): ReadonlyMap<string, string> => recordProperties(bytes, layout);
      const rule = tagsCodeRule(topic, queue.queueId, storeTimestamp, properties);
      const tagsCode = rule ?? scan.tagsCode(bytes);
      writeEntry(
        made,
        index * ENTRY_SIZE,
        from + index,
        physicalOffset,
        bytes.length,
        tagsCode,
        storeTimestamp,
      );
    }
  }
}

function isIntact(entries: Buffer, index: number, from: number): boolean {
  const at = index * ENTRY_SIZE;
  return entries.length >= at + ENTRY_SIZE && isEntryIntact(entries, at, from + index);
}
