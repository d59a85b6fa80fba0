import { MqError } from '@cometmq/common/error/mq-error';
import type { ClientAdmin } from './client-admin.ts';
import type { CommittedOffset, OffsetAdmin } from './offset-admin.ts';
import type { Merged, ServerFailure } from './partial.ts';
import { mapBounded } from './partial.ts';

export interface ClonedQueue {
  readonly topic: string;
  readonly broker: string;
  readonly queueId: number;
  readonly before: number | undefined;
  readonly after: number;
}

export interface ClonePlan extends Merged {
  readonly from: string;
  readonly to: string;
  readonly queues: readonly (ClonedQueue & { readonly place: CommittedOffset })[];
  readonly clientsOnline: number;
}

/** Copies where one group is to another group. */
export class OffsetClone {
  readonly #offsets: OffsetAdmin;
  readonly #clients: ClientAdmin;

  constructor(offsets: OffsetAdmin, clients: ClientAdmin) {
    this.#offsets = offsets;
    this.#clients = clients;
  }

  /** What would be copied: queues in which the source group never committed are left out. */
  async plan(from: string, to: string, topic: string): Promise<ClonePlan> {
    const source = await this.#offsets.committed(from, topic);
    const wanted = source.queues.filter(({ committed }) => committed !== undefined);
    const queues = await mapBounded(wanted, async (place) => ({
      topic,
      broker: place.brokerName,
      queueId: place.queueId,
      before: await this.#offsets.query(to, place),
      after: place.committed ?? 0,
      place,
    }));
    const { clients } = await this.#clients.consumers(to);
    return {
      from,
      to,
      queues,
      clientsOnline: clients.length,
      complete: source.complete,
      failures: source.failures,
    };
  }

  /** @throws MqError `NOT_SUPPORTED` while the target group is online: its members would overwrite the offsets. */
  async apply(plan: ClonePlan): Promise<Merged & { readonly queues: readonly ClonedQueue[] }> {
    if (plan.clientsOnline > 0) {
      throw new MqError(
        'NOT_SUPPORTED',
        `group ${plan.to} is online with ${plan.clientsOnline} client${plan.clientsOnline === 1 ? '' : 's'}`,
        {
          hint: 'stop them first: they would overwrite the offsets with their own',
        },
      );
    }
    const failures: ServerFailure[] = [...plan.failures];
    const done: ClonedQueue[] = [];
    for (const { place, ...queue } of plan.queues) {
      try {
        done.push({
          ...queue,
          after: (await this.#offsets.write(plan.to, place, queue.after)) ?? queue.after,
        });
      } catch (error) {
        if (!(error instanceof MqError)) throw error;
        failures.push({
          server: queue.broker,
          address: place.address,
          kind: error.kind,
          message: error.message,
        });
      }
    }
    if (done.length === 0 && failures[0] !== undefined)
      throw new MqError(failures[0].kind, failures[0].message);
    return { queues: done, complete: failures.length === 0, failures };
  }
}
