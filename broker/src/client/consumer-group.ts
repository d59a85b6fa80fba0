import type { ClientChannel, ClientIdentity } from './client-channel.ts';
import type { Subscription } from './subscription.ts';

export type ConsumeType = 'CONSUME_ACTIVELY' | 'CONSUME_PASSIVELY' | 'CONSUME_POP';
export type MessageModel = 'CLUSTERING' | 'BROADCASTING';

/** What a member said of itself in its last heartbeat. */
export interface ConsumerMember extends ClientIdentity {
  readonly channel: ClientChannel;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  readonly messageModel: MessageModel;
  /** Monotonic time of the first heartbeat, ms. */
  readonly joinedMs: number;
  /** Monotonic time of the last heartbeat, ms. */
  readonly lastBeatMs: number;
}

/** What a heartbeat says of a group. */
export interface GroupBeat {
  readonly consumeType: ConsumeType;
  readonly messageModel: MessageModel;
  readonly consumeFromWhere: string;
  readonly subscriptions: readonly Subscription[];
}

/** A consumer group that has members online. */
export class ConsumerGroup {
  readonly name: string;
  readonly members = new Map<ClientChannel, ConsumerMember>();
  readonly subscriptions = new Map<string, Subscription>();
  consumeType: ConsumeType = 'CONSUME_PASSIVELY';
  messageModel: MessageModel = 'CLUSTERING';
  consumeFromWhere = 'CONSUME_FROM_LAST_OFFSET';

  constructor(name: string) {
    this.name = name;
  }

  /** Takes a member's heartbeat; true when members or subscriptions changed. */
  beat(channel: ClientChannel, client: ClientIdentity, beat: GroupBeat, nowMs: number): boolean {
    const subscriptions = new Map(beat.subscriptions.map((s) => [s.topic, s]));
    const present = this.members.get(channel);
    const isNew = present?.clientId !== client.clientId;
    const joinedMs = isNew ? nowMs : present.joinedMs;
    const { messageModel } = beat;
    this.members.set(channel, {
      ...client,
      channel,
      subscriptions,
      messageModel,
      joinedMs,
      lastBeatMs: nowMs,
    });
    this.consumeType = beat.consumeType;
    this.messageModel = beat.messageModel;
    this.consumeFromWhere = beat.consumeFromWhere;
    return this.#subscribe(subscriptions) || isNew;
  }

  clientIds(): string[] {
    return [...new Set([...this.members.values()].map((member) => member.clientId))];
  }

  findMember(clientId: string): ConsumerMember | undefined {
    for (const member of this.members.values()) if (member.clientId === clientId) return member;
    return undefined;
  }

  /** The newest heartbeat decides, as in Java; topics that it does not name are no longer subscribed. */
  #subscribe(subscriptions: ReadonlyMap<string, Subscription>): boolean {
    let changed = false;
    for (const [topic, wanted] of subscriptions) {
      const present = this.subscriptions.get(topic);
      if (present === undefined) changed = true;
      if (present === undefined || wanted.version > present.version) this.subscriptions.set(topic, wanted);
    }
    for (const topic of this.subscriptions.keys()) {
      if (!subscriptions.has(topic)) changed = this.subscriptions.delete(topic) || changed;
    }
    return changed;
  }
}
