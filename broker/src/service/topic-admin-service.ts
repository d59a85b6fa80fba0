import { MqError } from '@cometmq/common/error/mq-error';
import { topicNameFault } from '@cometmq/common/topic/names';
import type { DataVersion, TopicConfig } from '@cometmq/common/topic/topic-config';
import type { PullHold } from '../hold/pull-hold.ts';
import type { ConsumerOffsets } from '../offset/consumer-offsets.ts';
import { popRetryTopic } from '../pop/pop-topics.ts';
import type { MessageStore } from '../store/message-store.ts';
import { TOPIC_ATTRIBUTES, changeAttributes, parseAttributeChanges } from '../topic/attributes.ts';
import { isBrokerTopic } from '../topic/system-topics.ts';
import type { TopicTable } from '../topic/topic-table.ts';
import { checkTopicConfig } from '../topic/topic-table.ts';

export interface TopicAdminParts {
  readonly brokerName: string;
  readonly clusterName: string;
  readonly topics: TopicTable;
  readonly offsets: ConsumerOffsets;
  readonly hold: PullHold;
  readonly store: MessageStore;
  /** Tells the name servers; resolves when those that can be reached know. */
  readonly announce: () => Promise<void>;
}

/** Makes, changes, shows and deletes topics. */
export class TopicAdminService {
  readonly #parts: TopicAdminParts;

  constructor(parts: TopicAdminParts) {
    this.#parts = parts;
  }

  /**
   * Makes topics or changes them, all or, when one of them is refused, none. The attributes of each are changes with
   * signs. Durable, and known to the name servers, when the promise resolves.
   * @throws MqError `INVALID_ARGUMENT` for a bad name, a system topic or impossible numbers.
   */
  async put(configs: readonly TopicConfig[]): Promise<void> {
    const { topics, announce } = this.#parts;
    const checked = configs.map((config) => this.#check(config));
    for (const config of checked) await topics.put(config);
    await announce();
  }

  /**
   * Changes of attributes as `+key=value,-key`.
   * @throws MqError when they are not of that form.
   */
  attributeChanges(text: string): Readonly<Record<string, string>> {
    return parseAttributeChanges(text);
  }

  /** Deletes a topic with its queues and all groups' offsets. One that does not exist is fine. */
  async remove(name: string): Promise<void> {
    if (name.trim() === '') throw new MqError('INVALID_ARGUMENT', 'The specified topic is blank.');
    this.#refuseSystemTopic(name);
    // Anything else could not have been made, and the name becomes that of a folder.
    if (topicNameFault(name) !== undefined) return;
    const { topics, offsets, hold, store, announce } = this.#parts;
    const queues = [...store.queues.all()].filter((queue) => queue.topic === name);
    // What groups could not handle of this topic goes with it.
    for (const retry of this.#popRetriesOf(name)) await this.remove(retry);
    await topics.remove(name, async () => {
      // Nobody can send or pull any more; pulls that wait learn it.
      for (const queue of queues) hold.wake(queue);
      await offsets.removeTopic(name);
      await store.dropTopic(name);
    });
    await announce();
  }

  /** @throws MqError `TOPIC_NOT_EXIST`. */
  config(name: string): TopicConfig {
    const topic = this.#parts.topics.find(name);
    if (topic === undefined) throw new MqError('TOPIC_NOT_EXIST', `No topic in this broker. topic: ${name}`);
    return topic.config;
  }

  all(): TopicConfig[] {
    return [...this.#parts.topics.all()].map(({ config }) => config);
  }

  get version(): DataVersion {
    return this.#parts.topics.version;
  }

  /** Names of the topics that belong to the broker rather than to its users. */
  systemTopics(): string[] {
    return this.all()
      .map(({ topicName }) => topicName)
      .filter((name) => this.#isSystemTopic(name));
  }

  /** Removes the queues of topics that no longer exist; a crash in the middle of a deletion leaves such. */
  async removeUnused(): Promise<void> {
    const { topics, store } = this.#parts;
    for (const name of store.queues.topics()) {
      if (topics.find(name) === undefined) await topics.remove(name, () => store.dropTopic(name));
    }
  }

  #popRetriesOf(name: string): string[] {
    const { topics, offsets } = this.#parts;
    const names = offsets
      .groupsOf(name)
      .flatMap((group) => [popRetryTopic(group, name, 1), popRetryTopic(group, name, 2)]);
    return names.filter((retry) => topics.find(retry) !== undefined);
  }

  #check(config: TopicConfig): TopicConfig {
    checkTopicConfig(config);
    this.#refuseSystemTopic(config.topicName);
    if (config.attributes['+message.type'] === 'MIXED') {
      throw new MqError('INVALID_ARGUMENT', 'MIXED message type is not supported.');
    }
    const present = this.#parts.topics.find(config.topicName)?.config.attributes;
    return { ...config, attributes: changeAttributes(TOPIC_ATTRIBUTES, present, config.attributes) };
  }

  #refuseSystemTopic(name: string): void {
    if (!this.#isSystemTopic(name)) return;
    throw new MqError('INVALID_ARGUMENT', `The topic[${name}] is conflict with system topic.`);
  }

  #isSystemTopic(name: string): boolean {
    return isBrokerTopic(name, this.#parts.brokerName, this.#parts.clusterName);
  }
}
