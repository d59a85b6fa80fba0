import { MqError } from '@cometmq/common/error/mq-error';
import type {
  ClientConnection,
  ConsumerConnections,
  ProducerInfo,
} from '@cometmq/remoting/protocol/body/client-connection';
import {
  readConsumerConnections,
  readProducerConnections,
  readProducerInfos,
} from '@cometmq/remoting/protocol/body/client-connection';
import type { GroupConflictData } from '@cometmq/remoting/protocol/body/group-conflicts';
import { readGroupConflicts } from '@cometmq/remoting/protocol/body/group-conflicts';
import type { SubscriptionData } from '@cometmq/remoting/protocol/body/heartbeat';
import type { ConsumerRunningInfo } from '@cometmq/remoting/protocol/body/running-info';
import { readRunningInfo } from '@cometmq/remoting/protocol/body/running-info';
import {
  ConsumerGroupHeader,
  ConsumerRunningInfoHeader,
  GroupConflictsHeader,
  ProducerGroupHeader,
} from '@cometmq/remoting/protocol/header/client';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { AdminSession } from './admin-session.ts';
import type { Answered, Merged } from './partial.ts';
import { absentIf, gatherSome } from './partial.ts';
import { ResponseError } from './response-error.ts';

/** A member of a consumer group. */
export interface GroupClient extends ClientConnection {
  /** Brokers that it is connected to. */
  readonly brokers: readonly string[];
  /** `host:port` of one of them. */
  readonly brokerAddress: string;
}

/** The online members of a consumer group. */
export interface GroupConnections extends Merged {
  readonly group: string;
  readonly online: boolean;
  readonly consumeType: string;
  readonly messageModel: string;
  readonly consumeFromWhere: string;
  readonly clients: readonly GroupClient[];
  readonly subscriptions: readonly SubscriptionData[];
}

/** Why the members of a group do not fit together, as one broker sees it (CometMQ brokers only). */
export interface GroupConflict extends GroupConflictData {
  readonly broker: string;
}

export interface GroupConflicts extends Merged {
  readonly conflicts: readonly GroupConflict[];
}

/** Longer than a broker waits for the client (10 s), so that its own answer arrives. */
const CLIENT_CALL_TIMEOUT_MS = 12_000;

/** Clients that are connected to brokers. */
export class ClientAdmin {
  readonly #session: AdminSession;

  constructor(session: AdminSession) {
    this.#session = session;
  }

  /** The members of a consumer group over all brokers; `online` is false when there are none. */
  async consumers(group: string): Promise<GroupConnections> {
    const extFields = ConsumerGroupHeader.encode({ consumerGroup: group });
    const request = { code: RequestCode.GET_CONSUMER_CONNECTION_LIST, extFields };
    const { answers, failures } = await gatherSome(await this.#session.masters(), async ({ address }) => {
      const body = await absentIf(['CONSUMER_NOT_ONLINE'], this.#session.askBody(address, request));
      return body === undefined ? undefined : readConsumerConnections(body);
    });
    const online = answers.flatMap((answer) =>
      answer.value === undefined ? [] : [{ ...answer, value: answer.value }],
    );
    const first = online[0]?.value;
    return {
      group,
      online: online.some(({ value }) => value.connections.length > 0),
      consumeType: first?.consumeType ?? '',
      messageModel: first?.messageModel ?? '',
      consumeFromWhere: first?.consumeFromWhere ?? '',
      clients: mergeClients(online),
      subscriptions: mergeSubscriptions(online.map(({ value }) => value)),
      complete: failures.length === 0,
      failures,
    };
  }

  /** Groups, or the one that is named, whose members do not fit together. Brokers of other makers find none. */
  async conflicts(group?: string): Promise<GroupConflicts> {
    const extFields = GroupConflictsHeader.encode(group === undefined ? {} : { group });
    const request = { code: RequestCode.GET_GROUP_CONFLICTS, extFields };
    const { answers, failures } = await gatherSome(await this.#session.masters(), async ({ address }) => {
      const body = await absentIf(['NOT_SUPPORTED'], this.#session.askBody(address, request));
      return body === undefined ? [] : readGroupConflicts(body);
    });
    const conflicts = answers.flatMap(({ server, value }) =>
      value.map((conflict) => ({ broker: server, ...conflict })),
    );
    return { conflicts, complete: failures.length === 0, failures };
  }

