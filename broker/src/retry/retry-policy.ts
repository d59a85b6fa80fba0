import { MqError } from '@cometmq/common/error/mq-error';
import { groupOfRetryTopic } from '@cometmq/common/topic/names';
import type { GroupTable } from '../group/group-table.ts';
import type { QueueLocks } from '../lock/queue-locks.ts';
import type { Topic } from '../topic/topic.ts';
import type { TopicCreation } from '../topic/topic-creation.ts';

export interface RetrySend {
  readonly topic: string;
  readonly reconsumeTimes: number;
  readonly maxReconsumeTimes: number | undefined;
}

/** Decides where a message goes that a consumer itself sends to its group's retry topic. */
export class RetryPolicy {
  readonly #groups: GroupTable;
  readonly #locks: QueueLocks;
  readonly #creation: TopicCreation;

  constructor(groups: GroupTable, locks: QueueLocks, creation: TopicCreation) {
    this.#groups = groups;
    this.#locks = locks;
    this.#creation = creation;
  }

  /**
   * The dead-letter topic when the message has had its attempts, or comes from a group that consumes in order and gave
   * it up; undefined while it may be tried again.
   * @throws MqError `GROUP_NOT_EXIST`.
   */
  async deadLetterTopic(send: RetrySend): Promise<Topic | undefined> {
    const name = groupOfRetryTopic(send.topic);
    const group = this.#groups.findOrCreate(name);
    if (group === undefined) throw new MqError('GROUP_NOT_EXIST', `subscription group not exist, ${name}`);
    const attemptsMax = send.maxReconsumeTimes ?? group.retryMaxTimes;
    if (send.reconsumeTimes <= attemptsMax && !this.#locks.isHeld(name)) return undefined;
    return this.#creation.dlqTopic(name);
  }
}
