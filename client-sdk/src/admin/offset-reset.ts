import { MqError } from '@cometmq/common/error/mq-error';
import { readOffsetTable } from '@cometmq/remoting/protocol/body/queue-stats';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { ResetOffsetHeader } from '@cometmq/remoting/protocol/header/offset';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { ClientVersion } from '@cometmq/remoting/protocol/version';
import type { AdminSession } from './admin-session.ts';
import type { ClientAdmin } from './client-admin.ts';
import type { CommittedOffset, OffsetAdmin } from './offset-admin.ts';
import { brokersOf } from './offset-admin.ts';
import type { Merged, Target } from './partial.ts';
import { gatherSome, mapBounded } from './partial.ts';
import { ResponseError } from './response-error.ts';

/** Where to move a group. */
export type ResetTarget =
  | { readonly to: 'time'; /** ms */ readonly timestamp: number }
  | { readonly to: 'latest' }
  | { readonly to: 'earliest' }
  /** One queue of one broker. */
  | { readonly to: 'offset'; readonly offset: number; readonly broker: string; readonly queueId: number };

export interface PlannedQueue extends CommittedOffset {
  readonly target: number;
  /** Messages that will be delivered again. */
  readonly replay: number;
  /** Messages that will not be delivered any more. */
  readonly skip: number;
}

/** What a reset would do. Nothing has changed yet. */
export interface ResetPlan extends Merged {
  readonly group: string;
  readonly topic: string;
  readonly target: ResetTarget;
  readonly queues: readonly PlannedQueue[];
  readonly replay: number;
  readonly skip: number;
  readonly clientsOnline: number;
}

export interface ResetQueue {
  readonly broker: string;
  readonly queueId: number;
  readonly before: number | undefined;
  /** The offset that is in force now, as the broker said. */
  readonly after: number;
}

export interface ResetResult extends Merged {
  readonly group: string;
  readonly topic: string;
  readonly queues: readonly ResetQueue[];
}

/** Moves groups in topics: first a plan, then the same applied. */
export class OffsetReset {
  readonly #session: AdminSession;
  readonly #offsets: OffsetAdmin;
  readonly #clients: ClientAdmin;

  constructor(session: AdminSession, offsets: OffsetAdmin, clients: ClientAdmin) {
    this.#session = session;
    this.#offsets = offsets;
    this.#clients = clients;
  }

