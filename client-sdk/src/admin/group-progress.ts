import { isDlqTopic, isRetryTopic } from '@cometmq/common/topic/names';
import { MqError } from '@cometmq/common/error/mq-error';
import type { ConsumeQueueStats } from '@cometmq/remoting/protocol/body/queue-stats';
import { readConsumeStats } from '@cometmq/remoting/protocol/body/queue-stats';
import { ConsumeStatsHeader } from '@cometmq/remoting/protocol/header/stats';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { AdminSession } from './admin-session.ts';
import type { ClientAdmin } from './client-admin.ts';
import type { Merged } from './partial.ts';
import { gatherSome, mapBounded } from './partial.ts';
import { byQueue, groupBy, queueKey } from './queue-order.ts';

/** How far a group is in one queue. */
export interface QueueProgress extends ConsumeQueueStats {
  /** Messages that are stored but not committed. */
  readonly lag: number;
  /** Messages that were handed out but not committed. */
  readonly inflight: number;
  /** The client that reads the queue, when it was asked for and known. */
  readonly clientId?: string;
}

export interface TopicProgress {
  readonly topic: string;
  readonly kind: 'normal' | 'retry' | 'dlq';
  readonly queueCount: number;
  readonly lag: number;
  readonly inflight: number;
  /** Store time of the newest consumed message, ms; 0 when there is none. */
  readonly lastTimestamp: number;
}

export interface GroupProgress extends Merged {
  readonly group: string;
  readonly queues: readonly QueueProgress[];
  readonly topics: readonly TopicProgress[];
  readonly lag: number;
  readonly inflight: number;
  readonly consumeTps: number;
  /** Clients that did not say which queues they read; empty when they were not asked. */
  readonly silentClients: readonly string[];
}

export interface ProgressOptions {
  /** Only this topic. */
  readonly topic?: string;
  /** Asks each online client which queues it reads. */
  readonly withClients?: boolean;
}

/** Clients asked for their queues at most; the others count as silent. */
const CLIENTS_ASKED_MAX = 64;
const CLIENT_TIMEOUT_MS = 3000;

/** How far a group is in all its topics, over all brokers. An unknown group has no queues. */
export async function groupProgress(
  session: AdminSession,
  clients: ClientAdmin,
  group: string,
  options: ProgressOptions,
): Promise<GroupProgress> {
  const extFields = ConsumeStatsHeader.encode({ consumerGroup: group, topic: options.topic });
  const { answers, failures } = await gatherSome(await session.masters(), async ({ address }) =>
    readConsumeStats(await session.askBody(address, { code: RequestCode.GET_CONSUME_STATS, extFields })),
  );
  const owners = options.withClients === true ? await queueOwners(clients, group) : NO_OWNERS;
  const queues = answers
    .flatMap(({ value }) => value.queues)
    .map((queue) => withLag(queue, owners.byQueue.get(queueKey(queue))))
    .sort(byQueue);
  const topics = summarize(queues);
  return {
    group,
    queues,
    topics,
    lag: sumOf(topics, 'lag'),
    inflight: sumOf(topics, 'inflight'),
    consumeTps: answers.reduce((sum, { value }) => sum + value.consumeTps, 0),
    silentClients: owners.silent,
    complete: failures.length === 0,
    failures,
  };
}

interface QueueOwners {
  readonly byQueue: ReadonlyMap<string, string>;
  readonly silent: readonly string[];
}

const NO_OWNERS: QueueOwners = { byQueue: new Map(), silent: [] };

async function queueOwners(clients: ClientAdmin, group: string): Promise<QueueOwners> {
  const { clients: online } = await clients.consumers(group);
  const owners = new Map<string, string>();
  const silent = online.slice(CLIENTS_ASKED_MAX).map(({ clientId }) => clientId);
  await mapBounded(online.slice(0, CLIENTS_ASKED_MAX), async ({ clientId, brokerAddress }) => {
    try {
      const timeoutMs = CLIENT_TIMEOUT_MS;
      const { queues } = await clients.runningInfo(group, clientId, { timeoutMs, brokerAddress });
      for (const queue of queues) if (!queue.dropped) owners.set(queueKey(queue), clientId);
    } catch (error) {
      if (!(error instanceof MqError)) throw error;
      silent.push(clientId);
    }
  });
  return { byQueue: owners, silent };
}

function withLag(queue: ConsumeQueueStats, clientId: string | undefined): QueueProgress {
  const progress = {
    ...queue,
    lag: Math.max(0, queue.brokerOffset - queue.consumerOffset),
    inflight: Math.max(0, queue.pullOffset - queue.consumerOffset),
  };
  return clientId === undefined ? progress : { ...progress, clientId };
}

function summarize(queues: readonly QueueProgress[]): TopicProgress[] {
  const byTopic = groupBy(queues, ({ topic }) => topic);
  return [...byTopic].map(([topic, members]) => ({
    topic,
    kind: isRetryTopic(topic) ? 'retry' : isDlqTopic(topic) ? 'dlq' : 'normal',
    queueCount: members.length,
    lag: sumOf(members, 'lag'),
    inflight: sumOf(members, 'inflight'),
    lastTimestamp: members.reduce((latest, { lastTimestamp }) => Math.max(latest, lastTimestamp), 0),
  }));
}

function sumOf<K extends string>(items: readonly Readonly<Record<K, number>>[], member: K): number {
  return items.reduce((sum, item) => sum + item[member], 0);
}
