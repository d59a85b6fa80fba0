import { MqError } from '@cometmq/common/error/mq-error';
import { Property } from '@cometmq/common/message/property-names';
import type { SubscriptionData } from '@cometmq/remoting/protocol/body/heartbeat';
import type { ClientAdmin, GroupConnections } from './client-admin.ts';
import type { FoundMessage } from './message-admin.ts';
import type { OffsetAdmin } from './offset-admin.ts';
import type { Merged, ServerFailure } from './partial.ts';
import { mapBounded } from './partial.ts';
import type { TopicAdmin } from './topic-admin.ts';

/** What a group did with a message, as far as offsets tell (Java: TrackType). */
export type TrackStatus =
  | 'CONSUMED'
  | 'CONSUMED_BUT_FILTERED'
  | 'NOT_CONSUMED_YET'
  | 'NOT_ONLINE'
  | 'NO_OFFSET'
  | 'CONSUME_BROADCASTING'
  | 'UNKNOWN';

export interface MessageTrack {
  readonly group: string;
  readonly status: TrackStatus;
  /** Committed offset of the group in the message's queue. */
  readonly committed: number | undefined;
  readonly detail: string;
}

export interface MessageTracks extends Merged {
  readonly tracks: readonly MessageTrack[];
}

/** Which groups consumed a message. */
export async function messageTracks(
  topics: TopicAdmin,
  clients: ClientAdmin,
  offsets: OffsetAdmin,
  message: FoundMessage,
): Promise<MessageTracks> {
  const { groups, failures } = await topics.consumerGroups(message.topic);
  const queue = {
    topic: message.topic,
    brokerName: message.broker,
    address: `${message.storeHost.address}:${message.storeHost.port}`,
    queueId: message.queueId,
    minOffset: 0,
    maxOffset: Number.MAX_SAFE_INTEGER,
  };
  const unknown: ServerFailure[] = [];
  const tracks = await mapBounded(groups, async (group): Promise<MessageTrack> => {
    try {
      const connections = await clients.consumers(group);
      return judge(group, message, connections, await offsets.query(group, queue));
    } catch (error) {
      if (!(error instanceof MqError)) throw error;
      unknown.push({
        server: message.broker,
        address: queue.address,
        kind: error.kind,
        message: error.message,
      });
      return { group, status: 'UNKNOWN', committed: undefined, detail: error.message };
    }
  });
  const all = [...failures, ...unknown];
  return { tracks, complete: all.length === 0, failures: all };
}

function judge(
  group: string,
  message: FoundMessage,
  connections: GroupConnections,
  committed: number | undefined,
): MessageTrack {
  const track = (status: TrackStatus, detail: string): MessageTrack => ({ group, status, committed, detail });
  if (connections.messageModel === 'BROADCASTING') {
    return track('CONSUME_BROADCASTING', 'each client keeps its own offsets');
  }
  if (committed !== undefined && committed > message.queueOffset) {
    const subscription = connections.subscriptions.find(({ topic }) => topic === message.topic);
    return subscription !== undefined && isFilteredOut(message, subscription)
      ? track('CONSUMED_BUT_FILTERED', `its tag is not in the subscription ${subscription.subString}`)
      : track('CONSUMED', `committed ${committed}, behind offset ${message.queueOffset}`);
  }
  if (!connections.online) return track('NOT_ONLINE', 'no client of the group is connected');
  return committed === undefined
    ? track('NO_OFFSET', 'the group never committed in this queue')
    : track('NOT_CONSUMED_YET', `${message.queueOffset - committed} messages are before it`);
}

function isFilteredOut(message: FoundMessage, subscription: SubscriptionData): boolean {
  if (subscription.expressionType !== 'TAG' || subscription.tagsSet.length === 0) return false;
  return !subscription.tagsSet.includes(message.properties.get(Property.TAGS) ?? '');
}
