import { Perm } from '@cometmq/common/message/sys-flag';
import { SystemTopic, isSystemTopic, reviveTopic } from '@cometmq/common/topic/names';
import type { TopicConfig } from '@cometmq/common/topic/topic-config';
import { topicConfig } from '@cometmq/common/topic/topic-config';

export interface SystemTopicSettings {
  readonly brokerName: string;
  readonly clusterName: string;
  readonly autoCreateTopic: boolean;
  readonly traceTopic: boolean;
  readonly defaultTopicQueues: number;
  readonly delayLevels: number;
}

/**
 * Topics that every broker has (Java: TopicConfigManager). Those named like the cluster and the broker are how admin
 * tools find all brokers and one broker.
 */
export function systemTopics(settings: SystemTopicSettings): TopicConfig[] {
  const { brokerName, clusterName } = settings;
  const topics = [
    topicConfig(SystemTopic.SELF_TEST, 1),
    topicConfig(SystemTopic.BENCHMARK, 1024),
    topicConfig(clusterName, 16, Perm.ALL),
    topicConfig(brokerName, 1, Perm.ALL),
    topicConfig(SystemTopic.OFFSET_MOVED, 1),
    topicConfig(SystemTopic.SCHEDULE, settings.delayLevels),
    topicConfig(`${clusterName}_REPLY_TOPIC`, 1),
    topicConfig(reviveTopic(clusterName), 8),
    topicConfig(`rmq_sys_SYNC_BROKER_MEMBER_${brokerName}`, 1, Perm.INHERIT),
    topicConfig(SystemTopic.TRANS_HALF, 1),
    topicConfig(SystemTopic.TRANS_OP_HALF, 1),
    topicConfig(SystemTopic.WHEEL_TIMER, 1),
    topicConfig(SystemTopic.WHEEL_TIMER_OP, 1),
  ];
  topics.push(templateTopic(settings));
  if (settings.traceTopic) topics.push(topicConfig(SystemTopic.TRACE, 1));
  return topics;
}

/** The template of topics that are made by use; one that can't be inherited from forbids them. */
export function templateTopic(
  settings: Pick<SystemTopicSettings, 'autoCreateTopic' | 'defaultTopicQueues'>,
): TopicConfig {
  const perm = settings.autoCreateTopic ? Perm.ALL : Perm.READ_WRITE;
  return topicConfig(SystemTopic.AUTO_CREATE, settings.defaultTopicQueues, perm);
}

/** True for topics that belong to a broker rather than to its users. */
export function isBrokerTopic(topic: string, brokerName: string, clusterName: string): boolean {
  return (
    isSystemTopic(topic) ||
    topic === brokerName ||
    topic === clusterName ||
    topic === `${clusterName}_REPLY_TOPIC`
  );
}
