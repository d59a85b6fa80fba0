import { tagsCode } from '@cometmq/common/message/tags-code';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import {
  ConsumerGroupHeader,
  GroupConflictsHeader,
  ProducerGroupHeader,
} from '@cometmq/remoting/protocol/header/client';
import { TopicGroupHeader } from '@cometmq/remoting/protocol/header/stats';
import { TopicHeader } from '@cometmq/remoting/protocol/header/topic';
import type { Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { ClientChannel, ClientIdentity } from '../../client/client-channel.ts';
import type { Subscription } from '../../client/subscription.ts';
import type { ClientDirectory } from '../../service/client-directory.ts';
import type { HandlerTable } from './handler-table.ts';

const SUCCESS: Reply = { code: ResponseCode.SUCCESS };

type Connected = ClientIdentity & { readonly channel: ClientChannel };

/** Who is connected and what they want. */
export function clientAdminHandlers(directory: ClientDirectory): HandlerTable {
  return [
    [
      RequestCode.GET_CONSUMER_CONNECTION_LIST,
      ({ extFields }): Reply => {
        const group = directory.group(ConsumerGroupHeader.decode(extFields).consumerGroup);
        const subscriptions = [...group.subscriptions].map(
          ([topic, wanted]) => [topic, subscriptionData(wanted)] as const,
        );
        const body = jsonBody({
          connectionSet: [...group.members.values()].map(connection),
          consumeFromWhere: group.consumeFromWhere,
          consumeType: group.consumeType,
          messageModel: group.messageModel,
          subscriptionTable: Object.fromEntries(subscriptions),
        });
        return { ...SUCCESS, body };
      },
    ],
    [
      RequestCode.GET_GROUP_CONFLICTS,
      ({ extFields }): Reply => {
        const { group } = GroupConflictsHeader.decode(extFields);
        return { ...SUCCESS, body: jsonBody({ conflicts: directory.conflicts(group) }) };
      },
    ],
    [
      RequestCode.GET_PRODUCER_CONNECTION_LIST,
      ({ extFields }): Reply => {
        const members = directory.producers(ProducerGroupHeader.decode(extFields).producerGroup);
        return { ...SUCCESS, body: jsonBody({ connectionSet: members.map(connection) }) };
      },
    ],
    [
      RequestCode.GET_ALL_PRODUCER_INFO,
      (): Reply => {
        const groups = directory.allProducers().map(({ group, members }) => {
          const infos = members.map(({ clientId, language, version, channel, lastBeatAt }) => {
            return { clientId, language, lastUpdateTimestamp: lastBeatAt, remoteIP: channel.remote, version };
          });
          return [group, infos] as const;
        });
        return { ...SUCCESS, body: jsonBody({ data: Object.fromEntries(groups) }) };
      },
    ],
    [
      RequestCode.QUERY_TOPIC_CONSUME_BY_WHO,
      ({ extFields }): Reply => {
        const { topic } = TopicHeader.decode(extFields);
        return { ...SUCCESS, body: jsonBody({ groupList: directory.groupsOf(topic) }) };
      },
    ],
    [
      RequestCode.QUERY_SUBSCRIPTION_BY_CONSUMER,
      ({ extFields }): Reply => {
        const { topic, group } = TopicGroupHeader.decode(extFields);
        const wanted = directory.subscription(group, topic);
        const data = wanted === undefined ? {} : { subscriptionData: subscriptionData(wanted) };
        return { ...SUCCESS, body: jsonBody({ group, ...data, topic }) };
      },
    ],
  ];
}

function connection({ channel, clientId, language, version }: Connected): Record<string, unknown> {
  return { clientAddr: channel.remote, clientId, language, version };
}

/** Java's SubscriptionData. */
export function subscriptionData(wanted: Subscription): Record<string, unknown> {
  return {
    classFilterMode: false,
    codeSet: wanted.tags.map((tag) => tagsCode(tag)),
    expressionType: wanted.expressionType,
    subString: wanted.expression,
    subVersion: wanted.version,
    tagsSet: wanted.tags,
    topic: wanted.topic,
  };
}
