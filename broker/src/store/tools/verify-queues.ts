import { join } from 'node:path';
import type { Disk } from '@cometmq/common/disk/disk';
import { layoutRecord } from '@cometmq/common/message/message-decoder';
import { RecordField } from '@cometmq/common/message/record-layout';
import { errorText } from '@cometmq/common/error/mq-error';
import { getInt32, getInt64 } from '../bytes.ts';
import type { CheckpointState } from '../checkpoint.ts';
import { POSITION_NAME } from '../log/segment-file.ts';
import {
  ENTRY_SIZE,
  entryPhysicalOffset,
  entrySize,
  entryStoreTimestamp,
  isEntryIntact,
} from '../queue/queue-entry.ts';
import type { StoreFinding, VerifiedLog } from './store-files.ts';
import { withFile } from './store-files.ts';

const BLOCK_ENTRIES = 1024;
const REBUILT = 'the next start makes it anew from the log';

/** Checks the entries of all queues, each against the record that it leads to. */
export async function* verifyQueues(
  disk: Disk,
  directory: string,
  log: VerifiedLog,
  checkpoint: CheckpointState | undefined,
  dropped: ReadonlyMap<string, number>,
): AsyncGenerator<StoreFinding> {
  const root = join(directory, 'consumequeue');
  const missing = new Map(log.newest);
  const starts: { file: string; start: number; oldest: number }[] = [];
  for (const topic of disk.listSync(root)) {
    for (const queueId of disk.listSync(join(root, topic))) {
      const queue = new QueueVerifier(disk, log, topic, Number(queueId), dropped.get(topic) ?? 0, checkpoint);
      const names = disk.listSync(join(root, topic, queueId)).filter((name) => POSITION_NAME.test(name));
      for (const [index, base] of names.entries()) {
        const path = join(root, topic, queueId, base);
        yield* queue.file(path, Number(base));
        const next = names[index + 1];
        if (next !== undefined && queue.end < Number(next)) {
          const offset = (queue.end - Number(base)) * ENTRY_SIZE;
          const length = (Number(next) - queue.end) * ENTRY_SIZE;
          yield {
            file: path,
            offset,
            length,
            problem: `entries ${queue.end} to ${next} are missing; ${REBUILT}`,
          };
        }
      }
      starts.push({ file: join(root, topic, queueId), start: Number(names[0] ?? 0), oldest: queue.oldest });
      const name = `${topic}/${queueId}`;
      const newest = missing.get(name);
      if (newest === undefined || queue.end > newest) missing.delete(name);
    }
  }
  const sum = starts.reduce((total, { start }) => total + start, 0);
  for (const { file, start, oldest } of sum === (checkpoint?.queueStarts ?? sum) ? [] : starts) {
    if (start > 0 && oldest >= log.segments.start)
      yield { file, offset: 0, length: 0, problem: `the queue lacks entries before ${start}; ${REBUILT}` };
  }
  for (const [name, newest] of missing) {
    const problem = `the queue lacks entries up to ${newest}; ${REBUILT}`;
    yield { file: join(root, name), offset: 0, length: 0, problem };
  }
}

class QueueVerifier {
  readonly #disk: Disk;
  readonly #log: VerifiedLog;
  readonly #topic: string;
  readonly #queueId: number;
  readonly #droppedBefore: number;
  readonly #checkpoint: CheckpointState | undefined;
  #record = Buffer.alloc(4096);
  /** Queue offset behind the last entry that was seen. */
  end = 0;
  /** Log position of the oldest entry. */
  oldest = Infinity;

  constructor(
    disk: Disk,
    log: VerifiedLog,
    topic: string,
    queueId: number,
    droppedBefore: number,
    checkpoint: CheckpointState | undefined,
  ) {
    this.#disk = disk;
    this.#log = log;
    this.#topic = topic;
    this.#queueId = queueId;
    this.#droppedBefore = droppedBefore;
    this.#checkpoint = checkpoint;
  }

  async *file(path: string, base: number): AsyncGenerator<StoreFinding> {
    const findings = await withFile(this.#disk, path, async (file) => {
      const found: StoreFinding[] = [];
      const count = Math.floor(file.sizeSync() / ENTRY_SIZE);
      const block = Buffer.alloc(BLOCK_ENTRIES * ENTRY_SIZE);
      for (let first = 0; first < count; first += BLOCK_ENTRIES) {
        const read = Math.min(BLOCK_ENTRIES, count - first);
        await file.read(block, 0, read * ENTRY_SIZE, first * ENTRY_SIZE);
        for (let index = 0; index < read; index++) {
          const problem = this.#fault(block, index * ENTRY_SIZE, base + first + index);
          if (problem === undefined) continue;
          found.push({ file: path, offset: (first + index) * ENTRY_SIZE, length: ENTRY_SIZE, problem });
        }
      }
      this.end = Math.max(this.end, base + count);
      return found;
    });
    yield* findings;
  }

  #fault(bytes: Buffer, at: number, queueOffset: number): string | undefined {
    // Entries behind the checkpoint are cut by the next start.
    const isBehind =
      this.#checkpoint?.isClean !== true &&
      entryPhysicalOffset(bytes, at) >= (this.#checkpoint?.logOffset ?? 0);
    if (!isEntryIntact(bytes, at, queueOffset)) {
      return isBehind ? undefined : 'the entry is damaged; it is made anew when it is read';
    }
    const position = entryPhysicalOffset(bytes, at);
    this.oldest = Math.min(this.oldest, position);
    const size = entrySize(bytes, at);
    if (size < 0 || position < this.#log.segments.start || isBehind || position < this.#droppedBefore)
      return undefined;
    return this.#recordFault(position, size, queueOffset, entryStoreTimestamp(bytes, at));
  }

  #recordFault(
    position: number,
    size: number,
    queueOffset: number,
    storeTimestamp: number,
  ): string | undefined {
    const segment = this.#log.segments.find(position);
    if (this.#record.length < size) this.#record = Buffer.alloc(size);
    const read = segment?.file.readSync(this.#record, 0, size, position - segment.base) ?? 0;
    if (read < size) return `the entry leads to ${position}, where the log has nothing`;
    try {
      const record = this.#record;
      const layout = layoutRecord(record, 0, size);
      const isSame =
        layout.totalSize === size &&
        getInt64(record, RecordField.QUEUE_OFFSET) === queueOffset &&
        getInt32(record, RecordField.QUEUE_ID) === this.#queueId &&
        getInt64(record, layout.storeTimestampAt) === storeTimestamp &&
        record.toString('utf8', layout.topicAt, layout.topicAt + layout.topicSize) === this.#topic;
      return isSame ? undefined : `the entry leads to ${position}, where another message is`;
    } catch (error) {
      return `the entry leads to ${position}: ${errorText(error)}`;
    }
  }
}
