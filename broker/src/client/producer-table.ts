import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { Limits } from '../config/limits.ts';
import type { ClientChannel, ClientIdentity } from './client-channel.ts';
import { CLIENT_LIFE_MS } from './consumer-table.ts';

export interface ProducerMember extends ClientIdentity {
  readonly channel: ClientChannel;
  /** Monotonic time of the last heartbeat, ms. */
  readonly lastBeatMs: number;
  /** Wall time of the last heartbeat, ms. */
  readonly lastBeatAt: number;
}

/** Which producers are connected, by group. */
export class ProducerTable {
  readonly #clock: Clock;
  readonly #groups = new Map<string, Map<ClientChannel, ProducerMember>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  beat(groupName: string, channel: ClientChannel, client: ClientIdentity): void {
    let group = this.#groups.get(groupName);
    if (group === undefined) {
      if (this.#groups.size >= Limits.groups) {
        throw new MqError(
          'SYSTEM_BUSY',
          `${this.#groups.size} producer groups are connected, which is the limit`,
        );
      }
      this.#groups.set(groupName, (group = new Map<ClientChannel, ProducerMember>()));
    }
    if (!group.has(channel) && group.size >= Limits.clientsPerGroup) {
      throw new MqError('SYSTEM_BUSY', `group ${groupName} has ${group.size} clients, which is the limit`);
    }
    group.set(channel, {
      ...client,
      channel,
      lastBeatMs: this.#clock.monotonic(),
      lastBeatAt: this.#clock.now(),
    });
  }

  find(groupName: string, channel: ClientChannel): ProducerMember | undefined {
    return this.#groups.get(groupName)?.get(channel);
  }

  members(groupName: string): readonly ProducerMember[] {
    return [...(this.#groups.get(groupName)?.values() ?? [])];
  }

  all(): IterableIterator<[string, ReadonlyMap<ClientChannel, ProducerMember>]> {
    return this.#groups.entries();
  }

  /** The producer's connection with this client id, in any group. */
  findChannel(clientId: string): ClientChannel | undefined {
    for (const group of this.#groups.values()) {
      for (const member of group.values()) if (member.clientId === clientId) return member.channel;
    }
    return undefined;
  }

  leave(groupName: string, channel: ClientChannel): void {
    const group = this.#groups.get(groupName);
    if (group?.delete(channel) === true && group.size === 0) this.#groups.delete(groupName);
  }

  leaveAll(channel: ClientChannel): void {
    for (const name of [...this.#groups.keys()]) this.leave(name, channel);
  }

  expire(): void {
    const limit = this.#clock.monotonic() - CLIENT_LIFE_MS;
    for (const group of this.#groups.values()) {
      for (const member of group.values()) if (member.lastBeatMs < limit) member.channel.close();
    }
  }
}
