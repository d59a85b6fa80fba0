import type { MqAdmin } from '@cometmq/client/admin/admin-client';
import type { FoundMessage, FoundMessages } from '@cometmq/client/admin/message-admin';
import type { ResetPlan, ResetResult, ResetTarget } from '@cometmq/client/admin/offset-reset';
import type { ServerFailure } from '@cometmq/client/admin/partial';
import { MqError } from '@cometmq/common/error/mq-error';
import type {
  ClusterStatus,
  ConsoleAdmin,
  Gathered,
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
} from './console-admin.ts';
import { queueKey } from './console-admin.ts';
import { clientVersion } from './view/client-version.ts';
import { known } from './view/known.ts';

const MESSAGE_TYPE = 'message.type';

/** Answers the console's questions from a cluster, over the admin client. */
export class MqAdminSource implements ConsoleAdmin {
  readonly #admin: MqAdmin;
  /** Brokers since 5.0 list all producers; older ones refuse, and are not asked again. */
  #listsProducers = true;

  constructor(admin: MqAdmin) {
    this.#admin = admin;
  }

  async clusterStatus(): Promise<ClusterStatus> {
    const { nameServers, brokers, failures } = await this.#admin.cluster.status();
    return {
      nameServers,
      brokers: brokers.map(({ cluster, brokerName, brokerId, address, runtime }) =>
        known<ClusterStatus['brokers'][number]>({
          cluster,
          name: brokerName,
          id: brokerId,
          address,
          runtime: runtime?.values,
          fault: runtime ? undefined : failures.find((failure) => failure.address === address)?.message,
        }),
      ),
    };
  }

  async topics(): Promise<Gathered<TopicName>> {
    const { topics, failures } = await this.#admin.topics.list();
    const items = topics.map(({ topic, kind }) => ({
      name: topic,
      kind: kind === 'normal' ? ('user' as const) : kind,
    }));
    return { items, failures: sentences(failures) };
  }

