import { MqError } from '@cometmq/common/error/mq-error';
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import {
  PullFlag,
  PullMessageHeader,
  PullMessageResponseHeader,
} from '@cometmq/remoting/protocol/header/pull';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { AdminSession, BrokerNode } from './admin-session.ts';
import type { FoundMessage } from './message-admin.ts';
import { foundMessage } from './message-admin.ts';
import type { OffsetAdmin } from './offset-admin.ts';
import { mapBounded } from './partial.ts';
import { ResponseError } from './response-error.ts';

/** One queue of a topic at one broker. */
export interface QueuePlace {
  readonly topic: string;
  /** Broker name. */
  readonly broker: string;
  readonly queueId: number;
}

/** What one read of a queue gave. */
export interface QueuePage {
  readonly messages: readonly FoundMessage[];
  /** Where to read on. */
  readonly nextOffset: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  /** `END`: nothing at or behind the offset yet. `MOVED`: the offset was out of range; go on at `nextOffset`. */
  readonly status: 'FOUND' | 'END' | 'NO_MATCH' | 'MOVED';
}

export interface ReadOptions {
  readonly max?: number;
  /** `*` or tags joined by `||`. */
  readonly filter?: string;
  /** Waits at the broker this long for a message, ms. */
  readonly waitMs?: number;
}

/** Which messages of a topic to show. */
export interface BrowseQuery {
  /** Store times, ms: from included, to included. */
  readonly from?: number;
  readonly to?: number;
  /** Messages at most; 200 unless told, 2000 at most. */
  readonly limit?: number;
  readonly filter?: string;
  /** Only this broker, or this queue of it. */
  readonly broker?: string;
  readonly queueId?: number;
  /** Oldest first (default), or the newest ones. */
  readonly newest?: boolean;
}

export interface BrowseResult {
  /** By store time, oldest first. */
  readonly messages: readonly FoundMessage[];
  /** True when these are all messages of the range. */
  readonly complete: boolean;
  /** Where each queue goes on; a queue that was read to the end of the range is not listed. */
  readonly remaining: readonly (QueuePlace & { readonly nextOffset: number })[];
}

/** The group that RocketMQ's own tools read with; brokers know it without being told. */
const TOOLS_GROUP = 'TOOLS_CONSUMER';
const BROWSE_LIMIT = 200;
const BROWSE_LIMIT_MAX = 2000;
const PAGE_MESSAGES = 32;
/** Bodies kept by one browse. */
const BROWSE_BYTES_MAX = 32 * 1024 * 1024;

/** Reads queues without being a consumer: no offset is committed. */
export class MessageBrowser {
  readonly #session: AdminSession;
  readonly #offsets: OffsetAdmin;

  constructor(session: AdminSession, offsets: OffsetAdmin) {
    this.#session = session;
    this.#offsets = offsets;
  }

  /** Reads one page of a queue. */
  async read(queue: QueuePlace, offset: number, options: ReadOptions = {}): Promise<QueuePage> {
    return this.#pull(await this.#session.broker(queue.broker), queue, offset, options);
  }

  /** The message at an offset; undefined when there is none. */
  async at(queue: QueuePlace, offset: number): Promise<FoundMessage | undefined> {
    const { messages } = await this.read(queue, offset, { max: 1 });
    return messages.find(({ queueOffset }) => queueOffset === offset);
  }

