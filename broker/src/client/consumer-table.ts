import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { Limits } from '../config/limits.ts';
import type { ClientChannel, ClientIdentity } from './client-channel.ts';
import type { GroupBeat } from './consumer-group.ts';
import { ConsumerGroup } from './consumer-group.ts';
import type { Subscription } from './subscription.ts';

/** A client that was silent for this long is gone (Java: 120 s; clients beat every 30 s). */
export const CLIENT_LIFE_MS = 120_000;

/** Told when a client left a group. */
export type MemberLeft = (group: string, clientId: string) => void;

/** Which consumers are connected, by group. */
export class ConsumerTable {
  readonly #clock: Clock;
  readonly #groups = new Map<string, ConsumerGroup>();
  readonly #leftListeners: MemberLeft[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  onLeft(listener: MemberLeft): void {
    this.#leftListeners.push(listener);
  }

  find(group: string): ConsumerGroup | undefined {
    return this.#groups.get(group);
  }

  all(): IterableIterator<ConsumerGroup> {
    return this.#groups.values();
  }

  /** Takes a heartbeat and tells the members if the group changed and `notify` says so. */
  beat(
    groupName: string,
    channel: ClientChannel,
    client: ClientIdentity,
    beat: GroupBeat,
    notify: boolean,
  ): void {
    if (beat.subscriptions.length > Limits.subscriptionsPerGroup) {
      throw new MqError('INVALID_ARGUMENT', `more than ${Limits.subscriptionsPerGroup} subscribed topics`);
    }
    const group = this.#group(groupName);
    if (!group.members.has(channel) && group.members.size >= Limits.clientsPerGroup) {
      throw new MqError(
        'SYSTEM_BUSY',
        `group ${groupName} has ${group.members.size} clients, which is the limit`,
      );
    }
    const changed = group.beat(channel, client, beat, this.#clock.monotonic());
    if (changed && notify) this.#notify(group);
  }

  /** A group that pulls without heartbeats is known by its pulls. */
  compensate(groupName: string, subscription: Subscription): void {
    const group = this.#groups.get(groupName);
    if (group !== undefined && !group.subscriptions.has(subscription.topic)) return;
    const present = group?.subscriptions.get(subscription.topic);
    if (present !== undefined && subscription.version > present.version) {
      group?.subscriptions.set(subscription.topic, subscription);
    }
  }

  /** A client said goodbye to one group. */
  leave(groupName: string, channel: ClientChannel, notify: boolean): void {
    const group = this.#groups.get(groupName);
    const member = group?.members.get(channel);
    if (group === undefined || member === undefined) return;
    group.members.delete(channel);
    for (const listener of this.#leftListeners) listener(groupName, member.clientId);
    if (group.members.size === 0) this.#groups.delete(groupName);
    else if (notify) this.#notify(group);
  }

  /** A connection broke. `notifies` says whether a group wants its members told. */
  leaveAll(channel: ClientChannel, notifies: (group: string) => boolean): void {
    for (const name of [...this.#groups.keys()]) this.leave(name, channel, notifies(name));
  }

  /** Closes the connections of clients that no longer beat. */
  expire(): void {
    const limit = this.#clock.monotonic() - CLIENT_LIFE_MS;
    for (const group of this.#groups.values()) {
      for (const member of group.members.values()) if (member.lastBeatMs < limit) member.channel.close();
    }
  }

  #notify(group: ConsumerGroup): void {
    for (const channel of group.members.keys()) channel.notifyGroupChanged(group.name);
  }

  #group(name: string): ConsumerGroup {
    let group = this.#groups.get(name);
    if (group === undefined) this.#groups.set(name, (group = new ConsumerGroup(name)));
    return group;
  }
}
