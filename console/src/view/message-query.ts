import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import type { FoundMessage } from '@cometmq/client/admin/message-admin';
import { decodeOffsetMessageId } from '@cometmq/common/message/message-id';
import type { MessageDetail, MessageList } from '../api-contract.ts';
import type { ConsoleAdmin, Gathered, QueueId } from '../console-admin.ts';
import { queueKey } from '../console-admin.ts';
import { LIMITS } from './limits.ts';
import { mapBounded } from './map-bounded.ts';
import { messageDetail, messageSummary } from './message-shape.ts';
import { type ScanFilter, scanNewestFirst, type ScanRange } from './topic-scan.ts';
import type { TopicViews } from './topic-view.ts';

export interface TimeQuery extends ScanFilter {
  readonly topic: string;
  readonly limit: number;
  readonly cursor?: ReadonlyMap<string, number> | undefined;
}

/** Finds messages, and says how much of the question the answer covers. */
export class MessageQuery {
  readonly #clock: Clock;
  readonly #admin: ConsoleAdmin;
  readonly #topics: TopicViews;

  constructor(clock: Clock, admin: ConsoleAdmin, topics: TopicViews) {
    this.#clock = clock;
    this.#admin = admin;
    this.#topics = topics;
  }

  /** By business key; without a topic in all topics that are not the system's. */
  byKey(key: string, topic: string | undefined): Promise<MessageList> {
    return this.#search(topic, (name) => this.#admin.queryByKey(name, key, LIMITS.searchHitsMax));
  }

  /** By the sender's id or by the broker's. */
  async byId(id: string, topic: string | undefined): Promise<MessageList> {
    const place = decodeOffsetMessageId(id);
    const { brokers } = await this.#admin.clusterStatus();
    if (place && brokers.some((broker) => broker.address === `${place.address}:${place.port}`)) {
      const found = await this.#admin.viewMessage(id);
      return this.#listOf(found ? [found] : [], Number(found !== undefined), true, []);
    }
    return this.#search(topic, (name) => this.#admin.queryByUniqueKey(name, id));
  }

