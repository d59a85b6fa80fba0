import type { FoundMessage } from '@cometmq/client/admin/message-admin';
import type { ResetPlan, ResetResult, ResetTarget } from '@cometmq/client/admin/offset-reset';
import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { encodeHost } from '@cometmq/common/message/host';
import { encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import type {
  BrokerStatus,
  ClusterStatus,
  ConsoleAdmin,
  Gathered,
  GroupClient,
  GroupConnection,
  PulledMessages,
  QueueId,
  QueueProgress,
  QueueStats,
  RouteEntry,
  RunningInfo,
  ServerOutcome,
  TopicName,
  TopicProducer,
  TopicSpec,
} from '@cometmq/console/console-admin';
import { queueKey } from '@cometmq/console/console-admin';

interface Topic {
  readonly name: string;
  readonly kind: TopicName['kind'];
  readonly type: string;
  readonly queues: FoundMessage[][];
}

interface Group {
  readonly name: string;
  readonly topics: Set<string>;
  readonly offsets: Map<string, number>;
  clients: GroupClient[];
}

export interface MemoryMessage {
  readonly key?: string;
  readonly id?: string;
  readonly tag?: string;
  readonly body?: string | Buffer;
  readonly queueId?: number;
  readonly properties?: Readonly<Record<string, string>>;
  readonly bornAtMs?: number;
}

const BROKER = 'broker-a';
const HOST = { address: '127.0.0.1', port: 10911 };
const PULL_MAX = 32;

/** A cluster of one broker in memory: as much of it as the console asks for. */
export class MemoryAdmin implements ConsoleAdmin {
  readonly #clock: Clock;
  readonly #topics = new Map<string, Topic>();
  readonly #groups = new Map<string, Group>();
  #physicalOffset = 0;
  /** Names of methods in the order they were called. */
  readonly calls: string[] = [];
  /** Methods that fail, with the error to throw. */
  readonly broken = new Map<string, Error>();
  /** Topics without a committed offset: brokers leave them out of a group's progress. */
  readonly uncommitted = new Set<string>();
  /** Sentences that gathered answers carry as missing parts. */
  failures: string[] = [];
  brokers: BrokerStatus[];
  runtime: Record<string, string> = {
    brokerVersionDesc: 'V5_4_0',
    commitLogDiskRatio: '0.41',
    putTps: '12.0 11.0 10.0',
  };

  constructor(clock: Clock) {
    this.#clock = clock;
    this.brokers = [{ cluster: 'DefaultCluster', name: BROKER, id: 0, address: '127.0.0.1:10911' }];
  }

  addTopic(name: string, queues = 2, kind: TopicName['kind'] = 'user', type = 'NORMAL'): this {
    this.#topics.set(name, { name, kind, type, queues: Array.from({ length: queues }, () => []) });
    return this;
  }

  send(topic: string, message: MemoryMessage = {}): FoundMessage {
    const { queues } = this.#topic(topic);
    const queueId = message.queueId ?? 0;
    const queue = queues[queueId] as FoundMessage[];
    const body = Buffer.from(message.body ?? '{}');
    const physicalOffset = this.#physicalOffset;
    this.#physicalOffset += body.length + 100;
    const properties = new Map(Object.entries(message.properties ?? {}));
    if (message.key !== undefined) properties.set('KEYS', message.key);
    if (message.tag !== undefined) properties.set('TAGS', message.tag);
    if (message.id !== undefined) properties.set('UNIQ_KEY', message.id);
    const offsetMessageId = encodeOffsetMessageId(encodeHost(HOST.address, HOST.port), physicalOffset);
    const stored: FoundMessage = {
      topic,
      broker: BROKER,
      queueId,
      queueOffset: queue.length,
      physicalOffset,
      flag: 0,
      sysFlag: 0,
      bodyCrc: 0,
      bornTimestamp: message.bornAtMs ?? this.#clock.now(),
      storeTimestamp: this.#clock.now(),
      bornHost: { address: '127.0.0.1', port: 40_000 },
      storeHost: HOST,
      reconsumeTimes: 0,
      preparedTransactionOffset: 0,
      body,
      properties,
      storeSize: body.length + 100,
      offsetMessageId,
      messageId: message.id ?? offsetMessageId,
    };
    queue.push(stored);
    return stored;
  }

  addGroup(name: string, topics: readonly string[], clients: readonly GroupClient[] = []): this {
    this.#groups.set(name, { name, topics: new Set(topics), offsets: new Map(), clients: [...clients] });
    return this;
  }

  setClients(group: string, clients: readonly GroupClient[]): void {
    this.#group(group).clients = [...clients];
  }

  commit(group: string, topic: string, queueId: number, offset: number): void {
    this.#group(group).offsets.set(queueKey({ topic, broker: BROKER, queueId }), offset);
  }

  clusterStatus(): Promise<ClusterStatus> {
    return this.#answer('clusterStatus', () => ({
      nameServers: [{ address: '127.0.0.1:9876', reachable: true }],
      brokers: this.brokers.map((broker) =>
        broker.fault === undefined ? { runtime: this.runtime, ...broker } : broker,
      ),
    }));
  }

  topics(): Promise<Gathered<TopicName>> {
    return this.#gathered('topics', () =>
      [...this.#topics.values()].map(({ name, kind }) => ({ name, kind })),
    );
  }

  topicRoute(name: string): Promise<readonly RouteEntry[]> {
    return this.#answer('topicRoute', () => {
      const topic = this.#topics.get(name);
      if (!topic) return [];
      const queues = topic.queues.length;
      const addresses = { '0': '127.0.0.1:10911' };
      return [
        {
          broker: BROKER,
          cluster: 'DefaultCluster',
          addresses,
          readQueues: queues,
          writeQueues: queues,
          perm: 6,
        },
      ];
    });
  }

  topicType(name: string): Promise<string | undefined> {
    return this.#answer('topicType', () => this.#topic(name).type);
  }

  topicStats(topic: string): Promise<Gathered<QueueStats>> {
    return this.#gathered('topicStats', () =>
      this.#topic(topic).queues.map((queue, queueId) => ({
        topic,
        broker: BROKER,
        queueId,
        minOffset: 0,
        maxOffset: queue.length,
        lastUpdateTimestamp: queue.at(-1)?.storeTimestamp ?? 0,
      })),
    );
  }

  topicGroups(topic: string): Promise<Gathered<string>> {
    return this.#gathered('topicGroups', () =>
      [...this.#groups.values()].filter((group) => group.topics.has(topic)).map((group) => group.name),
    );
  }

  producers(): Promise<Gathered<TopicProducer>> {
    return this.#gathered('producers', () => [
      {
        group: 'order-service',
        clientId: 'host@1',
        address: '127.0.0.1:50001',
        language: 'JAVA',
        version: '5.4.0',
      },
    ]);
  }

  createTopic(spec: TopicSpec): Promise<readonly ServerOutcome[]> {
    return this.#answer('createTopic', () => {
      this.addTopic(spec.name, spec.queues, 'user', spec.messageType);
      return [{ target: BROKER, ok: true }];
    });
  }

  deleteTopic(topic: string): Promise<readonly ServerOutcome[]> {
    return this.#answer('deleteTopic', () => {
      this.#topics.delete(topic);
      return [{ target: BROKER, ok: true }];
    });
  }

  groupNames(): Promise<Gathered<string>> {
    return this.#gathered('groupNames', () => [...this.#groups.keys()]);
  }

  groupProgress(name: string): Promise<Gathered<QueueProgress>> {
    return this.#gathered('groupProgress', () => {
      const group = this.#groups.get(name);
      if (!group) return [];
      return [...group.topics]
        .filter((topic) => !this.uncommitted.has(topic))
        .flatMap((topic) =>
          this.#topic(topic).queues.map((queue, queueId) => {
            const place = { topic, broker: BROKER, queueId };
            const consumerOffset = group.offsets.get(queueKey(place)) ?? -1;
            const lastTimestamp = queue[consumerOffset - 1]?.storeTimestamp ?? 0;
            return { ...place, brokerOffset: queue.length, consumerOffset, lastTimestamp };
          }),
        );
    });
  }

  groupConnection(name: string): Promise<GroupConnection | undefined> {
    return this.#answer('groupConnection', () => {
      const group = this.#groups.get(name);
      if (!group || group.clients.length === 0) return undefined;
      const subscriptions = [...group.topics].map((topic) => ({ topic, expression: '*', type: 'TAG' }));
      return {
        clients: group.clients,
        subscriptions,
        messageModel: 'CLUSTERING',
        consumeType: 'CONSUME_PASSIVELY',
      };
    });
  }

  queueOwners(name: string): Promise<ReadonlyMap<string, string>> {
    return this.#answer('queueOwners', () => {
      const { topics, clients } = this.#group(name);
      const places = [...topics].flatMap((topic) =>
        this.#topic(topic).queues.map((_, queueId) => queueKey({ topic, broker: BROKER, queueId })),
      );
      return new Map(places.map((place, index) => [place, clients[index % clients.length]?.clientId ?? '']));
    });
  }

  runningInfo(group: string, clientId: string, withStack: boolean): Promise<RunningInfo> {
    return this.#answer('runningInfo', () => {
      if (!this.#group(group).clients.some((client) => client.clientId === clientId)) {
        throw new MqError('CONSUMER_NOT_ONLINE', `client ${clientId} is not online`);
      }
      const stack = withStack ? { stack: 'main: running' } : {};
      return {
        properties: { PROP_CONSUME_TYPE: 'CONSUME_PASSIVELY' },
        subscriptions: [],
        queues: [],
        rates: [],
        ...stack,
      };
    });
  }

  planReset(group: string, topic: string, target: ResetTarget): Promise<ResetPlan> {
    return this.#answer('planReset', () => {
      const queues = this.#topic(topic).queues.map((queue, queueId) => {
        const committed = this.#group(group).offsets.get(queueKey({ topic, broker: BROKER, queueId }));
        const byTime =
          target.to === 'time'
            ? queue.findIndex((message) => message.storeTimestamp >= target.timestamp)
            : -1;
        const goal = target.to === 'earliest' ? 0 : byTime === -1 ? queue.length : byTime;
        const from = committed ?? goal;
        return {
          topic,
          brokerName: BROKER,
          address: '127.0.0.1:10911',
          queueId,
          minOffset: 0,
          maxOffset: queue.length,
          committed,
          target: goal,
          replay: Math.max(0, from - goal),
          skip: Math.max(0, goal - from),
        };
      });
      return {
        group,
        topic,
        target,
        queues,
        replay: queues.reduce((sum, queue) => sum + queue.replay, 0),
        skip: queues.reduce((sum, queue) => sum + queue.skip, 0),
        clientsOnline: this.#group(group).clients.length,
        complete: this.failures.length === 0,
        failures: this.failures.map((message) => ({
          server: 'broker-b',
          address: '',
          kind: 'TIMEOUT',
          message,
        })),
      };
    });
  }

  applyReset(plan: ResetPlan): Promise<ResetResult> {
    return this.#answer('applyReset', () => {
      for (const { queueId, target } of plan.queues) this.commit(plan.group, plan.topic, queueId, target);
      const queues = plan.queues.map(({ brokerName, queueId, committed, target }) => ({
        broker: brokerName,
        queueId,
        before: committed,
        after: target,
      }));
      return { group: plan.group, topic: plan.topic, queues, complete: true, failures: [] };
    });
  }

  searchOffset({ topic, queueId }: QueueId, timestamp: number): Promise<number> {
    return this.#answer('searchOffset', () => {
      const queue = this.#topic(topic).queues[queueId] ?? [];
      const index = queue.findIndex((message) => message.storeTimestamp >= timestamp);
      return index === -1 ? queue.length : index;
    });
  }

  pull({ topic, queueId }: QueueId, offset: number, maxCount: number): Promise<PulledMessages> {
    return this.#answer('pull', () => {
      const queue = this.#topic(topic).queues[queueId] ?? [];
      const messages = queue.slice(offset, offset + Math.min(maxCount, PULL_MAX));
      return { messages, nextOffset: offset + messages.length };
    });
  }

  queryByKey(topic: string, key: string, maxCount: number): Promise<Gathered<FoundMessage>> {
    return this.#gathered('queryByKey', () =>
      this.#find(topic, (message) => (message.properties.get('KEYS') ?? '').split(' ').includes(key)).slice(
        0,
        maxCount,
      ),
    );
  }

  queryByUniqueKey(topic: string, id: string): Promise<Gathered<FoundMessage>> {
    return this.#gathered('queryByUniqueKey', () =>
      this.#find(topic, (message) => message.properties.get('UNIQ_KEY') === id),
    );
  }

  viewMessage(offsetMessageId: string): Promise<FoundMessage | undefined> {
    return this.#answer(
      'viewMessage',
      () =>
        [...this.#topics.keys()].flatMap((topic) =>
          this.#find(topic, (message) => message.offsetMessageId === offsetMessageId),
        )[0],
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #find(topic: string, matches: (message: FoundMessage) => boolean): FoundMessage[] {
    return this.#topic(topic).queues.flat().filter(matches);
  }

  #topic(name: string): Topic {
    const topic = this.#topics.get(name);
    if (!topic) throw new MqError('TOPIC_NOT_EXIST', `topic ${name} does not exist`);
    return topic;
  }

  #group(name: string): Group {
    const group = this.#groups.get(name);
    if (!group) throw new MqError('GROUP_NOT_EXIST', `group ${name} does not exist`);
    return group;
  }

  #gathered<T>(method: string, ask: () => readonly T[]): Promise<Gathered<T>> {
    return this.#answer(method, () => ({ items: ask(), failures: this.failures }));
  }

  #answer<T>(method: string, ask: () => T): Promise<T> {
    this.calls.push(method);
    const error = this.broken.get(method);
    if (error) return Promise.reject(error);
    return new Promise((resolve) => {
      resolve(ask());
    });
  }
}
