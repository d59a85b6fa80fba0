import type { Clock, Timer } from '@cometmq/common/clock/clock';
import { every } from '@cometmq/common/clock/clock';
import type { Logger } from '@cometmq/common/logging/logger';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Attention, BrokerView, ClusterView, GroupSummary, RateSample } from '../api-contract.ts';
import type { BrokerStatus, ConsoleAdmin } from '../console-admin.ts';
import type { AnswerCache } from './answer-cache.ts';
import type { GroupViews } from './group-view.ts';
import { known, numberIn, sumKnown } from './known.ts';
import { LIMITS } from './limits.ts';
import { outcomeOf } from './map-bounded.ts';
import { RateMeter } from './rate-meter.ts';
import type { TopicViews } from './topic-view.ts';

const DISK_WARN_RATIO = 0.75;
const DISK_BAD_RATIO = 0.85;
const BEHIND_MS = 60_000;
const STATUS_MAX_AGE_MS = 1_500;
const GROUPS_MAX_AGE_MS = 5_000;

export interface ClusterViewParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly admin: ConsoleAdmin;
  readonly cache: AnswerCache;
  readonly topics: TopicViews;
  readonly groups: GroupViews;
  readonly consoleVersion: string;
}

/** The overview: brokers, rates with the last hour, and what needs a look. */
export class ClusterViews {
  readonly #parts: ClusterViewParts;
  readonly #meter = new RateMeter(256);
  readonly #history: RateSample[] = [];
  #sampler: Timer | undefined;
  #sampling = false;

  constructor(parts: ClusterViewParts) {
    this.#parts = parts;
  }

  /** Starts to remember rates, so that charts are full when a page opens. */
  start(): void {
    void this.#sample();
    this.#sampler = every(this.#parts.clock, LIMITS.historyStepMs, () => void this.#sample());
  }

  stop(): void {
    this.#sampler?.cancel();
  }

  async overview(): Promise<ClusterView> {
    const { clock, consoleVersion } = this.#parts;
    const [{ brokers, nameServers }, topics, groups] = await Promise.all([
      this.status(),
      outcomeOf(this.#parts.topics.userTopicNames()),
      outcomeOf(this.#groupSummaries()),
    ]);
    const masters = answering(brokers);
    const summaries = groups.ok ? groups.value.items : [];
    return known<ClusterView>({
      atMs: clock.now(),
      nameServers,
      brokers,
      inPerSecond: sumKnown(masters.map((broker) => broker.putPerSecond)),
      outPerSecond: sumKnown(masters.map((broker) => broker.getPerSecond)),
      inTotal: sumKnown(masters.map((broker) => broker.putTotal)),
      outTotal: sumKnown(masters.map((broker) => broker.getTotal)),
      topicCount: topics.ok ? topics.value.length : undefined,
      groupCount: groups.ok ? groups.value.total : undefined,
      lag: groups.ok ? sumOfKnown(summaries.map((group) => group.lag)) : undefined,
      lagUnknownGroups: groups.ok
        ? summaries.filter((group) => group.lag === undefined && group.topics?.length !== 0).length
        : undefined,
      delayMs: groups.ok
        ? summaries.reduce((most, group) => Math.max(most, group.delayMs ?? 0), 0)
        : undefined,
      deadLetters: groups.ok ? sumOfKnown(summaries.map((group) => group.deadLetters)) : undefined,
      clients: groups.ok ? sumOfKnown(summaries.map((group) => group.clients)) : undefined,
      history: [...this.#history],
      historyStepMs: LIMITS.historyStepMs,
      attention: attentionOf(brokers, summaries),
      notes: groups.ok ? groups.value.notes : [`Consumer groups could not be read: ${groups.fault}`],
      consoleVersion,
    });
  }

  status(): Promise<Pick<ClusterView, 'nameServers' | 'brokers'>> {
    return this.#parts.cache.get('cluster', STATUS_MAX_AGE_MS, async () => {
      const { nameServers, brokers } = await this.#parts.admin.clusterStatus();
      return { nameServers, brokers: brokers.map((broker) => this.#broker(broker)) };
    });
  }

  #broker(broker: BrokerStatus): BrokerView {
    const { runtime: table, fault, ...address } = broker;
    const role = broker.id === 0 ? 'master' : 'replica';
    if (!table) return known<BrokerView>({ ...address, role, online: false, fault });
    const atMs = this.#parts.clock.monotonic();
    const putTotal = numberIn(table, 'msgPutTotalTodayNow') ?? numberIn(table, 'putMessageTimesTotal');
    const getTotal = numberIn(table, 'msgGetTotalTodayNow');
    return known<BrokerView>({
      ...address,
      role,
      online: true,
      version: table['brokerVersionDesc'],
      startedAtMs: numberIn(table, 'bootTimestamp'),
      putPerSecond:
        this.#meter.observe(`${broker.address} put`, putTotal, atMs) ?? firstNumber(table['putTps']),
      getPerSecond:
        this.#meter.observe(`${broker.address} get`, getTotal, atMs) ??
        firstNumber(table['getTransferredTps']),
      putTotal,
      getTotal,
      diskUsedRatio: diskRatio(table),
      oldestMessageAtMs: positive(numberIn(table, 'earliestMessageTimeStamp')),
    });
  }

  #groupSummaries(): ReturnType<GroupViews['list']> {
    const query = { offset: 0, limit: LIMITS.overviewGroupsMax, system: false };
    return this.#parts.cache.get('overview groups', GROUPS_MAX_AGE_MS, () => this.#parts.groups.list(query));
  }

  async #sample(): Promise<void> {
    if (this.#sampling) return; // a slow broker must not pile up questions
    this.#sampling = true;
    try {
      const masters = answering((await this.status()).brokers);
      this.#remember({
        inPerSecond: sumKnown(masters.map((broker) => broker.putPerSecond)),
        outPerSecond: sumKnown(masters.map((broker) => broker.getPerSecond)),
      });
    } catch (error) {
      this.#parts.log.debug({ error: errorText(error) }, 'no rates: the cluster did not answer');
      this.#remember({ inPerSecond: undefined, outPerSecond: undefined });
    } finally {
      this.#sampling = false;
    }
  }

  #remember(rates: { inPerSecond: number | undefined; outPerSecond: number | undefined }): void {
    this.#history.push(known<RateSample>({ atMs: this.#parts.clock.now(), ...rates }));
    if (this.#history.length > LIMITS.historySamplesMax) this.#history.shift();
  }
}