  async topicRoute(topic: string): Promise<readonly RouteEntry[]> {
    const route = await unless('TOPIC_NOT_EXIST', this.#admin.topics.route(topic));
    return (route?.queueDatas ?? []).map(({ brokerName, perm, readQueueNums, writeQueueNums }) => {
      const broker = route?.brokerDatas.find((data) => data.brokerName === brokerName);
      return {
        broker: brokerName,
        cluster: broker?.cluster ?? '',
        addresses: broker?.brokerAddrs ?? {},
        readQueues: readQueueNums,
        writeQueues: writeQueueNums,
        perm,
      };
    });
  }

  async topicType(topic: string): Promise<string | undefined> {
    const { brokers } = await this.#admin.topics.get(topic);
    return brokers.find(({ config }) => config.attributes[MESSAGE_TYPE] !== undefined)?.config.attributes[
      MESSAGE_TYPE
    ];
  }

  async topicStats(topic: string): Promise<Gathered<QueueStats>> {
    const { queues, failures } = await this.#admin.topics.stats(topic);
    const items = queues.map(({ brokerName, queueId, minOffset, maxOffset, lastUpdateTimestamp }) => ({
      topic,
      broker: brokerName,
      queueId,
      minOffset: Math.max(0, minOffset),
      maxOffset: Math.max(0, maxOffset),
      lastUpdateTimestamp,
    }));
    return { items, failures: sentences(failures) };
  }

  async topicGroups(topic: string): Promise<Gathered<string>> {
    const { groups, failures } = await this.#admin.topics.consumerGroups(topic);
    return { items: groups, failures: sentences(failures) };
  }

  /** Brokers know who produces, not to which topic: these are the producers of all topics. */
  async producers(): Promise<Gathered<TopicProducer>> {
    if (!this.#listsProducers) return { items: [], failures: ['The brokers cannot list their producers.'] };
    try {
      const { producers, failures } = await this.#admin.clients.allProducers();
      const items = producers.map(({ group, clientId, clientAddr, language, version }) => ({
        group,
        clientId,
        address: clientAddr,
        language,
        version: clientVersion(version),
      }));
      return { items, failures: sentences(failures) };
    } catch (error) {
      if (error instanceof MqError && error.kind === 'NOT_SUPPORTED') this.#listsProducers = false;
      throw error;
    }
  }

  async createTopic(
    spec: TopicSpec,
    brokers: readonly string[] | undefined,
  ): Promise<readonly ServerOutcome[]> {
    const { name, queues, messageType } = spec;
    const settings = {
      readQueueNums: queues,
      writeQueueNums: queues,
      attributes: { [MESSAGE_TYPE]: messageType },
    };
    return outcomes(await this.#admin.topics.create(name, settings, brokers ? { brokers } : {}));
  }

  async deleteTopic(topic: string): Promise<readonly ServerOutcome[]> {
    return outcomes(await this.#admin.topics.delete(topic));
  }

  async groupNames(): Promise<Gathered<string>> {
    const { groups, failures } = await this.#admin.groups.list();
    return { items: groups.map(({ group }) => group), failures: sentences(failures) };
  }

  async groupProgress(group: string): Promise<Gathered<QueueProgress>> {
    const { queues, failures } = await this.#admin.progress(group);
    const items = queues.map(
      ({ topic, brokerName, queueId, brokerOffset, consumerOffset, lastTimestamp }) => ({
        topic,
        broker: brokerName,
        queueId,
        brokerOffset: Math.max(0, brokerOffset),
        consumerOffset,
        lastTimestamp,
      }),
    );
    return { items, failures: sentences(failures) };
  }

  async groupConnection(group: string): Promise<GroupConnection | undefined> {
    const connections = await this.#admin.clients.consumers(group);
    if (!connections.online) return undefined;
    const { clients, subscriptions, messageModel, consumeType, consumeFromWhere } = connections;
    return known<GroupConnection>({
      clients: clients.map(({ clientId, clientAddr, language, version }) => ({
        clientId,
        address: clientAddr,
        language,
        version: clientVersion(version),
      })),
      subscriptions: subscriptions.map(({ topic, subString, expressionType }) => ({
        topic,
        expression: subString,
        type: expressionType,
      })),
      messageModel: messageModel || undefined,
      consumeType: consumeType || undefined,
      consumeFromWhere: consumeFromWhere || undefined,
    });
  }

  async queueOwners(group: string): Promise<ReadonlyMap<string, string>> {
    const { queues } = await this.#admin.progress(group, { withClients: true });
    return new Map(
      queues.flatMap(({ topic, brokerName, queueId, clientId }): [string, string][] =>
        clientId === undefined ? [] : [[queueKey({ topic, broker: brokerName, queueId }), clientId]],
      ),
    );
  }

  async runningInfo(group: string, clientId: string, withStack: boolean): Promise<RunningInfo> {
    const info = await this.#admin.clients.runningInfo(group, clientId, { stacks: withStack });
    return known<RunningInfo>({
      properties: info.properties,
      subscriptions: info.subscriptions.map(({ topic, subString, expressionType }) => ({
        topic,
        expression: subString,
        type: expressionType,
      })),
      queues: info.queues.map(({ topic, brokerName, queueId, ...rest }) => ({
        queue: `${topic} ${brokerName}/${queueId}`,
        info: rest,
      })),
      rates: info.status,
      stack: info.jstack,
    });
  }

  planReset(group: string, topic: string, target: ResetTarget): Promise<ResetPlan> {
    return this.#admin.reset.plan(group, topic, target);
  }

  applyReset(plan: ResetPlan): Promise<ResetResult> {
    return this.#admin.reset.apply(plan);
  }

  async searchOffset({ topic, broker, queueId }: QueueId, timestamp: number): Promise<number> {
    const { address } = await this.#admin.brokers.find(broker);
    return this.#admin.offsets.searchByTime(address, topic, queueId, timestamp);
  }

  pull(queue: QueueId, offset: number, maxCount: number): Promise<PulledMessages> {
    return this.#admin.browser.read(queue, offset, { max: maxCount });
  }

  async queryByKey(topic: string, key: string, maxCount: number): Promise<Gathered<FoundMessage>> {
    return gathered(await this.#admin.messages.byKey(topic, key, { limit: maxCount }));
  }

  async queryByUniqueKey(topic: string, uniqueKey: string): Promise<Gathered<FoundMessage>> {
    return gathered(await this.#admin.messages.byUniqueKey(topic, uniqueKey));
  }

  viewMessage(offsetMessageId: string): Promise<FoundMessage | undefined> {
    return this.#admin.messages.byOffsetId(offsetMessageId);
  }

  close(): Promise<void> {
    return this.#admin.close();
  }
}

function gathered({ messages, failures }: FoundMessages): Gathered<FoundMessage> {
  return { items: messages, failures: sentences(failures) };
}

function sentences(failures: readonly ServerFailure[]): string[] {
  return failures.map(({ server, message }) => `${server}: ${message}`);
}

function outcomes(change: {
  readonly done: readonly string[];
  readonly failures: readonly ServerFailure[];
}): ServerOutcome[] {
  return [
    ...change.done.map((target) => ({ target, ok: true })),
    ...change.failures.map(({ server, message }) => ({ target: server, ok: false, detail: message })),
  ];
}

async function unless<T>(kind: MqError['kind'], work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof MqError && error.kind === kind) return undefined;
    throw error;
  }
}
