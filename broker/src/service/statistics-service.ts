import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import type { BrokerStats, PairStats } from '../stats/broker-stats.ts';
import type { StatsItem } from '../stats/stats-item.ts';
import type { Topic } from '../topic/topic.ts';
import type { TopicTable } from '../topic/topic-table.ts';

/** Numbers of one span of time. */
export interface SpanNumbers {
  readonly sum: number;
  /** Mean for a second. */
  readonly tps: number;
  /** Mean for one event: messages of a pull, bytes of a message. */
  readonly avgpt: number;
}

export interface StatisticNumbers {
  readonly minute: SpanNumbers;
  readonly hour: SpanNumbers;
  readonly day: SpanNumbers;
}

export interface TopicQueueNumbers {
  readonly queueId: number;
  readonly minOffset: number;
  readonly maxOffset: number;
  /** Store time of the newest message, ms; 0 for an empty queue. */
  readonly lastUpdateTimestamp: number;
}

/** A statistic and what its events are counted by; undefined where nothing was counted. */
interface Source {
  readonly item: StatsItem;
  readonly times: StatsItem;
}

const SPAN_SECONDS = { minute: 60, hour: 3_600, day: 86_400 } as const;

const TOPIC_SOURCES: Readonly<Record<string, (topic: Topic) => Source>> = {
  TOPIC_PUT_NUMS: ({ puts }) => ({ item: puts, times: puts }),
  TOPIC_PUT_SIZE: ({ putBytes, puts }) => ({ item: putBytes, times: puts }),
};

const PAIR_SOURCES: Readonly<Record<string, (pair: PairStats) => Source>> = {
  GROUP_GET_NUMS: ({ gets, pulls }) => ({ item: gets, times: pulls }),
  GROUP_GET_SIZE: ({ getBytes, pulls }) => ({ item: getBytes, times: pulls }),
  SNDBCK_PUT_NUMS: ({ sentBack }) => ({ item: sentBack, times: sentBack }),
};

const BROKER_SOURCES: Readonly<Record<string, (stats: BrokerStats) => Source>> = {
  BROKER_PUT_NUMS: ({ puts }) => ({ item: puts, times: puts }),
  BROKER_GET_NUMS: ({ gets, pullsFound }) => ({ item: gets, times: pullsFound }),
};

/** Rates and sums of topics, groups and the broker, under RocketMQ's names for them (Java: BrokerStatsManager). */
export class StatisticsService {
  readonly #clock: Clock;
  readonly #topics: TopicTable;
  readonly #stats: BrokerStats;
  readonly #clusterName: string;

  constructor(clock: Clock, topics: TopicTable, stats: BrokerStats, clusterName: string) {
    this.#clock = clock;
    this.#topics = topics;
    this.#stats = stats;
    this.#clusterName = clusterName;
  }

  /**
   * A topic's queues, an entry for each at once even if nothing was ever stored in it.
   * @throws MqError `TOPIC_NOT_EXIST`.
   */
  ofTopic(name: string): { readonly queues: TopicQueueNumbers[]; readonly putTps: number } {
    const topic = this.#topics.find(name);
    if (topic === undefined) throw new MqError('TOPIC_NOT_EXIST', `topic[${name}] not exist`);
    const queues = Array.from({ length: topic.queueCount }, (_, queueId) => {
      const queue = topic.existingQueue(queueId);
      const lastUpdateTimestamp = queue?.storeTimestampAt(queue.max - 1) ?? 0;
      return { queueId, minOffset: queue?.min ?? 0, maxOffset: queue?.max ?? 0, lastUpdateTimestamp };
    });
    return { queues, putTps: topic.puts.perSecond(this.#clock.now(), SPAN_SECONDS.minute) };
  }

  /** A statistic by name and key, or undefined when nothing was counted under them. */
  find(name: string, key: string): StatisticNumbers | undefined {
    const source = this.#source(name, key);
    if (source === undefined || source.item.total === 0) return undefined;
    const now = this.#clock.now();
    const sums = source.item.sums(now);
    const times = source.times.sums(now);
    const span = (which: keyof typeof SPAN_SECONDS): SpanNumbers => ({
      sum: sums[which],
      tps: sums[which] / SPAN_SECONDS[which],
      avgpt: times[which] === 0 ? 0 : sums[which] / times[which],
    });
    return { minute: span('minute'), hour: span('hour'), day: span('day') };
  }

  #source(name: string, key: string): Source | undefined {
    const ofTopic = own(TOPIC_SOURCES, name);
    const ofPair = own(PAIR_SOURCES, name);
    const topic = ofTopic === undefined ? undefined : this.#topics.find(key);
    const pair = ofPair === undefined ? undefined : this.#stats.findPair(key);
    if (topic !== undefined) return ofTopic?.(topic);
    if (pair !== undefined) return ofPair?.(pair);
    return key === this.#clusterName ? own(BROKER_SOURCES, name)?.(this.#stats) : undefined;
  }
}

/** Names come from outside. */
function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
