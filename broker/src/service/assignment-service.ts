import { MqError } from '@cometmq/common/error/mq-error';
import { isRetryTopic } from '@cometmq/common/topic/names';
import type { ConsumerTable } from '../client/consumer-table.ts';
import type { GroupTable } from '../group/group-table.ts';
import type { RequestMode, RequestModeSetting, RequestModes } from '../group/request-modes.ts';
import type { TopicTable } from '../topic/topic-table.ts';

/** A queue of a topic, of this broker or of another one. */
export interface AssignableQueue {
  readonly brokerName: string;
  readonly queueId: number;
}

/** Knows on which brokers a topic is; undefined when nobody can tell. */
export interface TopicRoutes {
  readableQueues(topic: string): Promise<readonly AssignableQueue[] | undefined>;
}

export interface AssignmentRequest {
  readonly topic: string;
  readonly group: string;
  readonly clientId: string;
  readonly isBroadcasting: boolean;
  readonly strategy: string;
}

/** What a member is to consume. A queue id of -1 means all queues of that broker. */
export interface AssignedQueues {
  readonly mode: RequestMode;
  readonly queues: readonly AssignableQueue[];
}

export interface AssignmentParts {
  readonly brokerName: string;
  readonly topics: TopicTable;
  readonly groups: GroupTable;
  readonly consumers: ConsumerTable;
  readonly modes: RequestModes;
  /** Undefined on a broker that no name server knows. */
  readonly routes: TopicRoutes | undefined;
}

const ALL_QUEUES = -1;

type Allocate = (
  queues: readonly AssignableQueue[],
  members: readonly string[],
  self: number,
) => AssignableQueue[];

/** Strategies by the names that clients give them (Java: AllocateMessageQueueStrategy). */
const STRATEGIES: Readonly<Record<string, Allocate>> = { AVG: inBlocks, AVG_BY_CIRCLE: inTurn };

/** Shares the queues of a topic among a group's members, for clients that leave that to the broker. */
export class AssignmentService {
  readonly #parts: AssignmentParts;

  constructor(parts: AssignmentParts) {
    this.#parts = parts;
  }

  /** A member's queues; undefined when it should keep what it has. */
  async assign(request: AssignmentRequest): Promise<AssignedQueues | undefined> {
    const { topic, group, clientId, isBroadcasting, strategy } = request;
    // A group's own retry topic is pulled, whatever the mode of its topics.
    const { mode, shareQueues }: RequestModeSetting = isRetryTopic(topic)
      ? { mode: 'PULL', shareQueues: ALL_QUEUES }
      : this.#parts.modes.of(group, topic);
    const all = await this.#queuesOf(topic);
    if (all === undefined) return undefined;
    if (isBroadcasting) return { mode, queues: all };
    const members = [...(this.#parts.consumers.find(group)?.clientIds() ?? [])].sort();
    const self = members.indexOf(clientId);
    const allocate = STRATEGIES[strategy];
    if (members.length === 0 || allocate === undefined) return undefined;
    if (self < 0) return { mode, queues: [] };
    if (mode === 'PULL') return { mode, queues: allocate(all, members, self) };
    return { mode, queues: shared(allocate, all, members, self, shareQueues) };
  }

  /**
   * @throws MqError `NO_PERMISSION` for a retry topic, `TOPIC_NOT_EXIST`, `GROUP_NOT_EXIST`, `INVALID_ARGUMENT`.
   */
  async setMode(group: string, topic: string, mode: string, shareQueues: number): Promise<void> {
    if (isRetryTopic(topic)) throw new MqError('NO_PERMISSION', 'retry topic is not allowed to set mode');
    if (mode !== 'PULL' && mode !== 'POP') {
      throw new MqError('INVALID_ARGUMENT', `mode[${mode}] is neither PULL nor POP`);
    }
    this.#parts.topics.get(topic);
    if (this.#parts.groups.findOrCreate(group) === undefined) {
      throw new MqError('GROUP_NOT_EXIST', `subscription group [${group}] does not exist`);
    }
    await this.#parts.modes.set(group, topic, { mode, shareQueues });
  }

  async #queuesOf(topic: string): Promise<readonly AssignableQueue[] | undefined> {
    const { topics, routes, brokerName } = this.#parts;
    const known = await routes?.readableQueues(topic);
    const own = topics.find(topic)?.config.readQueueNums;
    if (known !== undefined) return known;
    if (own === undefined) return undefined;
    return Array.from({ length: own }, (_, queueId) => ({ brokerName, queueId }));
  }
}

/** POP: all of every broker; or a member's own queues, and those of the members that come behind it. */
function shared(
  allocate: Allocate,
  all: readonly AssignableQueue[],
  members: readonly string[],
  self: number,
  shareQueues: number,
): AssignableQueue[] {
  if (shareQueues <= 0 || shareQueues >= members.length - 1) {
    const brokers = [...new Set(all.map(({ brokerName }) => brokerName))];
    return brokers.map((brokerName) => ({ brokerName, queueId: ALL_QUEUES }));
  }
  // More members than queues: everybody gets one.
  if (members.length > all.length) {
    const queue = all[self % Math.max(all.length, 1)];
    return queue === undefined ? [] : [queue];
  }
  return Array.from({ length: shareQueues + 1 }, (_, step) =>
    allocate(all, members, (self + step) % members.length),
  ).flat();
}

/** Neighbours together; the first members get one more when it does not come out even. */
function inBlocks(
  queues: readonly AssignableQueue[],
  members: readonly string[],
  self: number,
): AssignableQueue[] {
  const share = Math.floor(queues.length / members.length);
  const extra = queues.length % members.length;
  const start = self * share + Math.min(self, extra);
  return queues.slice(start, start + share + (self < extra ? 1 : 0));
}

function inTurn(
  queues: readonly AssignableQueue[],
  members: readonly string[],
  self: number,
): AssignableQueue[] {
  return queues.filter((_, index) => index % members.length === self);
}
