import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { dlqTopic, retryTopic } from '@cometmq/common/topic/names';
import type {
  ClientRunningInfo,
  ConsumeModel,
  GroupDetail,
  GroupQueue,
  GroupSummary,
  Page,
} from '../api-contract.ts';
import { type ConsoleAdmin, type GroupConnection, type QueueProgress, queueKey } from '../console-admin.ts';
import type { AnswerCache } from './answer-cache.ts';
import { known, sumKnown } from './known.ts';
import { LIMITS } from './limits.ts';
import { mapBounded, outcomeOf } from './map-bounded.ts';
import { isSystemGroup } from './system-groups.ts';
import { RateMeter } from './rate-meter.ts';
import { compareText, type TopicViews } from './topic-view.ts';

const NAMES_MAX_AGE_MS = 2_000;
const PROGRESS_MAX_AGE_MS = 1_500;
const OWNERS_MAX_AGE_MS = 5_000;
const DEAD_LETTERS_MAX_AGE_MS = 10_000;

export interface GroupQuery {
  readonly search?: string | undefined;
  readonly system: boolean;
  readonly offset: number;
  readonly limit: number;
}

interface TimedProgress {
  readonly atMs: number;
  readonly rows: readonly QueueProgress[];
  readonly failures: readonly string[];
}

/** Consumer groups: how far behind, by how long, and who works on it. */
export class GroupViews {
  readonly #clock: Clock;
  readonly #admin: ConsoleAdmin;
  readonly #cache: AnswerCache;
  readonly #topics: TopicViews;
  readonly #meter = new RateMeter(2_048);

  constructor(clock: Clock, admin: ConsoleAdmin, cache: AnswerCache, topics: TopicViews) {
    this.#clock = clock;
    this.#admin = admin;
    this.#cache = cache;
    this.#topics = topics;
  }

