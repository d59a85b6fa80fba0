import { topicNameFault } from '@cometmq/common/topic/names';
import type { TopicConfig } from '@cometmq/common/topic/topic-config';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import { MqError } from '@cometmq/common/error/mq-error';
import { readNames } from '@cometmq/remoting/protocol/body/name-list';
import type { TopicQueueStats } from '@cometmq/remoting/protocol/body/queue-stats';
import { readTopicStats } from '@cometmq/remoting/protocol/body/queue-stats';
import type { TopicRoute } from '@cometmq/remoting/protocol/body/route';
import { asObject } from '@cometmq/remoting/protocol/body/shape';
import { mapEntries, parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { readTopicConfig } from '@cometmq/remoting/protocol/body/topic-config';
import { ClusterHeader, NameServerTopicHeader } from '@cometmq/remoting/protocol/header/name-server';
import { CreateTopicHeader, TopicHeader } from '@cometmq/remoting/protocol/header/topic';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { AdminSession } from './admin-session.ts';
import type { BrokerSelection, ChangeResult } from './broker-selection.ts';
import { changeResult, selectBrokers } from './broker-selection.ts';
import type { Merged, ServerFailure, Target } from './partial.ts';
import { absentIf, gather, gatherSome } from './partial.ts';
import { byQueue } from './queue-order.ts';
import type { TopicKind } from './topic-kind.ts';
import { kindOf, messageTypeOf } from './topic-kind.ts';

export interface TopicEntry {
  readonly topic: string;
  readonly kind: TopicKind;
}

export interface TopicList extends Merged {
  readonly topics: readonly TopicEntry[];
}

/** A topic's settings on one broker. */
export interface BrokerTopicConfig {
  readonly broker: string;
  readonly address: string;
  readonly config: TopicConfig;
}

export interface TopicDetails extends Merged {
  readonly topic: string;
  readonly kind: TopicKind;
  /** UNSPECIFIED, NORMAL, FIFO, DELAY, TRANSACTION or MIXED. */
  readonly messageType: string;
  readonly brokers: readonly BrokerTopicConfig[];
}

/** What can be set of a topic; members that are left out keep their value, or get the default on creation. */
export interface TopicSettings {
  readonly readQueueNums?: number;
  readonly writeQueueNums?: number;
  /** Bits: 4 read, 2 write. */
  readonly perm?: number;
  readonly order?: boolean;
  /** Attributes to set; an empty value removes one. */
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface TopicCreation extends ChangeResult {
  readonly status: 'CREATED' | 'EXISTS';
}

export interface TopicStats extends Merged {
  readonly topic: string;
  readonly queues: readonly TopicQueueStats[];
  /** Messages that are still stored. */
  readonly messageCount: number;
  /** Store time of the newest message, ms; 0 when there is none. */
  readonly lastUpdateTimestamp: number;
}

const QUEUES_DEFAULT = 8;

/** Topics of the cluster. */
export class TopicAdmin {
  readonly #session: AdminSession;

  constructor(session: AdminSession) {
    this.#session = session;
  }

  /** All topics, classified. Broker and cluster names are topics as well; they count as system topics. */
  async list(selection: { readonly cluster?: string } = {}): Promise<TopicList> {
    const { cluster } = selection;
    const request =
      cluster === undefined
        ? { code: RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER }
        : { code: RequestCode.GET_TOPICS_BY_CLUSTER, extFields: ClusterHeader.encode({ cluster }) };
    const names = readNames(await this.#session.askNameServerBody(request), 'topicList');
    const { system, failures } = await this.#systemTopics();
    const topics = [...new Set(names)].sort().map((topic) => ({ topic, kind: kindOf(topic, system) }));
    return { topics, complete: failures.length === 0, failures };
  }

  /** A topic's settings on every broker that has it; no brokers when it does not exist. */
  async get(topic: string): Promise<TopicDetails> {
    const targets = (await absentIf(['TOPIC_NOT_EXIST'], this.#session.routeMasters(topic))) ?? [];
    const extFields = TopicHeader.encode({ topic });
    const { answers, failures } = await gather(targets, ({ address }) =>
      absentIf(
        ['TOPIC_NOT_EXIST'],
        this.#session.askBody(address, { code: RequestCode.GET_TOPIC_CONFIG, extFields }),
      ),
    );
    const brokers = answers.flatMap(({ server, address, value }) =>
      value === undefined ? [] : [{ broker: server, address, config: readTopicConfig(value) }],
    );
    return {
      topic,
      kind: kindOf(topic, new Set()),
      messageType: messageTypeOf(brokers[0]?.config),
      brokers,
      complete: failures.length === 0,
      failures,
    };
  }

  /** The settings of all topics on all brokers, one request a broker. */
  async listConfigs(
    selection: BrokerSelection = {},
  ): Promise<Merged & { readonly configs: readonly BrokerTopicConfig[] }> {
    const targets = await selectBrokers(this.#session, selection);
    const { answers, failures } = await gatherSome(targets, ({ address }) =>
      this.#session.askBody(address, { code: RequestCode.GET_ALL_TOPIC_CONFIG }),
    );
    const configs = answers.flatMap(({ server, address, value }) =>
      mapEntries(asObject(value)['topicConfigTable']).map(([, config]) => ({
        broker: server,
        address,
        config: readTopicConfig(config),
      })),
    );
    return { configs, complete: failures.length === 0, failures };
  }

  /** Makes a topic on all selected brokers; one that exists anywhere is left alone. */
  async create(
    topic: string,
    settings: TopicSettings = {},
    selection: BrokerSelection = {},
  ): Promise<TopicCreation> {
    checkTopicName(topic);
    const { brokers } = await this.get(topic);
    if (brokers.length > 0) {
      return { status: 'EXISTS', done: brokers.map(({ broker }) => broker), complete: true, failures: [] };
    }
    const targets = await selectBrokers(this.#session, selection);
    const { attributes = {}, ...rest } = settings;
    const config = {
      ...topicConfig(topic, settings.writeQueueNums ?? settings.readQueueNums ?? QUEUES_DEFAULT),
      ...rest,
    };
    const result = await this.#put(targets, () => ({ config, attributes }));
    return { status: 'CREATED', ...result };
  }

  /**
   * Changes settings of a topic, on all its brokers unless some are selected.
   * @throws MqError `TOPIC_NOT_EXIST`.
   */
  async alter(
    topic: string,
    settings: TopicSettings,
    selection: BrokerSelection = {},
  ): Promise<ChangeResult> {
    const details = await this.get(topic);
    const wanted = new Set(selection.brokers);
    const chosen = details.brokers.filter(({ broker }) => wanted.size === 0 || wanted.has(broker));
    if (chosen.length === 0) {
      throw new MqError('TOPIC_NOT_EXIST', `topic ${topic} is on none of the brokers`, {
        hint: 'create it first',
      });
    }
    const { attributes = {}, ...rest } = settings;
    const byAddress = new Map(chosen.map(({ address, config }) => [address, config]));
    const targets = chosen.map(({ broker, address }) => ({ server: broker, address }));
    const result = await this.#put(targets, (address) => ({
      config: { ...(byAddress.get(address) ?? topicConfig(topic, QUEUES_DEFAULT)), ...rest },
      attributes,
    }));
    const failures = [...details.failures, ...result.failures];
    return { ...result, failures, complete: failures.length === 0 };
  }

  /** Removes a topic from brokers and name servers, with its messages and all groups' offsets. */
  async delete(topic: string, selection: BrokerSelection = {}): Promise<ChangeResult> {
    const brokers = await selectBrokers(this.#session, selection);
    const extFields = TopicHeader.encode({ topic });
    const onBrokers = await gather(brokers, ({ address }) =>
      this.#session.ask(address, { code: RequestCode.DELETE_TOPIC_IN_BROKER, extFields }),
    );
    const header = NameServerTopicHeader.encode({ topic, clusterName: selection.cluster });
    const onNameServers = await gather(this.#session.nameServerTargets(), ({ address }) =>
      this.#session.ask(address, { code: RequestCode.DELETE_TOPIC_IN_NAMESRV, extFields: header }),
    );
    return changeResult(
      [...onBrokers.answers, ...onNameServers.answers].map(({ server }) => server),
      [...onBrokers.failures, ...onNameServers.failures],
    );
  }

  /** @throws MqError `TOPIC_NOT_EXIST`. */
  route(topic: string): Promise<TopicRoute> {
    return this.#session.route(topic);
  }

  /** Offsets of every queue. @throws MqError `TOPIC_NOT_EXIST`. */
  async stats(topic: string): Promise<TopicStats> {
    const targets = await this.#session.routeMasters(topic);
    const extFields = TopicHeader.encode({ topic });
    const { answers, failures } = await gatherSome(targets, ({ address }) =>
      this.#session.askBody(address, { code: RequestCode.GET_TOPIC_STATS_INFO, extFields }),
    );
    const queues = answers.flatMap(({ value }) => readTopicStats(value)).sort(byQueue);
    return {
      topic,
      queues,
      messageCount: queues.reduce(
        (sum, { maxOffset, minOffset }) => sum + Math.max(0, maxOffset - minOffset),
        0,
      ),
      lastUpdateTimestamp: queues.reduce((latest, queue) => Math.max(latest, queue.lastUpdateTimestamp), 0),
      complete: failures.length === 0,
      failures,
    };
  }

  /** Groups that consume a topic: online subscribers and groups with offsets. */
  async consumerGroups(topic: string): Promise<Merged & { readonly groups: readonly string[] }> {
    const targets = await this.#session.routeMasters(topic);
    const extFields = TopicHeader.encode({ topic });
    const { answers, failures } = await gatherSome(targets, ({ address }) =>
      this.#session.askBody(address, { code: RequestCode.QUERY_TOPIC_CONSUME_BY_WHO, extFields }),
    );
    const groups = [...new Set(answers.flatMap(({ value }) => readNames(value, 'groupList')))].sort();
    return { groups, complete: failures.length === 0, failures };
  }

  async #put(
    targets: readonly Target[],
    settingsFor: (address: string) => { config: TopicConfig; attributes: Readonly<Record<string, string>> },
  ): Promise<ChangeResult> {
    const { answers, failures } = await gatherSome(targets, async ({ address }) => {
      const { config, attributes } = settingsFor(address);
      await this.#session.ask(address, {
        code: RequestCode.UPDATE_AND_CREATE_TOPIC,
        extFields: CreateTopicHeader.encode({
          topic: config.topicName,
          defaultTopic: 'TBW102',
          readQueueNums: config.readQueueNums,
          writeQueueNums: config.writeQueueNums,
          perm: config.perm,
          topicFilterType: config.topicFilterType,
          topicSysFlag: config.topicSysFlag,
          order: config.order,
          attributes: attributeChanges(attributes),
        }),
      });
    });
    return changeResult(
      answers.map(({ server }) => server),
      failures,
    );
  }

  async #systemTopics(): Promise<{ system: ReadonlySet<string>; failures: readonly ServerFailure[] }> {
    const fromNameServer = asObject(
      await this.#session.askNameServerBody({ code: RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS }),
    );
    const system = new Set(readNames(fromNameServer, 'topicList'));
    const address = fromNameServer['brokerAddr'];
    if (typeof address !== 'string' || address === '') return { system, failures: [] };
    const { answers, failures } = await gather([{ server: address, address }], async (target) => {
      const answer = await this.#session.ask(target.address, {
        code: RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER,
      });
      return answer.body === undefined ? [] : readNames(parseBody(answer.body), 'topicList');
    });
    for (const topic of answers[0]?.value ?? []) system.add(topic);
    return { system, failures };
  }
}

function checkTopicName(topic: string): void {
  const fault = topicNameFault(topic);
  if (fault === undefined) return;
  throw new MqError('INVALID_ARGUMENT', fault, {
    hint: 'use letters, digits, %, |, _ and -; at most 127 characters',
  });
}

/** Java's modification text: `+name=value` sets, `-name` removes. */
function attributeChanges(attributes: Readonly<Record<string, string>>): string | undefined {
  const changes = Object.entries(attributes).map(([name, value]) =>
    value === '' ? `-${name}` : `+${name}=${value}`,
  );
  return changes.length === 0 ? undefined : changes.join(',');
}
