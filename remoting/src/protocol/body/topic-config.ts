import type { DataVersion, TopicConfig } from '@cometmq/common/topic/topic-config';
import type { SubscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import { subscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import { asBoolean, asInteger, asObject, asString, asStringRecord } from './shape.ts';

/** Reads a topic's settings; members that older tools leave out get their defaults. */
export function readTopicConfig(value: unknown): TopicConfig {
  const members = asObject(value);
  return {
    topicName: asString(members['topicName']),
    readQueueNums: asInteger(members['readQueueNums'], 16),
    writeQueueNums: asInteger(members['writeQueueNums'], 16),
    perm: asInteger(members['perm'], 6),
    topicFilterType: members['topicFilterType'] === 'MULTI_TAG' ? 'MULTI_TAG' : 'SINGLE_TAG',
    topicSysFlag: asInteger(members['topicSysFlag']),
    order: asBoolean(members['order']),
    attributes: asStringRecord(members['attributes']),
  };
}

export function readSubscriptionGroupConfig(value: unknown): SubscriptionGroupConfig {
  const members = asObject(value);
  const defaults = subscriptionGroupConfig(asString(members['groupName']));
  return {
    ...defaults,
    consumeEnable: asBoolean(members['consumeEnable'], defaults.consumeEnable),
    consumeFromMinEnable: asBoolean(members['consumeFromMinEnable'], defaults.consumeFromMinEnable),
    consumeBroadcastEnable: asBoolean(members['consumeBroadcastEnable'], defaults.consumeBroadcastEnable),
    consumeMessageOrderly: asBoolean(members['consumeMessageOrderly'], defaults.consumeMessageOrderly),
    retryQueueNums: asInteger(members['retryQueueNums'], defaults.retryQueueNums),
    retryMaxTimes: asInteger(members['retryMaxTimes'], defaults.retryMaxTimes),
    brokerId: asInteger(members['brokerId'], defaults.brokerId),
    whichBrokerWhenConsumeSlowly: asInteger(
      members['whichBrokerWhenConsumeSlowly'],
      defaults.whichBrokerWhenConsumeSlowly,
    ),
    notifyConsumerIdsChangedEnable: asBoolean(
      members['notifyConsumerIdsChangedEnable'],
      defaults.notifyConsumerIdsChangedEnable,
    ),
    groupSysFlag: asInteger(members['groupSysFlag']),
    consumeTimeoutMinute: asInteger(members['consumeTimeoutMinute'], defaults.consumeTimeoutMinute),
    groupRetryPolicy:
      members['groupRetryPolicy'] === undefined
        ? defaults.groupRetryPolicy
        : asObject(members['groupRetryPolicy']),
    attributes: asStringRecord(members['attributes']),
  };
}

export function readDataVersion(value: unknown): DataVersion {
  const members = asObject(value);
  return {
    counter: asInteger(members['counter']),
    stateVersion: asInteger(members['stateVersion']),
    timestamp: asInteger(members['timestamp']),
  };
}