  /** The readable queues of a topic with their masters. */
  async queues(topic: string): Promise<(QueuePlace & { readonly node: BrokerNode })[]> {
    const route = await this.#session.route(topic);
    const masters = new Map((await this.#session.routeMasters(topic)).map((node) => [node.brokerName, node]));
    return route.queueDatas.flatMap(({ brokerName, readQueueNums }) => {
      const node = masters.get(brokerName);
      if (node === undefined) return [];
      return Array.from({ length: readQueueNums }, (_, queueId) => ({
        topic,
        broker: brokerName,
        queueId,
        node,
      }));
    });
  }

  /** Messages of a topic in a range of time, over all queues, bounded in number and bytes. */
  async browse(topic: string, query: BrowseQuery = {}): Promise<BrowseResult> {
    const { from = 0, to = Number.MAX_SAFE_INTEGER, broker, queueId } = query;
    const limit = Math.min(query.limit ?? BROWSE_LIMIT, BROWSE_LIMIT_MAX);
    const queues = (await this.queues(topic)).filter(
      (queue) =>
        (broker === undefined || queue.broker === broker) &&
        (queueId === undefined || queue.queueId === queueId),
    );
    const perQueue = await mapBounded(queues, async (queue) => {
      const range = await this.#offsets.timeRange(queue.node.address, queue, from, to);
      // A queue alone may hold all that is asked for, so each is read up to the whole limit.
      const start = query.newest === true ? Math.max(range.from, range.to - limit) : range.from;
      const read = await this.#readRange(queue, { from: start, to: range.to }, limit, query.filter);
      return { ...read, cutBelow: start > range.from };
    });
    const all = perQueue
      .flatMap(({ messages }) => messages)
      .filter(({ storeTimestamp: at }) => at >= from && at <= to);
    all.sort((a, b) => a.storeTimestamp - b.storeTimestamp || a.queueOffset - b.queueOffset);
    const kept = query.newest === true ? all.slice(-limit) : all.slice(0, limit);
    const remaining = perQueue.flatMap(({ rest }) => (rest === undefined ? [] : [rest]));
    const cut = kept.length < all.length || perQueue.some(({ cutBelow }) => cutBelow);
    return { messages: kept, complete: !cut && remaining.length === 0, remaining };
  }

  async #readRange(
    queue: QueuePlace & { readonly node: BrokerNode },
    range: { readonly from: number; readonly to: number },
    limit: number,
    filter: string | undefined,
  ): Promise<{ messages: FoundMessage[]; rest: (QueuePlace & { nextOffset: number }) | undefined }> {
    const messages: FoundMessage[] = [];
    let offset = range.from;
    let bytes = 0;
    while (offset < range.to && messages.length < limit && bytes < BROWSE_BYTES_MAX) {
      const page = await this.#pull(queue.node, queue, offset, {
        max: Math.min(PAGE_MESSAGES, limit - messages.length),
        ...(filter === undefined ? {} : { filter }),
      });
      if (page.status === 'END' || page.nextOffset <= offset) break;
      for (const message of page.messages) {
        if (message.queueOffset >= range.to) break;
        messages.push(message);
        bytes += message.storeSize;
      }
      offset = page.nextOffset;
    }
    const { topic, broker, queueId } = queue;
    const cut = offset < range.to && (messages.length >= limit || bytes >= BROWSE_BYTES_MAX);
    return { messages, rest: cut ? { topic, broker, queueId, nextOffset: offset } : undefined };
  }

  async #pull(node: BrokerNode, queue: QueuePlace, offset: number, options: ReadOptions): Promise<QueuePage> {
    const waitMs = options.waitMs ?? 0;
    const extFields = PullMessageHeader.encode({
      consumerGroup: TOOLS_GROUP,
      topic: queue.topic,
      queueId: queue.queueId,
      queueOffset: offset,
      maxMsgNums: options.max ?? PAGE_MESSAGES,
      sysFlag: PullFlag.SUBSCRIPTION | (waitMs > 0 ? PullFlag.SUSPEND : 0),
      commitOffset: 0,
      suspendTimeoutMillis: waitMs,
      subVersion: 0,
      subscription: options.filter ?? '*',
      expressionType: 'TAG',
    });
    const request = { code: RequestCode.PULL_MESSAGE, extFields };
    const answer = await this.#session.exchange(node.address, request, this.#session.timeoutMs + waitMs);
    const status = STATUS[answer.code];
    if (status === undefined) throw new ResponseError(request.code, answer.code, answer.remark, node.address);
    const { nextBeginOffset, minOffset, maxOffset } = PullMessageResponseHeader.decode(answer.extFields);
    const messages = status === 'FOUND' && answer.body !== undefined ? decodeMessages(answer.body) : [];
    return {
      messages: messages.map((message) => foundMessage(message, node.brokerName)),
      nextOffset: nextBeginOffset,
      minOffset,
      maxOffset,
      status,
    };
  }
}

const STATUS: Readonly<Record<number, QueuePage['status']>> = {
  [ResponseCode.SUCCESS]: 'FOUND',
  [ResponseCode.PULL_NOT_FOUND]: 'END',
  [ResponseCode.PULL_RETRY_IMMEDIATELY]: 'NO_MATCH',
  [ResponseCode.PULL_OFFSET_MOVED]: 'MOVED',
};

/** Reads a queue name such as `broker-a/3`. */
export function parseQueuePlace(topic: string, text: string): QueuePlace {
  const slash = text.lastIndexOf('/');
  const queueId = Number(text.slice(slash + 1));
  if (slash > 0 && Number.isInteger(queueId) && queueId >= 0)
    return { topic, broker: text.slice(0, slash), queueId };
  throw new MqError('INVALID_ARGUMENT', `${text} is not a queue`, {
    hint: 'write it as broker/queue, e.g. broker-a/0',
  });
}
