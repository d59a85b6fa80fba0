import type { Clock } from '@cometmq/common/clock/clock';
import { RateWindow } from './rate-window.ts';

/** What is counted for pairs of topic and group, `topic@group` (Java: BrokerStatsManager). */
type PairStatistic = 'GROUP_GET_NUMS' | 'GROUP_GET_SIZE' | 'SNDBCK_PUT_NUMS';

/** Pair statistics kept; the oldest go first. */
const PAIRS_MAX = 20_000;
const BROKER_SECONDS = 610;
const PAIR_SECONDS = 70;

/** A topic's own counters. */
interface CountedTopic {
  readonly puts: RateWindow;
  readonly putBytes: RateWindow;
}

/** Counts what passes through the broker. */
export class BrokerStats {
  readonly puts = new RateWindow(BROKER_SECONDS);
  readonly putBytes = new RateWindow(BROKER_SECONDS);
  readonly gets = new RateWindow(BROKER_SECONDS);
  readonly getBytes = new RateWindow(BROKER_SECONDS);
  /** Pulls that found, and that did not find, a message. */
  readonly pullsFound = new RateWindow(BROKER_SECONDS);
  readonly pullsMissed = new RateWindow(BROKER_SECONDS);
  putsFailed = 0;
  /** Wall time of the start, ms. */
  readonly startedAt: number;
  readonly #clock: Clock;
  readonly #pairs = new Map<string, RateWindow>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.startedAt = clock.now();
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
    this.#pair('GROUP_GET_NUMS', topic, group).add(now, messages);
    this.#pair('GROUP_GET_SIZE', topic, group).add(now, bytes);
  }

  missed(): void {
    this.pullsMissed.add(this.#clock.now(), 1);
  }

  sentBack(group: string, topic: string): void {
    this.#pair('SNDBCK_PUT_NUMS', topic, group).add(this.#clock.now(), 1);
  }

  /** The counter of a pair `topic@group`, or undefined when nothing was counted. */
  findPair(name: string, key: string): RateWindow | undefined {
    return this.#pairs.get(`${name}/${key}`);
  }

  #pair(name: PairStatistic, topic: string, group: string): RateWindow {
    const id = `${name}/${topic}@${group}`;
    let window = this.#pairs.get(id);
    if (window === undefined) {
      if (this.#pairs.size >= PAIRS_MAX)
        for (const oldest of [...this.#pairs.keys()].slice(0, 1)) this.#pairs.delete(oldest);
      this.#pairs.set(id, (window = new RateWindow(PAIR_SECONDS)));
    }
    return window;
  }
}