  /** The online members of a producer group, as the brokers of `topic` see them; none is an empty list. */
  async producers(
    group: string,
    topic?: string,
  ): Promise<Merged & { readonly clients: readonly ClientConnection[] }> {
    const extFields = ProducerGroupHeader.encode({ producerGroup: group });
    const targets =
      topic === undefined ? await this.#session.masters() : await this.#session.routeMasters(topic);
    const { answers, failures } = await gatherSome(targets, async ({ address }) => {
      try {
        return readProducerConnections(
          await this.#session.askBody(address, { code: RequestCode.GET_PRODUCER_CONNECTION_LIST, extFields }),
        );
      } catch (error) {
        // Brokers say "not exist" with the code of a system error.
        if (error instanceof ResponseError && /not exist/.test(error.message)) return [];
        throw error;
      }
    });
    const clients = new Map(answers.flatMap(({ value }) => value).map((client) => [client.clientId, client]));
    return { clients: [...clients.values()].sort(byClientId), complete: failures.length === 0, failures };
  }

  /** All producers of all groups. Java brokers have this since 5.0. */
  async allProducers(): Promise<Merged & { readonly producers: readonly ProducerInfo[] }> {
    const { answers, failures } = await gatherSome(await this.#session.masters(), async ({ address }) =>
      readProducerInfos(await this.#session.askBody(address, { code: RequestCode.GET_ALL_PRODUCER_INFO })),
    );
    const merged = new Map<string, ProducerInfo>();
    for (const info of answers.flatMap(({ value }) => value)) {
      const key = `${info.group}@${info.clientId}`;
      if (info.lastUpdateTimestamp >= (merged.get(key)?.lastUpdateTimestamp ?? 0)) merged.set(key, info);
    }
    const producers = [...merged.values()].sort((a, b) => a.group.localeCompare(b.group) || byClientId(a, b));
    return { producers, complete: failures.length === 0, failures };
  }

  /**
   * What a consumer says of itself: settings, subscriptions, queues, rates and, when asked for, its stacks.
   * @throws MqError `CONSUMER_NOT_ONLINE`, or `CLIENT_TIMEOUT` when the client does not answer (ali-ons never does).
   */
  async runningInfo(
    group: string,
    clientId: string,
    options: {
      readonly stacks?: boolean;
      readonly timeoutMs?: number;
      /** A broker that the client is connected to; looked up when absent. */
      readonly brokerAddress?: string;
    } = {},
  ): Promise<ConsumerRunningInfo> {
    const extFields = ConsumerRunningInfoHeader.encode({
      consumerGroup: group,
      clientId,
      jstackEnable: options.stacks ?? false,
    });
    const address = options.brokerAddress ?? (await this.#brokerOf(group, clientId));
    return readRunningInfo(
      await this.#session.askBody(
        address,
        { code: RequestCode.GET_CONSUMER_RUNNING_INFO, extFields },
        options.timeoutMs ?? CLIENT_CALL_TIMEOUT_MS,
      ),
    );
  }

  async #brokerOf(group: string, clientId: string): Promise<string> {
    const { clients } = await this.consumers(group);
    const client = clients.find((candidate) => candidate.clientId === clientId);
    if (client !== undefined) return client.brokerAddress;
    throw new MqError('CONSUMER_NOT_ONLINE', `client ${clientId} of group ${group} is not online`, {
      hint: `online clients: ${clients.map((known) => known.clientId).join(', ') || 'none'}`,
    });
  }
}

function mergeClients(online: readonly Answered<ConsumerConnections>[]): GroupClient[] {
  const clients = new Map<string, GroupClient & { readonly brokers: string[] }>();
  for (const { server, address, value } of online) {
    for (const client of value.connections) {
      const known = clients.get(client.clientId);
      if (known === undefined)
        clients.set(client.clientId, { ...client, brokers: [server], brokerAddress: address });
      else known.brokers.push(server);
    }
  }
  return [...clients.values()].sort(byClientId);
}

/** One entry for each topic; the newest version wins. */
function mergeSubscriptions(online: readonly ConsumerConnections[]): SubscriptionData[] {
  const subscriptions = new Map<string, SubscriptionData>();
  for (const subscription of online.flatMap((connections) => connections.subscriptions)) {
    const known = subscriptions.get(subscription.topic);
    if (known === undefined || known.subVersion < subscription.subVersion) {
      subscriptions.set(subscription.topic, subscription);
    }
  }
  return [...subscriptions.values()].sort((a, b) => a.topic.localeCompare(b.topic));
}

function byClientId(a: ClientConnection, b: ClientConnection): number {
  return a.clientId.localeCompare(b.clientId);
}