/** Who takes messages. One that does not answer is named as such on the page, and does not blind the rest. */
function answering(brokers: readonly BrokerView[]): BrokerView[] {
  return brokers.filter((broker) => broker.role === 'master' && broker.online);
}

/** Adds what is known; undefined when nothing is. */
function sumOfKnown(parts: readonly (number | undefined)[]): number | undefined {
  return sumKnown(parts.filter((part) => part !== undefined)) ?? (parts.length === 0 ? 0 : undefined);
}

/** TPS members hold three averages: 10 s, 60 s, 600 s. */
function firstNumber(text: string | undefined): number | undefined {
  const value = Number.parseFloat(text ?? '');
  return Number.isFinite(value) ? value : undefined;
}

function positive(value: number | undefined): number | undefined {
  return value !== undefined && value > 0 ? value : undefined;
}

function diskRatio(table: Readonly<Record<string, string>>): number | undefined {
  const ratio = numberIn(table, 'commitLogDiskRatio');
  return ratio !== undefined && ratio >= 0 && ratio <= 1 ? ratio : undefined;
}

function attentionOf(brokers: readonly BrokerView[], groups: readonly GroupSummary[]): Attention[] {
  const found: Attention[] = [];
  if (brokers.length === 0) found.push({ severity: 'bad', kind: 'no-broker', subject: '' });
  for (const { name, online, fault, diskUsedRatio } of brokers) {
    if (!online)
      found.push(known<Attention>({ severity: 'bad', kind: 'broker-offline', subject: name, detail: fault }));
    else if (diskUsedRatio !== undefined && diskUsedRatio >= DISK_WARN_RATIO) {
      const severity = diskUsedRatio >= DISK_BAD_RATIO ? 'bad' : 'warn';
      found.push({ severity, kind: 'disk', subject: name, value: diskUsedRatio });
    }
  }
  for (const { name, lag = 0, clients, delayMs = 0, deadLetters = 0 } of groups) {
    if (lag > 0 && clients === 0)
      found.push({ severity: 'bad', kind: 'group-unattended', subject: name, value: lag });
    else if (lag > 0 && delayMs > BEHIND_MS)
      found.push({ severity: 'warn', kind: 'group-behind', subject: name, value: lag });
    if (deadLetters > 0)
      found.push({ severity: 'warn', kind: 'dead-letters', subject: name, value: deadLetters });
  }
  return found.sort(
    (a, b) => Number(b.severity === 'bad') - Number(a.severity === 'bad') || (b.value ?? 0) - (a.value ?? 0),
  );
}
