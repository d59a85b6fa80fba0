import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import type { RandomSource } from '@cometmq/common/random/random';
import type { RewindApplyRequest, RewindPreview, RewindQueue, RewindResult, RewindTarget } from '../api-contract.ts';
import type { ConsoleAdmin, QueueStats } from '../console-admin.ts';
import type { AnswerCache } from './answer-cache.ts';
import type { GroupViews } from './group-view.ts';
import { known } from './known.ts';
import { LIMITS } from './limits.ts';
import { mapBounded } from './map-bounded.ts';

const TOKEN_BYTES = 18;
/** Java's admin client says "the end" with -1. */
const TIMESTAMP_LATEST = -1;

export interface RewindParts {
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly admin: ConsoleAdmin;
  readonly cache: AnswerCache;
  readonly groups: GroupViews;
}

/**
 * Moves a group on a topic: a preview makes a plan with a token, and only that plan can be applied, once, by whoever
 * types the group's name. The token keeps what was shown and what is done the same thing.
 */
export class Rewind {
  readonly #parts: RewindParts;
  readonly #plans = new Map<string, RewindPreview>();

  constructor(parts: RewindParts) {
    this.#parts = parts;
  }

  async preview(group: string, topic: string, target: RewindTarget): Promise<RewindPreview> {
    const { admin, clock, groups, random } = this.#parts;
    if (target.kind === 'time' && target.atMs > clock.now()) {
      throw new MqError('INVALID_ARGUMENT', 'The moment to go to is in the future.', { hint: 'Choose "latest" to skip to the end.' });
    }
    const [stats, progress, onlineClients] = await Promise.all([
      admin.topicStats(topic),
      admin.groupProgress(group),
      groups.onlineClients(group),
    ]);
    const [failure] = [...stats.failures, ...progress.failures];
    if (failure !== undefined) {
      // Half a plan would leave the group half moved.
      throw new MqError('SERVICE_NOT_AVAILABLE', `Not every broker answered: ${failure}`, { hint: 'Try again when it is back.' });
    }
    if (stats.items.length === 0) throw new MqError('TOPIC_NOT_EXIST', `Topic ${topic} has no queues.`);
    if (stats.items.length > LIMITS.queuesShownMax) {
      throw new MqError('NOT_SUPPORTED', `Topic ${topic} has ${stats.items.length} queues, more than the console can plan for.`, {
        hint: `comet group rewind ${group} --topic ${topic} does it without a preview.`,
      });
    }
    const committed = new Map(
      progress.items
        .filter((row) => row.topic === topic && row.consumerOffset >= 0)
        .map((row) => [`${row.broker} ${row.queueId}`, row.consumerOffset]),
    );
    const planned = await mapBounded(stats.items, LIMITS.concurrency, (row) => this.#queue(row, committed, target));
    const queues = planned.map((outcome) => {
      if (!outcome.ok) throw new MqError('SERVICE_NOT_AVAILABLE', `An offset could not be found: ${outcome.fault}`, { hint: 'Try again.' });
      return outcome.value;
    });
    const preview: RewindPreview = {
      token: random.bytes(TOKEN_BYTES).toString('base64url'),
      expiresAtMs: clock.now() + LIMITS.rewindPlanLifeMs,
      group,
      topic,
      target,
      queues: queues.sort((a, b) => (a.broker < b.broker ? -1 : Number(a.broker > b.broker)) || a.queueId - b.queueId),
      replayed: queues.reduce((sum, queue) => sum + Math.max(0, queue.count ?? 0), 0),
      skipped: queues.reduce((sum, queue) => sum + Math.max(0, -(queue.count ?? 0)), 0),
      onlineClients,
      path: onlineClients > 0 ? 'online' : 'offline',
    };
    this.#remember(preview);
    return preview;
  }

  async apply(group: string, request: RewindApplyRequest): Promise<RewindResult> {
    const { admin, cache, clock, groups } = this.#parts;
    const plan = this.#plans.get(request.token);
    if (!plan || plan.group !== group || plan.expiresAtMs <= clock.now()) {
      throw new MqError('INVALID_ARGUMENT', 'This preview is used up, too old, or of another group.', { hint: 'Make a new preview.' });
    }
    if (request.confirm !== group) {
      throw new MqError('INVALID_ARGUMENT', "The confirmation is not the group's name.", { hint: `Type ${group}.` });
    }
    this.#plans.delete(plan.token); // before the first await: two clicks are one rewind
    const online = (await groups.onlineClients(group)) > 0;
    if (online !== (plan.path === 'online')) {
      const change = online ? 'came online' : 'went offline';
      throw new MqError('INVALID_ARGUMENT', `The group ${change} after the preview.`, { hint: 'Make a new preview.' });
    }
    const outcomes = await admin.resetOffsets({
      group,
      topic: plan.topic,
      timestamp: timestampOf(plan.target),
      path: plan.path,
      queues: plan.queues.map(({ broker, queueId, to }) => ({ broker, queueId, offset: to })),
    });
    cache.clear();
    const queues = plan.queues.map(({ broker, queueId, from, to }) => {
      const outcome = outcomes.find((one) => one.broker === broker && one.queueId === queueId);
      const { ok, detail } = outcome ?? { ok: false, detail: 'The broker did not say.' };
      return known<RewindResult['queues'][number]>({ broker, queueId, from, to, ok, detail });
    });
    return { group, topic: plan.topic, path: plan.path, complete: queues.every((queue) => queue.ok), queues };
  }

  async #queue(row: QueueStats, committed: ReadonlyMap<string, number>, target: RewindTarget): Promise<RewindQueue> {
    const { topic, broker, queueId, minOffset, maxOffset } = row;
    const from = committed.get(`${broker} ${queueId}`);
    const found =
      target.kind === 'time'
        ? await this.#parts.admin.searchOffset({ topic, broker, queueId }, target.atMs)
        : target.kind === 'earliest'
          ? minOffset
          : maxOffset;
    const to = Math.min(maxOffset, Math.max(minOffset, found));
    const count = from === undefined ? undefined : from - to;
    return known<RewindQueue>({ broker, queueId, from, to, count, minOffset, maxOffset });
  }

  #remember(preview: RewindPreview): void {
    const nowMs = this.#parts.clock.now();
    for (const [token, plan] of this.#plans) {
      if (plan.expiresAtMs <= nowMs || this.#plans.size >= LIMITS.rewindPlansMax) this.#plans.delete(token);
    }
    this.#plans.set(preview.token, preview);
  }
}

function timestampOf(target: RewindTarget): number {
  if (target.kind === 'time') return target.atMs;
  return target.kind === 'earliest' ? 0 : TIMESTAMP_LATEST;
}
