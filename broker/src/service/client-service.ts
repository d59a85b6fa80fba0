import type { ClientChannel, ClientIdentity } from '../client/client-channel.ts';
import type { GroupBeat } from '../client/consumer-group.ts';
import type { ConsumerTable } from '../client/consumer-table.ts';
import type { GroupGuard } from '../client/group-guard.ts';
import type { ProducerTable } from '../client/producer-table.ts';
import type { Subscription } from '../client/subscription.ts';
import { subscription, subscriptionOrProblem } from '../client/subscription.ts';
import type { PropertyFilters } from '../filter/property-filters.ts';
import type { GroupTable } from '../group/group-table.ts';
import type { PullHold } from '../hold/pull-hold.ts';
import type { QueueLocks } from '../lock/queue-locks.ts';
import type { TopicCreation } from '../topic/topic-creation.ts';

export interface ConsumerBeat extends GroupBeat {
  readonly group: string;
}

export interface ClientParts {
  readonly consumers: ConsumerTable;
  readonly producers: ProducerTable;
  readonly groups: GroupTable;
  readonly creation: TopicCreation;
  readonly locks: QueueLocks;
  readonly hold: PullHold;
  readonly filters: PropertyFilters;
  readonly guard: GroupGuard;
}

/** Who is connected, and which queues members of a group hold. */
export class ClientService {
  readonly #parts: ClientParts;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    // A member that is gone for certain must not keep its queues from the others for another minute.
    parts.consumers.onLeft((group, clientId) => {
      parts.locks.unlockAll(group, clientId);
    });
  }

  /** A client asks whether it may subscribe so; throws the MqError that says why not. */
  checkSubscription(topic: string, expression: string, type: string, version: number): void {
    subscription(topic, expression, type, version, this.#parts.filters);
  }

  /** What a heartbeat asks for. An expression that can't be used is no error there: the pull that needs it is refused. */
  subscription(topic: string, expression: string, type: string, version: number): Subscription {
    return subscriptionOrProblem(topic, expression, type, version, this.#parts.filters);
  }

  /** The client id that a producer of a group gave on this connection. */
  producerId(group: string, channel: ClientChannel): string | undefined {
    return this.#parts.producers.find(group, channel)?.clientId;
  }

  /** Takes a heartbeat. Groups that may not be made are left out silently, as in RocketMQ. */
  async beat(
    channel: ClientChannel,
    client: ClientIdentity,
    producerGroups: readonly string[],
    consumers: readonly ConsumerBeat[],
  ): Promise<void> {
    const { groups, creation } = this.#parts;
    for (const group of producerGroups) if (group !== '') this.#parts.producers.beat(group, channel, client);
    for (const beat of consumers) {
      const config = groups.findOrCreate(beat.group);
      if (config === undefined) continue;
      // Members learn their queues from the route, so the retry topic must be there before they look.
      if (config.retryQueueNums > 0) await creation.retryTopic(config);
      if (channel.isClosed) return;
      this.#parts.guard.check(beat.group, channel, client, beat);
      const isClustering = beat.messageModel === 'CLUSTERING';
      this.#parts.consumers.beat(
        beat.group,
        channel,
        client,
        beat,
        config.notifyConsumerIdsChangedEnable && isClustering,
      );
    }
  }

  /** A client says goodbye; empty names mean nothing. */
  leave(channel: ClientChannel, producerGroup: string, consumerGroup: string): void {
    const { producers, consumers } = this.#parts;
    if (producerGroup !== '') producers.leave(producerGroup, channel);
    if (consumerGroup !== '') consumers.leave(consumerGroup, channel, this.#notifies(consumerGroup));
  }

  /** A connection broke. */
  disconnected(channel: ClientChannel): void {
    const { producers, consumers, hold } = this.#parts;
    hold.forget(channel);
    producers.leaveAll(channel);
    consumers.leaveAll(channel, (group) => this.#notifies(group));
  }

  clientIds(group: string): string[] {
    return this.#parts.consumers.find(group)?.clientIds() ?? [];
  }

  lock(group: string, queue: string, clientId: string): boolean {
    return this.#parts.locks.lock(group, queue, clientId);
  }

  unlock(group: string, queue: string, clientId: string): void {
    this.#parts.locks.unlock(group, queue, clientId);
  }

  /** Drops clients that no longer beat, and looks at what is left of the groups. */
  expire(): void {
    this.#parts.producers.expire();
    this.#parts.consumers.expire();
    this.#parts.locks.expire();
    this.#parts.guard.scan();
  }

  #notifies(group: string): boolean {
    return this.#parts.groups.find(group)?.notifyConsumerIdsChangedEnable ?? true;
  }
}
