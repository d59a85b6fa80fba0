import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { Perm } from '@cometmq/common/message/sys-flag';
import { groupOfRetryTopic, isDlqTopic, isRetryTopic } from '@cometmq/common/topic/names';
import type {
  ChangeResult,
  GroupOnTopic,
  MessageType,
  Page,
  TopicCreate,
  TopicDetail,
  TopicKind,
  TopicQueue,
  TopicRouteView,
  TopicSummary,
} from '../api-contract.ts';
import type { ConsoleAdmin, QueueStats, RouteEntry, ServerOutcome, TopicName } from '../console-admin.ts';
import { queueKey } from '../console-admin.ts';
import type { AnswerCache } from './answer-cache.ts';
import { known, sumKnown } from './known.ts';
import { LIMITS } from './limits.ts';
import { mapBounded, outcomeOf } from './map-bounded.ts';
import { RateMeter } from './rate-meter.ts';

const NAMES_MAX_AGE_MS = 2_000;
const STATS_MAX_AGE_MS = 1_500;
const SETTINGS_MAX_AGE_MS = 10_000;
const MESSAGE_TYPES: readonly string[] = [
  'NORMAL',
  'FIFO',
  'DELAY',
  'TRANSACTION',
  'MIXED',
  'LITE',
  'UNSPECIFIED',
];

export interface TopicQuery {
  readonly kind: TopicKind | 'derived' | 'all';
  readonly search?: string | undefined;
  readonly offset: number;
  readonly limit: number;
}

interface TimedStats {
  readonly atMs: number;
  readonly rows: readonly QueueStats[];
  readonly failures: readonly string[];
}

/** Topics: which exist, whether they move, who writes and who reads. */
export class TopicViews {
  readonly #clock: Clock;
  readonly #admin: ConsoleAdmin;
  readonly #cache: AnswerCache;
  readonly #meter = new RateMeter(4_096);

  constructor(clock: Clock, admin: ConsoleAdmin, cache: AnswerCache) {
    this.#clock = clock;
    this.#admin = admin;
    this.#cache = cache;
  }