  async list(query: GroupQuery): Promise<Page<GroupSummary>> {
    const search = query.search?.toLowerCase() ?? '';
    const names = (await this.#names()).filter(
      (name) => (query.system || !isSystemGroup(name)) && name.toLowerCase().includes(search),
    );
    const page = names.slice(query.offset, query.offset + query.limit);
    const summaries = await mapBounded(page, LIMITS.concurrency, (name) => this.#summary(name));
    const items = summaries.map((one, index): GroupSummary => {
      const name = page[index] ?? '';
      return one.ok ? one.value : { name, system: isSystemGroup(name), fault: one.fault };
    });
    const notes = items.flatMap(({ name, fault }) =>
      fault === undefined ? [] : [`Group ${name}: ${fault}`],
    );
    return {
      items,
      total: names.length,
      offset: query.offset,
      limit: query.limit,
      notes: notes.slice(0, 10),
    };
  }

  async detail(name: string): Promise<GroupDetail> {
    const [names, connection] = await Promise.all([this.#names(), this.#connection(name)]);
    if (!names.includes(name) && !connection) throw groupUnknown(name);
    const clients = connection?.clients ?? [];
    const [summary, progress, owners] = await Promise.all([
      this.#summary(name),
      this.progress(name),
      outcomeOf(this.#owners(name, clients.length)),
    ]);
    const rows = progress.rows.slice(0, LIMITS.queuesShownMax);
    const rates = await mapBounded(
      (summary.topics ?? []).slice(0, LIMITS.topicsOfOneGroupMax),
      LIMITS.concurrency,
      (topic) => this.#topics.inPerSecond(topic),
    );
    return known<GroupDetail>({
      ...summary,
      atMs: this.#clock.now(),
      queues: rows.map((row) => groupQueue(row, owners.ok ? owners.value.get(queueKey(row)) : undefined)),
      connections: clients.slice(0, LIMITS.clientsShownMax),
      subscriptions: connection?.subscriptions ?? [],
      consumeFrom: connection?.consumeFromWhere,
      inPerSecond: sumKnown(rates.map((rate) => (rate.ok ? rate.value : undefined))),
      notes: [
        ...progress.failures,
        ...(owners.ok ? [] : [`Queue owners could not be read: ${owners.fault}`]),
        ...(progress.rows.length > rows.length
          ? [`Only ${rows.length} of ${progress.rows.length} queues are shown.`]
          : []),
      ],
    });
  }

  progress(group: string): Promise<TimedProgress> {
    return this.#cache.get(`progress ${group}`, PROGRESS_MAX_AGE_MS, async () => {
      const { items, failures } = await this.#admin.groupProgress(group);
      const byPlace = (a: QueueProgress, b: QueueProgress): number =>
        compareText(a.topic, b.topic) || compareText(a.broker, b.broker) || a.queueId - b.queueId;
      return { atMs: this.#clock.monotonic(), rows: [...items].sort(byPlace), failures };
    });
  }

  async clientInfo(group: string, clientId: string, withStack: boolean): Promise<ClientRunningInfo> {
    return { clientId, ...(await this.#admin.runningInfo(group, clientId, withStack)) };
  }

  async onlineClients(group: string): Promise<number> {
    return (await this.#admin.groupConnection(group))?.clients.length ?? 0;
  }

  #names(): Promise<string[]> {
    return this.#cache.get('groups', NAMES_MAX_AGE_MS, async () =>
      [...(await this.#admin.groupNames()).items].sort(compareText),
    );
  }

  #connection(group: string): Promise<GroupConnection | undefined> {
    return this.#cache.get(`connection ${group}`, PROGRESS_MAX_AGE_MS, () =>
      this.#admin.groupConnection(group),
    );
  }

  #owners(group: string, clientCount: number): Promise<ReadonlyMap<string, string>> {
    if (clientCount === 0) return Promise.resolve(new Map());
    return this.#cache.get(`owners ${group}`, OWNERS_MAX_AGE_MS, () => this.#admin.queueOwners(group));
  }

  async #summary(name: string): Promise<GroupSummary> {
    const [{ atMs, rows, failures }, connection, deadLetters] = await Promise.all([
      this.progress(name),
      outcomeOf(this.#connection(name)),
      outcomeOf(this.#deadLetters(name)),
    ]);
    const online = connection.ok ? connection.value : undefined;
    const retry = retryTopic(name);
    const subscribed = online?.subscriptions.map((subscription) => subscription.topic) ?? [];
    const topics = new Set(
      [...rows.map((row) => row.topic), ...subscribed].filter((topic) => topic !== retry),
    );
    // Brokers leave out topics that the group reads but has not committed in. A broadcasting group keeps its offsets
    // with the clients. Half a sum would look like the whole.
    const uncommitted = subscribed.some(
      (topic) => topic !== retry && !rows.some((row) => row.topic === topic),
    );
    const unknown = online?.messageModel === 'BROADCASTING' || failures.length > 0 || uncommitted;
    const committed = rows.filter((row) => row.consumerOffset >= 0);
    return known<GroupSummary>({
      name,
      system: isSystemGroup(name),
      topics: [...topics].sort(compareText).slice(0, LIMITS.topicsOfOneGroupMax),
      lag: unknown ? undefined : sumKnown(rows.map(lagOf)),
      delayMs: unknown ? undefined : this.#delayMs(rows),
      clients: connection.ok ? (online?.clients.length ?? 0) : undefined,
      model: consumeModel(online?.messageModel),
      consumeType: online?.consumeType,
      outPerSecond: this.#meter.observe(name, sumKnown(committed.map((row) => row.consumerOffset)), atMs),
      deadLetters: deadLetters.ok ? deadLetters.value : undefined,
      fault: failures[0],
    });
  }

  /** How long ago the last consumed message was stored, over queues that are behind. */
  #delayMs(rows: readonly QueueProgress[]): number | undefined {
    const behind = rows.filter((row) => lagOf(row) > 0);
    if (behind.length === 0) return rows.length > 0 ? 0 : undefined;
    const told = behind.filter((row) => row.lastTimestamp > 0);
    if (told.length === 0) return undefined;
    return Math.max(0, this.#clock.now() - Math.min(...told.map((row) => row.lastTimestamp)));
  }

  #deadLetters(group: string): Promise<number | undefined> {
    const topic = dlqTopic(group);
    return this.#cache.get(`dead letters ${group}`, DEAD_LETTERS_MAX_AGE_MS, async () => {
      if (!(await this.#topics.exists(topic))) return 0;
      const { rows } = await this.#topics.stats(topic);
      return sumKnown(rows.map((row) => row.maxOffset - row.minOffset));
    });
  }
}

function lagOf(row: QueueProgress): number {
  return Math.max(0, row.brokerOffset - Math.max(0, row.consumerOffset));
}

function groupQueue(row: QueueProgress, ownerClientId: string | undefined): GroupQueue {
  return known<GroupQueue>({
    topic: row.topic,
    broker: row.broker,
    queueId: row.queueId,
    brokerOffset: row.brokerOffset,
    consumerOffset: row.consumerOffset >= 0 ? row.consumerOffset : undefined,
    lag: lagOf(row),
    ownerClientId,
    lastConsumedStoredAtMs: row.lastTimestamp > 0 ? row.lastTimestamp : undefined,
  });
}

function consumeModel(text: string | undefined): ConsumeModel | undefined {
  return text === 'CLUSTERING' || text === 'BROADCASTING' ? text : undefined;
}

function groupUnknown(name: string): MqError {
  return new MqError('GROUP_NOT_EXIST', `There is no consumer group ${name}.`, {
    hint: 'A group appears when its first consumer starts, or with: comet group create <name>',
  });
}