  /**
   * Computes where each queue would go. While messages arrive or expire the ends of the queues move on, so applying
   * the plan may differ from it by what happened in between.
   */
  async plan(group: string, topic: string, target: ResetTarget): Promise<ResetPlan> {
    const { queues, failures } = await this.#offsets.committed(group, topic);
    const chosen =
      target.to === 'offset'
        ? queues.filter(
            ({ brokerName, queueId }) => brokerName === target.broker && queueId === target.queueId,
          )
        : queues;
    if (target.to === 'offset') checkOffset(chosen[0], target);
    const planned = await mapBounded(chosen, async (queue) =>
      planQueue(queue, await this.#targetOf(queue, target)),
    );
    const { clients } = await this.#clients.consumers(group);
    return {
      group,
      topic,
      target,
      queues: planned,
      replay: planned.reduce((sum, { replay }) => sum + replay, 0),
      skip: planned.reduce((sum, { skip }) => sum + skip, 0),
      clientsOnline: clients.length,
      complete: failures.length === 0,
      failures,
    };
  }

  /**
   * Carries out a plan, for online and offline groups. Brokers that can't move an offline group have its offsets
   * written one by one.
   */
  async apply(plan: ResetPlan): Promise<ResetResult> {
    const { group, topic } = plan;
    const brokers = brokersOf(plan.queues);
    const { answers, failures } = await gatherSome(brokers, (broker) => this.#applyAt(plan, broker));
    return {
      group,
      topic,
      queues: answers.flatMap(({ value }) => value),
      complete: failures.length === 0,
      failures,
    };
  }

  /** Jumps over everything that is stored now. */
  async skipAll(group: string, topic: string): Promise<ResetResult> {
    return this.apply(await this.plan(group, topic, { to: 'latest' }));
  }

  async #targetOf(queue: CommittedOffset, target: ResetTarget): Promise<number> {
    if (target.to === 'latest') return queue.maxOffset;
    if (target.to === 'earliest') return Math.max(0, queue.minOffset);
    if (target.to === 'offset') return target.offset;
    return this.#offsets.searchByTime(queue.address, queue.topic, queue.queueId, target.timestamp);
  }

  async #applyAt(plan: ResetPlan, broker: Target): Promise<ResetQueue[]> {
    const queues = plan.queues.filter(({ address }) => address === broker.address);
    const { group, topic, target } = plan;
    const extFields = ResetOffsetHeader.encode({
      topic,
      group,
      // With `to: 'offset'` -1 without force: a broker too old for the two fields below then changes nothing.
      timestamp: target.to === 'time' ? target.timestamp : target.to === 'earliest' ? 0 : -1,
      isForce: target.to !== 'offset',
      queueId: target.to === 'offset' ? target.queueId : -1,
      offset: target.to === 'offset' ? target.offset : -1,
    });
    const request = { code: RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, extFields };
    const answer = await this.#session.exchange(broker.address, request);
    const tooOld = target.to === 'offset' && answer.version < ClientVersion.V5_0_0;
    if (answer.code === ResponseCode.SUCCESS && !tooOld) {
      const table = readOffsetTable(answer.body === undefined ? {} : parseBody(answer.body));
      const applied = new Map(table.map(({ queueId, offset }) => [queueId, offset]));
      return queues.map((queue) => resetQueue(queue, applied.get(queue.queueId) ?? queue.target));
    }
    const offline =
      answer.code === ResponseCode.CONSUMER_NOT_ONLINE || answer.code === ResponseCode.SYSTEM_ERROR;
    if (!offline && !tooOld)
      throw new ResponseError(request.code, answer.code, answer.remark, broker.address);
    if (plan.clientsOnline > 0) {
      throw new MqError(
        'NOT_SUPPORTED',
        `${broker.server} can't move the online group ${group}: ${answer.remark ?? ''}`,
        {
          hint: 'stop the consumers of the group and try again',
        },
      );
    }
    return this.#write(group, queues);
  }

  async #write(group: string, queues: readonly PlannedQueue[]): Promise<ResetQueue[]> {
    const done: ResetQueue[] = [];
    for (const queue of queues) {
      done.push(resetQueue(queue, (await this.#offsets.write(group, queue, queue.target)) ?? queue.target));
    }
    return done;
  }
}

function planQueue(queue: CommittedOffset, target: number): PlannedQueue {
  const committed = queue.committed ?? target;
  return {
    ...queue,
    target,
    replay: Math.max(0, committed - target),
    skip: Math.max(0, Math.min(target, queue.maxOffset) - Math.max(committed, queue.minOffset)),
  };
}

function resetQueue(queue: PlannedQueue, after: number): ResetQueue {
  return { broker: queue.brokerName, queueId: queue.queueId, before: queue.committed, after };
}

function checkOffset(
  queue: CommittedOffset | undefined,
  target: { readonly offset: number; readonly broker: string; readonly queueId: number },
): void {
  if (queue === undefined) {
    throw new MqError('NOT_FOUND', `the topic has no queue ${target.broker}/${target.queueId}`);
  }
  const { minOffset, maxOffset } = queue;
  if (Number.isSafeInteger(target.offset) && target.offset >= minOffset && target.offset <= maxOffset) return;
  throw new MqError('INVALID_ARGUMENT', `offset ${target.offset} is not in the queue`, {
    hint: `it holds ${minOffset} to ${maxOffset}`,
  });
}
