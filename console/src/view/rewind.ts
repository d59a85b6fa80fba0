import type { PlannedQueue, ResetPlan, ResetTarget } from '@cometmq/client/admin/offset-reset';
import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import type { RandomSource } from '@cometmq/common/random/random';
import type {
  RewindApplyRequest,
  RewindPreview,
  RewindQueue,
  RewindResult,
  RewindTarget,
} from '../api-contract.ts';
import type { ConsoleAdmin } from '../console-admin.ts';
import type { AnswerCache } from './answer-cache.ts';
import type { GroupViews } from './group-view.ts';
import { known } from './known.ts';
import { LIMITS } from './limits.ts';

const TOKEN_BYTES = 18;

interface Remembered {
  readonly preview: RewindPreview;
  readonly plan: ResetPlan;
}

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
  readonly #plans = new Map<string, Remembered>();

  constructor(parts: RewindParts) {
    this.#parts = parts;
  }

  async preview(group: string, topic: string, target: RewindTarget): Promise<RewindPreview> {
    const { admin, clock, random } = this.#parts;
    if (target.kind === 'time' && target.atMs > clock.now()) {
      throw new MqError('INVALID_ARGUMENT', 'The moment to go to is in the future.', {
        hint: 'Choose "latest" to skip to the end.',
      });
    }
    const plan = await admin.planReset(group, topic, resetTarget(target));
    const [failure] = plan.failures;
    if (!plan.complete) {
      // Half a plan would leave the group half moved.
      const why = failure === undefined ? '' : ` (${failure.server}: ${failure.message})`;
      throw new MqError('SERVICE_NOT_AVAILABLE', `Not every broker answered${why}.`, {
        hint: 'Try again when it is back.',
      });
    }
    if (plan.queues.length > LIMITS.queuesShownMax) {
      throw new MqError(
        'NOT_SUPPORTED',
        `Topic ${topic} has ${plan.queues.length} queues, too many for the console.`,
        {
          hint: 'Use the command line: comet offset reset.',
        },
      );
    }
    const preview: RewindPreview = {
      token: random.bytes(TOKEN_BYTES).toString('base64url'),
      expiresAtMs: clock.now() + LIMITS.rewindPlanLifeMs,
      group,
      topic,
      target,
      queues: plan.queues.map(queueView),
      replayed: plan.replay,
      skipped: plan.skip,
      onlineClients: plan.clientsOnline,
      path: plan.clientsOnline > 0 ? 'online' : 'offline',
    };
    this.#remember({ preview, plan });
    return preview;
  }

  async apply(group: string, request: RewindApplyRequest): Promise<RewindResult> {
    const { admin, cache, clock, groups } = this.#parts;
    const remembered = this.#plans.get(request.token);
    if (!remembered || remembered.preview.group !== group || remembered.preview.expiresAtMs <= clock.now()) {
      throw new MqError('INVALID_ARGUMENT', 'This preview is used up, too old, or of another group.', {
        hint: 'Make a new preview.',
      });
    }
    if (request.confirm !== group) {
      throw new MqError('INVALID_ARGUMENT', "The confirmation is not the group's name.", {
        hint: `Type ${group}.`,
      });
    }
    const { plan, preview } = remembered;
    this.#plans.delete(preview.token); // before the first await: two clicks are one rewind
    const online = (await groups.onlineClients(group)) > 0;
    if (online !== (preview.path === 'online')) {
      throw new MqError(
        'INVALID_ARGUMENT',
        `The group ${online ? 'came online' : 'went offline'} after the preview.`,
        {
          hint: 'Make a new preview.',
        },
      );
    }
    const result = await admin.applyReset(plan);
    cache.clear();
    const now = new Map(result.queues.map(({ broker, queueId, after }) => [`${broker} ${queueId}`, after]));
    return {
      group,
      topic: preview.topic,
      path: preview.path,
      complete: result.complete,
      notes: result.failures.map(({ server, message }) => `${server}: ${message}`),
      queues: preview.queues.map(({ broker, queueId, from, to }) =>
        known<RewindResult['queues'][number]>({
          broker,
          queueId,
          from,
          to,
          now: now.get(`${broker} ${queueId}`),
        }),
      ),
    };
  }

  #remember(remembered: Remembered): void {
    const nowMs = this.#parts.clock.now();
    for (const [token, { preview }] of this.#plans) {
      if (preview.expiresAtMs <= nowMs || this.#plans.size >= LIMITS.rewindPlansMax)
        this.#plans.delete(token);
    }
    this.#plans.set(remembered.preview.token, remembered);
  }
}

function resetTarget(target: RewindTarget): ResetTarget {
  return target.kind === 'time' ? { to: 'time', timestamp: target.atMs } : { to: target.kind };
}

function queueView(queue: PlannedQueue): RewindQueue {
  const { brokerName, queueId, committed, target, replay, skip, minOffset, maxOffset } = queue;
  return known<RewindQueue>({
    broker: brokerName,
    queueId,
    from: committed,
    to: target,
    replayed: replay,
    skipped: skip,
    minOffset,
    maxOffset,
  });
}
