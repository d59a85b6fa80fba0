import type { FoundMessage } from '@cometmq/client/admin/message-admin';
import type { ConsoleAdmin, QueueId } from '../console-admin.ts';
import { queueKey } from '../console-admin.ts';
import { LIMITS } from './limits.ts';

export interface ScanRange {
  readonly queue: QueueId;
  /** First offset to look at. */
  readonly from: number;
  /** One past the last. */
  readonly to: number;
}

export interface ScanFilter {
  readonly fromMs: number;
  readonly toMs: number;
  readonly tag?: string | undefined;
  readonly text?: string | undefined;
}

export interface ScanResult {
  readonly found: readonly FoundMessage[];
  readonly scanned: number;
  readonly complete: boolean;
  readonly notes: readonly string[];
  /** What is left, for the next call: queue → one past the next offset to look at. */
  readonly left: ReadonlyMap<string, number>;
}

/** The messages of one queue, newest first, fetched in small blocks from the end. */
class QueueCursor {
  readonly queue: QueueId;
  readonly #admin: ConsoleAdmin;
  readonly #from: number;
  /** One past the next message to hand out. */
  position: number;
  #buffer: FoundMessage[] = [];
  /** Where the next block ends. */
  #fetchTo: number;

  constructor(admin: ConsoleAdmin, range: ScanRange) {
    this.#admin = admin;
    this.queue = range.queue;
    this.#from = range.from;
    this.position = range.to;
    this.#fetchTo = range.to;
  }

  async head(): Promise<FoundMessage | undefined> {
    while (this.#buffer.length === 0 && this.#fetchTo > this.#from) await this.#fetch();
    if (this.#buffer.length === 0) this.position = this.#from;
    return this.#buffer.at(-1);
  }

  take(): void {
    const taken = this.#buffer.pop();
    if (taken) this.position = taken.queueOffset;
  }

  get exhausted(): boolean {
    return this.position <= this.#from;
  }

  async #fetch(): Promise<void> {
    const end = this.#fetchTo;
    const start = Math.max(this.#from, end - LIMITS.pullCountMax);
    for (let next = start; next < end;) {
      const pulled = await this.#admin.pull(this.queue, next, end - next);
      for (const message of pulled.messages) {
        if (message.queueOffset >= start && message.queueOffset < end) {
          this.#buffer.push(message);
        }
      }
      if (pulled.nextOffset <= next) break; // the broker does not move on: nothing more is readable here
      next = pulled.nextOffset;
    }
    this.#fetchTo = start;
  }
}

/** Merges queues newest first until enough matched or a bound is reached, and says which. */
export async function scanNewestFirst(
  admin: ConsoleAdmin,
  ranges: readonly ScanRange[],
  filter: ScanFilter,
  limit: number,
): Promise<ScanResult> {
  let cursors = ranges.map((range) => new QueueCursor(admin, range));
  const found: FoundMessage[] = [];
  const notes: string[] = [];
  let scanned = 0;
  let bytes = 0;
  while (found.length < limit && scanned < LIMITS.scanMessagesMax && bytes < LIMITS.scanBytesMax) {
    const heads = await Promise.all(
      cursors.map(async (cursor) => {
        try {
          return { cursor, head: await cursor.head() };
        } catch (error) {
          notes.push(
            `Queue ${cursor.queue.broker}/${cursor.queue.queueId} could not be read: ${String(error)}`,
          );
          return { cursor, head: undefined };
        }
      }),
    );
    const live = heads.flatMap(({ cursor, head }) => (head ? [{ cursor, head }] : []));
    cursors = live.map(({ cursor }) => cursor);
    const [newest] = live.sort((a, b) => b.head.storeTimestamp - a.head.storeTimestamp);
    if (!newest) break;
    newest.cursor.take();
    scanned++;
    bytes += newest.head.body.length;
    if (matches(newest.head, filter)) found.push(newest.head);
  }
  const left = new Map(
    cursors.filter((cursor) => !cursor.exhausted).map((cursor) => [queueKey(cursor.queue), cursor.position]),
  );
  if (left.size > 0 && found.length < limit)
    notes.push(`Stopped after ${scanned} messages; go on for older ones.`);
  return { found, scanned, complete: left.size === 0 && notes.length === 0, notes, left };
}

function matches(message: FoundMessage, { fromMs, toMs, tag, text }: ScanFilter): boolean {
  if (message.storeTimestamp < fromMs || message.storeTimestamp > toMs) return false;
  if (tag !== undefined && message.properties.get('TAGS') !== tag) return false;
  return (
    text === undefined ||
    message.body.includes(text) ||
    [...message.properties.values()].some((value) => value.includes(text))
  );
}
