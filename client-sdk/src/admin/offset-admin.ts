import type { ExtFields } from '@cometmq/remoting/protocol/remoting-command';
import {
  OffsetResponseHeader,
  QueryConsumerOffsetHeader,
  QueueHeader,
  SearchOffsetHeader,
  UpdateConsumerOffsetHeader,
} from '@cometmq/remoting/protocol/header/offset';
import { readTopicStats } from '@cometmq/remoting/protocol/body/queue-stats';
import { TopicHeader } from '@cometmq/remoting/protocol/header/topic';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { AdminSession, BrokerNode } from './admin-session.ts';
import { absentIf, gatherSome, mapBounded } from './partial.ts';
import type { ServerFailure } from './partial.ts';

/** A queue with the bounds of what it holds. */
export interface QueueBounds {
  readonly topic: string;
  readonly brokerName: string;
  readonly address: string;
  readonly queueId: number;
  readonly minOffset: number;
  /** Offset of the next message. */
  readonly maxOffset: number;
}

export interface CommittedOffset extends QueueBounds {
  /** Undefined when the group never committed in this queue. */
  readonly committed: number | undefined;
}

/** Reads and writes offsets queue by queue. */
export class OffsetAdmin {
  readonly #session: AdminSession;

  constructor(session: AdminSession) {
    this.#session = session;
  }

  /** The queues of a topic. @throws MqError `TOPIC_NOT_EXIST`. */
  async queues(topic: string): Promise<{ queues: QueueBounds[]; failures: readonly ServerFailure[] }> {
    const extFields = TopicHeader.encode({ topic });
    const { answers, failures } = await gatherSome(
      await this.#session.routeMasters(topic),
      async ({ address }) =>
        readTopicStats(
          await this.#session.askBody(address, { code: RequestCode.GET_TOPIC_STATS_INFO, extFields }),
        ),
    );
    const queues = answers.flatMap(({ server, address, value }) =>
      value.map(({ queueId, minOffset, maxOffset }) => ({
        topic,
        brokerName: server,
        address,
        queueId,
        minOffset,
        maxOffset,
      })),
    );
    queues.sort((a, b) => a.brokerName.localeCompare(b.brokerName) || a.queueId - b.queueId);
    return { queues, failures };
  }

  /** Where a group is in each queue of a topic. */
  async committed(
    group: string,
    topic: string,
  ): Promise<{ queues: CommittedOffset[]; failures: readonly ServerFailure[]; complete: boolean }> {
    const { queues, failures } = await this.queues(topic);
    const withOffsets = await mapBounded(queues, async (queue) => ({
      ...queue,
      committed: await this.query(group, queue),
    }));
    return { queues: withOffsets, failures, complete: failures.length === 0 };
  }

  /** The committed offset of one queue; undefined when there is none. */
  async query(group: string, queue: QueueBounds): Promise<number | undefined> {
    const { topic, queueId, address } = queue;
    const extFields = QueryConsumerOffsetHeader.encode({
      consumerGroup: group,
      topic,
      queueId,
      setZeroIfNotFound: false,
    });
    const answer = await absentIf(
      ['NOT_FOUND'],
      this.#session.ask(address, { code: RequestCode.QUERY_CONSUMER_OFFSET, extFields }),
    );
    return answer === undefined ? undefined : OffsetResponseHeader.decode(answer.extFields).offset;
  }

  /**
   * Writes the committed offset of one queue and returns what the broker has then. One queue after the other: a Java
   * broker loses all but one of a group's first commits when they arrive together. Online consumers overwrite it with
   * their own: see `OffsetReset`.
   */
  async write(group: string, queue: QueueBounds, offset: number): Promise<number | undefined> {
    const { topic, queueId, address } = queue;
    const extFields = UpdateConsumerOffsetHeader.encode({
      consumerGroup: group,
      topic,
      queueId,
      commitOffset: offset,
    });
    await this.#session.ask(address, { code: RequestCode.UPDATE_CONSUMER_OFFSET, extFields });
    return this.query(group, queue);
  }

  /** Offset of the first message stored at or after a time (ms); the end of the queue when all are older. */
  searchByTime(address: string, topic: string, queueId: number, timestamp: number): Promise<number> {
    return this.#offset(address, {
      code: RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
      extFields: SearchOffsetHeader.encode({ topic, queueId, timestamp }),
    });
  }

  maxOffset(address: string, topic: string, queueId: number): Promise<number> {
    return this.#offset(address, {
      code: RequestCode.GET_MAX_OFFSET,
      extFields: QueueHeader.encode({ topic, queueId }),
    });
  }

  minOffset(address: string, topic: string, queueId: number): Promise<number> {
    return this.#offset(address, {
      code: RequestCode.GET_MIN_OFFSET,
      extFields: QueueHeader.encode({ topic, queueId }),
    });
  }

  /** Offsets [from, to) of the messages stored in a range of time, both ends included. */
  async timeRange(
    address: string,
    queue: { readonly topic: string; readonly queueId: number },
    fromMs: number,
    toMs: number,
  ): Promise<{ from: number; to: number }> {
    const { topic, queueId } = queue;
    const end = await this.maxOffset(address, topic, queueId);
    const from =
      fromMs <= 0
        ? Math.max(0, await this.minOffset(address, topic, queueId))
        : await this.searchByTime(address, topic, queueId, fromMs);
    const to =
      toMs === Number.MAX_SAFE_INTEGER
        ? end
        : Math.min(end, await this.searchByTime(address, topic, queueId, toMs + 1));
    return { from, to: Math.max(from, to) };
  }

  async #offset(address: string, request: { code: number; extFields: ExtFields }): Promise<number> {
    const answer = await this.#session.ask(address, request);
    return OffsetResponseHeader.decode(answer.extFields).offset;
  }
}

/** The brokers that a set of queues is on. */
export function brokersOf(queues: readonly QueueBounds[]): Pick<BrokerNode, 'server' | 'address'>[] {
  const byAddress = new Map(
    queues.map(({ brokerName, address }) => [address, { server: brokerName, address }]),
  );
  return [...byAddress.values()];
}
