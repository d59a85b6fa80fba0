import { groupNameFault, retryTopic, topicNameFault } from '@cometmq/common/topic/names';
import type { SubscriptionData } from '@cometmq/remoting/protocol/body/heartbeat';
import { IllegalStateError } from '../error/client-error.ts';
import { ALL_MESSAGES, subscriptionData } from '../message/filter.ts';
import type { Codec } from '../message/topic.ts';
import { asTopic, rawCodec } from '../message/topic.ts';
import type { ConsumerOptions } from './consumer-options.ts';

const TOPICS_MAX = 1024;

/** What a consumer has subscribed to: its topics and, in a cluster group, the group's retry topic. */
export class Subscriptions<T> {
  readonly #data = new Map<string, SubscriptionData>();
  readonly #codecs = new Map<string, Codec<never, T>>();

  /** @throws IllegalStateError for names that brokers would refuse */
  constructor(options: ConsumerOptions<T>, version: number) {
    const groupFault = groupNameFault(options.group);
    if (groupFault !== undefined) throw new IllegalStateError(groupFault);
    const { topics } = options;
    if (topics.length === 0 || topics.length > TOPICS_MAX) {
      throw new IllegalStateError(`a consumer needs 1 to ${TOPICS_MAX} topics, not ${topics.length}`);
    }
    for (const item of topics) {
      const own = typeof item === 'object' && 'topic' in item;
      const { name, codec } = asTopic<never, T>(own ? item.topic : item);
      const fault = topicNameFault(name);
      if (fault !== undefined) throw new IllegalStateError(fault);
      if (this.#data.has(name)) throw new IllegalStateError(`topic ${name} is named twice`);
      const filter = own ? item.filter : (options.filter ?? ALL_MESSAGES);
      this.#data.set(name, subscriptionData(name, filter, version));
      this.#codecs.set(name, codec);
    }
    if (options.mode === 'broadcast') return;
    const retry = retryTopic(options.group);
    this.#data.set(retry, subscriptionData(retry, ALL_MESSAGES, version));
  }

  get topics(): string[] {
    return [...this.#data.keys()];
  }

  all(): SubscriptionData[] {
    return [...this.#data.values()];
  }

  of(topic: string): SubscriptionData {
    return this.#data.get(topic) ?? subscriptionData(topic, ALL_MESSAGES, 0);
  }

  has(topic: string): boolean {
    return this.#data.has(topic);
  }

  codecOf(topic: string): Codec<never, T> {
    return this.#codecs.get(topic) ?? (rawCodec as unknown as Codec<never, T>);
  }
}
