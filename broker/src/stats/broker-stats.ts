import type { Clock } from '@cometmq/common/clock/clock';
import { DayTotals } from './day-totals.ts';
import { StatsItem } from './stats-item.ts';

/** Pairs of topic and group that are kept; the oldest go first. */
const PAIRS_MAX = 10_000;
/** The broker's own rates are shown over ten minutes. */
const BROKER_SECONDS = 610;

/** A topic's own counters. */
export interface CountedTopic {
  readonly puts: StatsItem;
  readonly putBytes: StatsItem;
}

/** Counters of one group on one topic. */
export class PairStats {
  readonly gets = new StatsItem();
  readonly getBytes = new StatsItem();
  /** Pulls that found something. */
  readonly pulls = new StatsItem();
  readonly sentBack = new StatsItem();
}

/** Counts what passes through the broker. */
export class BrokerStats {
  readonly puts = new StatsItem(BROKER_SECONDS);
  readonly putBytes = new StatsItem(BROKER_SECONDS);
  readonly gets = new StatsItem(BROKER_SECONDS);
  readonly getBytes = new StatsItem(BROKER_SECONDS);
  /** Pulls that found, and that did not find, a message. */
  readonly pullsFound = new StatsItem(BROKER_SECONDS);
  readonly pullsMissed = new StatsItem(BROKER_SECONDS);
  putsFailed = 0;
  /** Wall time of the start, ms. */
  readonly startedAt: number;
  readonly days: DayTotals;
  readonly #clock: Clock;
  readonly #pairs = new Map<string, PairStats>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.startedAt = clock.now();
    this.days = new DayTotals(this.startedAt);
  }

  put(topic: CountedTopic, bodyBytes: number): void {
    const now = this.#clock.now();
    this.puts.add(now, 1);
    this.putBytes.add(now, bodyBytes);
    topic.puts.add(now, 1);
    topic.putBytes.add(now, bodyBytes);
  }

  get(topic: string, group: string, messages: number, bytes: number): void {
    const now = this.#clock.now();
    this.gets.add(now, messages);
    this.getBytes.add(now, bytes);
    this.pullsFound.add(now, 1);
    const pair = this.#pair(topic, group);
    pair.gets.add(now, messages);
    pair.getBytes.add(now, bytes);
    pair.pulls.add(now, 1);
  }

  missed(): void {
    this.pullsMissed.add(this.#clock.now(), 1);
  }

  sentBack(group: string, topic: string): void {
    this.#pair(topic, group).sentBack.add(this.#clock.now(), 1);
  }

  /** Notes the day's beginning; called by a timer. */
  sampleDay(): void {
    this.days.sample(this.#clock.now(), this.puts.total, this.gets.total);
  }

  /** The counters of `topic@group`, or undefined when nothing was counted. */
  findPair(topicAtGroup: string): PairStats | undefined {
    return this.#pairs.get(topicAtGroup);
  }

  #pair(topic: string, group: string): PairStats {
    const key = `${topic}@${group}`;
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      if (this.#pairs.size >= PAIRS_MAX) {
        const oldest = this.#pairs.keys().next();
        if (oldest.done !== true) this.#pairs.delete(oldest.value);
      }
      this.#pairs.set(key, (pair = new PairStats()));
    }
    return pair;
  }
}
