import { MqError } from '@cometmq/common/error/mq-error';
import type { ConsumerGroup, ConsumerMember } from '../client/consumer-group.ts';
import type { ConsumerTable } from '../client/consumer-table.ts';
import type { GroupConflict, GroupGuard } from '../client/group-guard.ts';
import type { ProducerMember, ProducerTable } from '../client/producer-table.ts';
import type { Subscription } from '../client/subscription.ts';
import type { ConsumerOffsets } from '../offset/consumer-offsets.ts';

/** Who is connected, for those who ask about clients. */
export class ClientDirectory {
  readonly #consumers: ConsumerTable;
  readonly #producers: ProducerTable;
  readonly #offsets: ConsumerOffsets;
  readonly #guard: GroupGuard;

  constructor(
    consumers: ConsumerTable,
    producers: ProducerTable,
    offsets: ConsumerOffsets,
    guard: GroupGuard,
  ) {
    this.#consumers = consumers;
    this.#producers = producers;
    this.#offsets = offsets;
    this.#guard = guard;
  }

  /** @throws MqError `CONSUMER_NOT_ONLINE`. */
  group(name: string): ConsumerGroup {
    const group = this.#consumers.find(name);
    if (group === undefined)
      throw new MqError('CONSUMER_NOT_ONLINE', `the consumer group[${name}] not online`);
    return group;
  }

  /** Members of a group, all or those with one client id; none when the group is not online. */
  members(group: string, clientId: string): ConsumerMember[] {
    const members = [...(this.#consumers.find(group)?.members.values() ?? [])];
    return clientId === '' ? members : members.filter((member) => member.clientId === clientId);
  }

  /** Consumer groups, or the one that is named, whose members do not fit together. */
  conflicts(group: string | undefined): GroupConflict[] {
    return this.#guard.conflicts(group);
  }

  producers(group: string): readonly ProducerMember[] {
    const members = this.#producers.members(group);
    // Java answers a SYSTEM_ERROR.
    if (members.length === 0) throw new MqError('INTERNAL', `the producer group[${group}] not exist`);
    return members;
  }

  allProducers(): { readonly group: string; readonly members: readonly ProducerMember[] }[] {
    return [...this.#producers.all()].map(([group, members]) => ({ group, members: [...members.values()] }));
  }

  /** Groups that subscribe to a topic now or have consumed it. */
  groupsOf(topic: string): string[] {
    const online = [...this.#consumers.all()]
      .filter((group) => group.subscriptions.has(topic))
      .map(({ name }) => name);
    return [...new Set([...online, ...this.#offsets.groupsOf(topic)])];
  }

  /** What an online group wants of a topic. */
  subscription(group: string, topic: string): Subscription | undefined {
    return this.#consumers.find(group)?.subscriptions.get(topic);
  }
}