  /** What was stored in a topic between two moments, newest first. */
  async byTime(query: TimeQuery): Promise<MessageList> {
    // Not the shared answer: who searches for what was just sent must find it.
    const { items: rows, failures } = await this.#admin.topicStats(query.topic);
    const notes = [...failures];
    if (rows.length > LIMITS.scanQueuesMax)
      notes.push(`Only ${LIMITS.scanQueuesMax} of ${rows.length} queues were looked at.`);
    const shown = rows.slice(0, LIMITS.scanQueuesMax).filter((row) => row.maxOffset > row.minOffset);
    const ranges = await mapBounded(shown, LIMITS.concurrency, (row) =>
      this.#range(row, row.minOffset, row.maxOffset, query),
    );
    for (const [index, range] of ranges.entries()) {
      if (!range.ok)
        notes.push(`Queue ${shown[index]?.broker ?? ''}/${shown[index]?.queueId ?? ''}: ${range.fault}`);
    }
    const known = ranges.flatMap((range) => (range.ok && range.value ? [range.value] : []));
    const result = await scanNewestFirst(this.#admin, known, query, query.limit);
    const list = this.#listOf(result.found, result.scanned, result.complete && notes.length === 0, [
      ...notes,
      ...result.notes,
    ]);
    return result.left.size > 0 ? { ...list, nextCursor: encodeCursor(result.left) } : list;
  }

  /** From a place in one queue onwards. */
  async byOffset(queue: QueueId, offset: number, limit: number): Promise<MessageList> {
    const { messages, nextOffset } = await this.#admin.pull(
      queue,
      offset,
      Math.min(limit, LIMITS.pullCountMax),
    );
    const found = messages.slice(0, limit);
    const list = this.#listOf(found, found.length, true, []);
    return found.length > 0 ? { ...list, nextCursor: String(nextOffset) } : list;
  }

  async detail(queue: QueueId, offset: number): Promise<MessageDetail> {
    const { messages } = await this.#admin.pull(queue, offset, 1);
    const message = messages.find((one) => one.queueOffset === offset);
    if (!message) {
      throw new MqError(
        'MESSAGE_NOT_FOUND',
        `Queue ${queue.broker}/${queue.queueId} of ${queue.topic} has no message at offset ${offset}.`,
        {
          hint: 'It was never written, or retention removed it.',
        },
      );
    }
    return messageDetail(message);
  }

  async #range(
    queue: QueueId,
    minOffset: number,
    maxOffset: number,
    query: TimeQuery,
  ): Promise<ScanRange | undefined> {
    const { topic, broker, queueId } = queue;
    const place = { topic, broker, queueId };
    // A cursor names only the queues with something left.
    const resumed = query.cursor?.get(queueKey(place));
    if (query.cursor && resumed === undefined) return undefined;
    const from = Math.max(minOffset, await this.#admin.searchOffset(place, query.fromMs));
    let to = maxOffset;
    if (resumed !== undefined) to = Math.min(resumed, maxOffset);
    // One more than found: brokers differ in what they answer for a moment after the last message. The filter decides.
    else if (query.toMs < this.#clock.now())
      to = Math.min(maxOffset, (await this.#admin.searchOffset(place, query.toMs + 1)) + 1);
    return { queue: place, from, to };
  }

  async #search(
    topic: string | undefined,
    ask: (topic: string) => Promise<Gathered<FoundMessage>>,
  ): Promise<MessageList> {
    const all = topic === undefined ? await this.#topics.searchableTopicNames() : [topic];
    const names = all.slice(0, LIMITS.searchTopicsMax);
    const notes =
      all.length > names.length
        ? [`Only ${names.length} of ${all.length} topics were searched: name the topic.`]
        : [];
    const answers = await mapBounded(names, LIMITS.concurrency, ask);
    const found: FoundMessage[] = [];
    let scanned = 0;
    for (const [index, answer] of answers.entries()) {
      if (!answer.ok) {
        notes.push(`${names[index] ?? ''}: ${answer.fault}`);
        continue;
      }
      notes.push(...answer.value.failures);
      scanned += answer.value.items.length;
      found.push(...answer.value.items);
      if (answer.value.items.length >= LIMITS.searchHitsMax) {
        notes.push(`${names[index] ?? ''} has more than ${LIMITS.searchHitsMax} messages with this key.`);
      }
    }
    found.sort((a, b) => b.storeTimestamp - a.storeTimestamp);
    if (found.length > LIMITS.pageItemsMax)
      notes.push(`Only the newest ${LIMITS.pageItemsMax} of ${found.length} are shown.`);
    return this.#listOf(found.slice(0, LIMITS.pageItemsMax), scanned, notes.length === 0, notes.slice(0, 10));
  }

  #listOf(
    found: readonly FoundMessage[],
    scanned: number,
    complete: boolean,
    notes: readonly string[],
  ): MessageList {
    const items = found.map(messageSummary);
    return { items, scanned, matched: items.length, complete, notes };
  }
}

function encodeCursor(left: ReadonlyMap<string, number>): string {
  return Buffer.from(JSON.stringify([...left])).toString('base64url');
}

/** Undefined when the text is no cursor of ours. */
export function decodeCursor(text: string): ReadonlyMap<string, number> | undefined {
  try {
    const rows: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (!Array.isArray(rows) || rows.length > LIMITS.scanQueuesMax) return undefined;
    const entries = rows.map((row: unknown): [string, number] | undefined => {
      if (!Array.isArray(row)) return undefined;
      const [queue, offset] = row as unknown[];
      return typeof queue === 'string' && Number.isSafeInteger(offset) && (offset as number) >= 0
        ? [queue, offset as number]
        : undefined;
    });
    return entries.every((entry) => entry !== undefined) ? new Map(entries) : undefined;
  } catch {
    return undefined;
  }
}
