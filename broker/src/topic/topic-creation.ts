import { MqError } from '@cometmq/common/error/mq-error';
import { Perm } from '@cometmq/common/message/sys-flag';
import {
  dlqTopic,
  isForbiddenTopic,
  isRetryTopic,
  retryTopic,
  topicNameFault,
} from '@cometmq/common/topic/names';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import type { SubscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import type { Topic } from './topic.ts';
import type { TopicTable } from './topic-table.ts';

/** Topics that come into being by use: from a template, and for a group's retries and dead letters. */
export class TopicCreation {
  readonly #topics: TopicTable;

  constructor(topics: TopicTable) {
    this.#topics = topics;
  }

  /**
   * The topic that a producer sends to, made from the template when it does not exist and the template allows.
   * @throws MqError `INVALID_ARGUMENT`, `NO_PERMISSION` or `TOPIC_NOT_EXIST`.
   */
  async forSend(name: string, template: string, queues: number): Promise<Topic> {
    if (isForbiddenTopic(name))
      throw new MqError('NO_PERMISSION', `Sending message to topic[${name}] is forbidden.`);
    const present = this.#topics.find(name);
    if (present !== undefined) return present;
    const fault = topicNameFault(name);
    if (fault !== undefined) throw new MqError('INVALID_ARGUMENT', fault);
    const parent = this.#topics.find(template);
    if (parent !== undefined && (parent.config.perm & Perm.INHERIT) !== 0) {
      const count = Math.max(Math.min(queues, parent.config.writeQueueNums), 0);
      return this.#topics.make(topicConfig(name, count, parent.config.perm & ~Perm.INHERIT));
    }
    if (isRetryTopic(name)) return this.#topics.make(topicConfig(name, 1));
    throw new MqError('TOPIC_NOT_EXIST', `topic[${name}] not exist, apply first please!`, {
      hint: `create it, or allow automatic creation`,
    });
  }

  /** The topic of a group's retries. */
  async retryTopic(group: SubscriptionGroupConfig): Promise<Topic> {
    const name = retryTopic(group.groupName);
    return this.#topics.find(name) ?? this.#topics.make(topicConfig(name, Math.max(group.retryQueueNums, 1)));
  }

  /** The topic of a group's dead letters. */
  async dlqTopic(group: string): Promise<Topic> {
    const name = dlqTopic(group);
    return this.#topics.find(name) ?? this.#topics.make(topicConfig(name, 1));
  }
}