  async userTopicNames(): Promise<string[]> {
    return (await this.#names()).filter((topic) => topic.kind === 'user').map((topic) => topic.name);
  }

  /** Where a key or an id may be: everything but the system's topics. */
  async searchableTopicNames(): Promise<string[]> {
    return (await this.#names()).filter((topic) => topic.kind !== 'system').map((topic) => topic.name);
  }

  async exists(topic: string): Promise<boolean> {
    return (await this.#names()).some(({ name }) => name === topic);
  }

  async list(query: TopicQuery): Promise<Page<TopicSummary>> {
    const search = query.search?.toLowerCase() ?? '';
    const names = (await this.#names()).filter(
      ({ name, kind }) => kindMatches(kind, query.kind) && name.toLowerCase().includes(search),
    );
    const page = names.slice(query.offset, query.offset + query.limit);
    const items = await mapBounded(page, LIMITS.concurrency, ({ name, kind }) => this.#summary(name, kind));
    return {
      items: items.map((item, index) =>
        item.ok ? item.value : { ...(page[index] as TopicName), fault: item.fault },
      ),
      total: names.length,
      offset: query.offset,
      limit: query.limit,
      notes: items
        .flatMap((item, index) => (item.ok ? [] : [`${page[index]?.name ?? ''}: ${item.fault}`]))
        .slice(0, 10),
    };
  }

  async detail(name: string): Promise<TopicDetail> {
    const route = await this.#admin.topicRoute(name);
    if (route.length === 0) throw topicUnknown(name);
    const kind = (await this.#names()).find((topic) => topic.name === name)?.kind ?? 'user';
    const [summary, stats, producers] = await Promise.all([
      this.#summary(name, kind),
      outcomeOf(this.stats(name)),
      outcomeOf(this.#cache.get('producers', SETTINGS_MAX_AGE_MS, () => this.#admin.producers())),
    ]);
    const rows = stats.ok ? stats.value.rows : [];
    const groups = (summary.groups ?? []).slice(0, LIMITS.pageItemsMax);
    const consumers = await mapBounded(groups, LIMITS.concurrency, (group) =>
      this.#groupOnTopic(group, name),
    );
    return known<TopicDetail>({
      ...summary,
      atMs: this.#clock.now(),
      readQueues: route.reduce((sum, entry) => sum + entry.readQueues, 0),
      writeQueues: route.reduce((sum, entry) => sum + entry.writeQueues, 0),
      queues: rows
        .slice(0, LIMITS.queuesShownMax)
        .map((row) => this.#queue(row, stats.ok ? stats.value.atMs : 0)),
      route: route.map(routeView),
      consumers: consumers.map((one, index) => (one.ok ? one.value : { group: groups[index] ?? '' })),
      producers: producers.ok ? producers.value.items.slice(0, LIMITS.clientsShownMax) : undefined,
      notes: [
        ...(stats.ok ? stats.value.failures : [`Offsets could not be read: ${stats.fault}`]),
        ...(producers.ok ? producers.value.failures : [`Producers could not be read: ${producers.fault}`]),
        ...(rows.length > LIMITS.queuesShownMax
          ? [`Only ${LIMITS.queuesShownMax} of ${rows.length} queues are shown.`]
          : []),
      ],
    });
  }

  stats(topic: string): Promise<TimedStats> {
    return this.#cache.get(`stats ${topic}`, STATS_MAX_AGE_MS, async () => {
      const { items, failures } = await this.#admin.topicStats(topic);
      const rows = [...items].sort((a, b) => compareText(a.broker, b.broker) || a.queueId - b.queueId);
      return { atMs: this.#clock.monotonic(), rows, failures };
    });
  }

  /** Messages written per second; undefined until two readings are apart. */
  async inPerSecond(topic: string): Promise<number | undefined> {
    const { atMs, rows, failures } = await this.stats(topic);
    if (failures.length > 0) return undefined;
    return this.#meter.observe(topic, sumKnown(rows.map((row) => row.maxOffset)), atMs);
  }

  async create(request: TopicCreate): Promise<ChangeResult> {
    if ((await this.#admin.topicRoute(request.name)).length > 0) {
      throw new MqError('INVALID_ARGUMENT', `Topic ${request.name} exists already.`, {
        hint: `Look at it with: comet topic get ${request.name}`,
      });
    }
    const { name, queues, messageType } = request;
    return this.#changed(await this.#admin.createTopic({ name, queues, messageType }, request.brokers));
  }

  async delete(name: string): Promise<ChangeResult> {
    if ((await this.#admin.topicRoute(name)).length === 0) throw topicUnknown(name);
    return this.#changed(await this.#admin.deleteTopic(name));
  }

  #changed(outcomes: readonly ServerOutcome[]): ChangeResult {
    this.#cache.clear();
    return { complete: outcomes.every((outcome) => outcome.ok), outcomes };
  }

  #names(): Promise<TopicName[]> {
    return this.#cache.get('topics', NAMES_MAX_AGE_MS, async () => {
      const { items } = await this.#admin.topics();
      return [...items].sort((a, b) => compareText(a.name, b.name));
    });
  }

  async #summary(name: string, kind: TopicKind): Promise<TopicSummary> {
    const [stats, type, groups] = await Promise.all([
      this.stats(name),
      outcomeOf(this.#cache.get(`type ${name}`, SETTINGS_MAX_AGE_MS, () => this.#admin.topicType(name))),
      outcomeOf(
        this.#cache.get(`groups of ${name}`, SETTINGS_MAX_AGE_MS, () => this.#admin.topicGroups(name)),
      ),
    ]);
    const whole = stats.failures.length === 0; // half a sum would look like the whole
    const lastWriteAtMs = Math.max(0, ...stats.rows.map((row) => row.lastUpdateTimestamp));
    return known<TopicSummary>({
      name,
      kind,
      owner: ownerOf(name),
      messageType: type.ok && type.value !== undefined ? messageType(type.value) : undefined,
      readQueues: stats.rows.length,
      messages: whole ? sumKnown(stats.rows.map((row) => row.maxOffset - row.minOffset)) : undefined,
      inPerSecond: await this.inPerSecond(name),
      lastWriteAtMs: lastWriteAtMs > 0 ? lastWriteAtMs : undefined,
      groups: groups.ok ? [...groups.value.items].sort(compareText) : undefined,
      fault: stats.failures[0],
    });
  }

  #queue(row: QueueStats, atMs: number): TopicQueue {
    return known<TopicQueue>({
      broker: row.broker,
      queueId: row.queueId,
      minOffset: row.minOffset,
      maxOffset: row.maxOffset,
      inPerSecond: this.#meter.observe(queueKey(row), row.maxOffset, atMs),
      lastWriteAtMs: row.lastUpdateTimestamp > 0 ? row.lastUpdateTimestamp : undefined,
    });
  }

  async #groupOnTopic(group: string, topic: string): Promise<GroupOnTopic> {
    const [progress, connection] = await Promise.all([
      outcomeOf(this.#admin.groupProgress(group)),
      outcomeOf(this.#admin.groupConnection(group)),
    ]);
    const rows = progress.ok ? progress.value.items.filter((row) => row.topic === topic) : [];
    return known<GroupOnTopic>({
      group,
      lag:
        progress.ok && progress.value.failures.length > 0
          ? undefined
          : sumKnown(rows.map((row) => Math.max(0, row.brokerOffset - Math.max(0, row.consumerOffset)))),
      clients: connection.ok ? (connection.value?.clients.length ?? 0) : undefined,
    });
  }
}

function kindMatches(kind: TopicKind, wanted: TopicQuery['kind']): boolean {
  return (
    wanted === 'all' || kind === wanted || (wanted === 'derived' && (kind === 'retry' || kind === 'dlq'))
  );
}

function ownerOf(topic: string): string | undefined {
  if (isRetryTopic(topic)) return groupOfRetryTopic(topic);
  return isDlqTopic(topic) ? topic.slice('%DLQ%'.length) : undefined;
}

function messageType(text: string): MessageType | undefined {
  return MESSAGE_TYPES.includes(text) ? (text as MessageType) : undefined;
}

function routeView(entry: RouteEntry): TopicRouteView {
  const { perm, ...rest } = entry;
  return { ...rest, readable: (perm & Perm.READ) !== 0, writable: (perm & Perm.WRITE) !== 0 };
}

function topicUnknown(name: string): MqError {
  return new MqError('TOPIC_NOT_EXIST', `There is no topic ${name}.`, {
    hint: `Create it: comet topic create ${name}`,
  });
}

export function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
