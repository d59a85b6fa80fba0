import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { every } from '@cometmq/common/clock/clock';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { BrokerData, TopicRoute } from '@cometmq/remoting/protocol/body/route';
import type { NameServers } from '../connection/name-servers.ts';
import { RouteNotFoundError } from '../error/client-error.ts';
import { MASTER_ID } from './topic-queues.ts';

export interface RouteTableOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly nameServers: NameServers;
  readonly refreshMs: number;
  /** A topic has another route than before. */
  readonly onChange: (topic: string) => void;
}

interface Entry {
  route: TopicRoute | undefined;
  /** Canonical text of the route, to see changes. */
  text: string;
  /** Refreshed for as long as somebody subscribes; others are refreshed while they are used. */
  pins: number;
  usedMs: number;
  /** A topic without a route is asked for again after this, growing up to the refresh period. */
  retryMs: number;
  dueMs: number;
  pending: Promise<TopicRoute> | undefined;
  /** The name servers said that there is no such topic. */
  missing: boolean;
  /** When it was last said that no name server answers. */
  warnedMs: number;
}

const TOPICS_MAX = 10_000;
const TICK_MS = 1000;
/** A topic nobody used for this long is no longer refreshed. */
const IDLE_MAX_MS = 600_000;
/** Requests to the name servers at once during a refresh. */
const REFRESH_CONCURRENCY = 8;

/**
 * Where topics are, refreshed every 30 s. What is known stays known when name servers fail or have forgotten it: a
 * restarted, empty name server takes nothing away from a running client.
 */
export class RouteTable {
  readonly #options: RouteTableOptions;
  readonly #entries = new Map<string, Entry>();
  #timer: Timer | undefined;
  #refreshing = false;

  constructor(options: RouteTableOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = every(this.#options.clock, TICK_MS, () => void this.#refreshDue());
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Keeps a topic's route fresh until `unpin`. */
  pin(topic: string): void {
    this.#entry(topic).pins++;
  }

  unpin(topic: string): void {
    const entry = this.#entries.get(topic);
    if (entry !== undefined) entry.pins--;
  }

  /** The route as known now. */
  known(topic: string): TopicRoute | undefined {
    return this.#entries.get(topic)?.route;
  }

  /** True when the name servers were asked and know no such topic. */
  isMissing(topic: string): boolean {
    return this.#entries.get(topic)?.missing ?? false;
  }

  /**
   * The known route, or the name servers' answer when there is none yet.
   * @throws RouteNotFoundError, ConnectError
   */
  get(topic: string): Promise<TopicRoute> {
    const entry = this.#entry(topic);
    entry.usedMs = this.#options.clock.monotonic();
    return entry.route === undefined ? this.refresh(topic) : Promise.resolve(entry.route);
  }

  /** Asks the name servers now; questions for one topic at the same time are one question. */
  refresh(topic: string): Promise<TopicRoute> {
    const entry = this.#entry(topic);
    entry.pending ??= this.#ask(topic, entry).finally(() => {
      entry.pending = undefined;
    });
    return entry.pending;
  }

  /** Asks again soon, because a server's answer contradicts the route. */
  expire(topic: string): void {
    const entry = this.#entries.get(topic);
    if (entry !== undefined) entry.dueMs = 0;
  }

  /** Address of a broker's master, from any topic's route. */
  master(brokerName: string): string | undefined {
    return this.broker(brokerName)?.brokerAddrs[MASTER_ID];
  }

  broker(brokerName: string): BrokerData | undefined {
    for (const { route } of this.#entries.values()) {
      const broker = route?.brokerDatas.find((data) => data.brokerName === brokerName);
      if (broker !== undefined) return broker;
    }
    return undefined;
  }

  /** Addresses of all brokers that any known topic has queues on. */
  addresses(mastersOnly: boolean): Set<string> {
    const addresses = new Set<string>();
    for (const { route } of this.#entries.values()) {
      for (const { brokerAddrs } of route?.brokerDatas ?? []) {
        for (const [id, address] of Object.entries(brokerAddrs)) {
          if (!mastersOnly || id === MASTER_ID) addresses.add(address);
        }
      }
    }
    return addresses;
  }

  async #refreshDue(): Promise<void> {
    if (this.#refreshing) return;
    this.#refreshing = true;
    try {
      const nowMs = this.#options.clock.monotonic();
      const due = [...this.#entries].filter(([, entry]) => entry.dueMs <= nowMs && this.#inUse(entry, nowMs));
      for (let at = 0; at < due.length; at += REFRESH_CONCURRENCY) {
        const part = due.slice(at, at + REFRESH_CONCURRENCY);
        await Promise.allSettled(part.map(([topic]) => this.refresh(topic)));
      }
      this.#forgetIdle(nowMs);
    } finally {
      this.#refreshing = false;
    }
  }

  async #ask(topic: string, entry: Entry): Promise<TopicRoute> {
    const { clock, log, nameServers, refreshMs, onChange } = this.#options;
    try {
      const route = await nameServers.route(topic);
      entry.missing = false;
      entry.warnedMs = -Infinity;
      entry.retryMs = TICK_MS;
      entry.dueMs = clock.monotonic() + refreshMs;
      const text = canonical(route);
      if (text === entry.text) return entry.route ?? route;
      entry.route = route;
      entry.text = text;
      log.debug({ topic, route }, 'route changed');
      onChange(topic);
      return route;
    } catch (error) {
      entry.dueMs = clock.monotonic() + entry.retryMs;
      entry.retryMs = Math.min(refreshMs, entry.retryMs * 2);
      if (!(error instanceof MqError)) throw error;
      entry.missing = error instanceof RouteNotFoundError;
      // Every attempt of every send ends here: once in a while is enough.
      if (!entry.missing && clock.monotonic() - entry.warnedMs >= refreshMs) {
        entry.warnedMs = clock.monotonic();
        log.warn({ topic, reason: errorText(error) }, 'no route');
      }
      if (entry.route !== undefined) return entry.route;
      throw error;
    }
  }

  #entry(topic: string): Entry {
    let entry = this.#entries.get(topic);
    if (entry === undefined) {
      if (this.#entries.size >= TOPICS_MAX) this.#forgetOldest();
      const usedMs = this.#options.clock.monotonic();
      entry = {
        route: undefined,
        text: '',
        pins: 0,
        usedMs,
        retryMs: TICK_MS,
        dueMs: 0,
        pending: undefined,
        missing: false,
        warnedMs: -Infinity,
      };
      this.#entries.set(topic, entry);
    }
    return entry;
  }

  #inUse(entry: Entry, nowMs: number): boolean {
    return entry.pins > 0 || nowMs - entry.usedMs < IDLE_MAX_MS;
  }

  #forgetIdle(nowMs: number): void {
    for (const [topic, entry] of this.#entries) if (!this.#inUse(entry, nowMs)) this.#entries.delete(topic);
  }

  #forgetOldest(): void {
    let oldest: string | undefined;
    let usedMs = Infinity;
    for (const [topic, entry] of this.#entries) {
      if (entry.pins > 0 || entry.usedMs >= usedMs) continue;
      oldest = topic;
      usedMs = entry.usedMs;
    }
    if (oldest !== undefined) this.#entries.delete(oldest);
  }
}

/** Name servers list brokers in changing order; that is no change. */
function canonical(route: TopicRoute): string {
  const sorted = (items: readonly unknown[]): string[] => items.map((item) => JSON.stringify(item)).sort();
  return JSON.stringify([sorted(route.brokerDatas), sorted(route.queueDatas), route.orderTopicConf]);
}
