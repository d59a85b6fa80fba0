import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { topicNameFault } from '@cometmq/common/topic/names';
import type { DataVersion, TopicConfig } from '@cometmq/common/topic/topic-config';
import { Limits } from '../config/limits.ts';
import type { KeyValueChange, KeyValueStore } from '../store/kv/key-value-store.ts';
import type { QueueTable } from '../store/queue/queue-table.ts';
import { Topic } from './topic.ts';

const KEY_PREFIX = 'topic/';
const VERSION_KEY = 'topics-version';
/** Topics that are gone, and whose data is being removed. */
const REMOVING_PREFIX = 'removing-topic/';

/** The topics of this broker. Changes are on the disk before they are answered. */
export class TopicTable {
  readonly #clock: Clock;
  readonly #kv: KeyValueStore;
  readonly #queues: QueueTable;
  readonly #byName = new Map<string, Topic>();
  /** The same topics by a hash of their bytes, for lookups that must not make strings. */
  readonly #byHash = new Map<number, Topic[]>();
  readonly #changed: (() => void)[] = [];
  /** Topics whose data is being removed: a new one of the same name would lose its own. */
  readonly #removing = new Map<string, Promise<void>>();
  /** Topics that are being saved: nobody may use one that a crash would take back together with its messages. */
  readonly #saving = new Map<string, Promise<Topic>>();
  #version: DataVersion = { counter: 0, stateVersion: 0, timestamp: 0 };

  constructor(clock: Clock, kv: KeyValueStore, queues: QueueTable) {
    this.#clock = clock;
    this.#kv = kv;
    this.#queues = queues;
  }

  async load(): Promise<void> {
    for (const [, text] of await this.#kv.entries(KEY_PREFIX)) this.#install(JSON.parse(text) as TopicConfig);
    const version = (await this.#kv.entries(VERSION_KEY))[0];
    if (version !== undefined) this.#version = JSON.parse(version[1]) as DataVersion;
  }

  get version(): DataVersion {
    return this.#version;
  }

  get size(): number {
    return this.#byName.size;
  }

  /** Called after each change, so that name servers can be told at once. */
  onChange(listener: () => void): void {
    this.#changed.push(listener);
  }

  find(name: string): Topic | undefined {
    return this.#byName.get(name);
  }

  /** @throws MqError `TOPIC_NOT_EXIST`. */
  get(name: string): Topic {
    const topic = this.#byName.get(name);
    if (topic === undefined)
      throw new MqError('TOPIC_NOT_EXIST', `topic[${name}] not exist, apply first please!`);
    return topic;
  }

  findByBytes(bytes: Buffer, start: number, end: number): Topic | undefined {
    const candidates = this.#byHash.get(hashOf(bytes, start, end));
    if (candidates === undefined) return undefined;
    for (const topic of candidates) {
      if (topic.nameBytes.length === end - start && topic.nameBytes.compare(bytes, start, end) === 0)
        return topic;
    }
    return undefined;
  }

  all(): IterableIterator<Topic> {
    return this.#byName.values();
  }

  /**
   * Makes or changes a topic; durable when the promise resolves, and as it was when that fails.
   * @throws MqError `INVALID_ARGUMENT` for an illegal name or impossible numbers, `SYSTEM_BUSY` while the topic is
   *   being removed.
   */
  async put(config: TopicConfig): Promise<Topic> {
    checkTopicConfig(config);
    for (let saving = this.#saving.get(config.topicName); saving !== undefined;) {
      await saving.catch(() => undefined);
      saving = this.#saving.get(config.topicName);
    }
    if (this.#removing.has(config.topicName)) {
      throw new MqError('SYSTEM_BUSY', `topic[${config.topicName}] is being deleted; try again in a moment`);
    }
    const present = this.#byName.get(config.topicName);
    if (present !== undefined && JSON.stringify(present.config) === JSON.stringify(config)) return present;
    if (present === undefined && this.#byName.size + this.#saving.size >= Limits.topics) {
      throw new MqError('INVALID_ARGUMENT', `this broker has ${Limits.topics} topics, which is the limit`);
    }
    const change = { key: KEY_PREFIX + config.topicName, value: JSON.stringify(config) };
    const saved = this.#save([change], () => this.#install(config)).finally(() => {
      this.#saving.delete(config.topicName);
    });
    this.#saving.set(config.topicName, saved);
    return saved;
  }

  /** The topic, made when it does not exist: two sends to an unknown topic make it once. */
  async make(config: TopicConfig): Promise<Topic> {
    return this.#saving.get(config.topicName) ?? this.find(config.topicName) ?? this.put(config);
  }

  /** Makes the topics that are missing, in one batch. For start-up; present ones stay as they are. */
  async putAll(configs: readonly TopicConfig[]): Promise<void> {
    const missing = configs.filter(({ topicName }) => !this.#byName.has(topicName));
    if (missing.length === 0) return;
    await this.#save(
      missing.map((config) => ({ key: KEY_PREFIX + config.topicName, value: JSON.stringify(config) })),
      () => {
        for (const config of missing) this.#install(config);
      },
    );
  }

  /**
   * Forgets a topic at once, durably when the promise resolves, then runs `cleanUp`; until that is done nobody can make
   * it again.
   */
  remove(name: string, cleanUp: () => Promise<void>): Promise<void> {
    const present = this.#removing.get(name);
    if (present !== undefined) return present;
    const removal = this.#remove(name, cleanUp).finally(() => {
      this.#removing.delete(name);
    });
    this.#removing.set(name, removal);
    return removal;
  }

  /** Ends removals that a crash interrupted: else a new topic of the same name would get the data of the old one. */
  async finishRemovals(cleanUp: (name: string) => Promise<void>): Promise<void> {
    for (const [key] of await this.#kv.entries(REMOVING_PREFIX)) {
      const name = key.slice(REMOVING_PREFIX.length);
      await this.remove(name, () => cleanUp(name));
    }
  }

  async #remove(name: string, cleanUp: () => Promise<void>): Promise<void> {
    await this.#saving.get(name)?.catch(() => undefined);
    const topic = this.#byName.get(name);
    const marker = REMOVING_PREFIX + name;
    if (topic !== undefined) {
      this.#uninstall(topic);
      try {
        const changes = [
          { key: KEY_PREFIX + name, value: undefined },
          { key: marker, value: '1' },
        ];
        await this.#save(changes, () => undefined);
      } catch (error) {
        this.#index(topic);
        throw error;
      }
    }
    await cleanUp();
    // Before anybody can make the topic again: its data would be removed at the next start.
    await this.#kv.write([{ key: marker, value: undefined }], true);
  }

  #uninstall(topic: Topic): void {
    const { name } = topic;
    this.#byName.delete(name);
    const hash = hashOf(topic.nameBytes, 0, topic.nameBytes.length);
    const left = (this.#byHash.get(hash) ?? []).filter((other) => other !== topic);
    if (left.length === 0) this.#byHash.delete(hash);
    else this.#byHash.set(hash, left);
  }

  /** Raises the version without a change, for example when the broker's permission changed. */
  async touch(): Promise<void> {
    await this.#save([], () => undefined);
  }

  #install(config: TopicConfig): Topic {
    const present = this.#byName.get(config.topicName);
    if (present !== undefined) {
      present.config = config;
      return present;
    }
    const topic = new Topic(config, this.#queues);
    this.#index(topic);
    return topic;
  }

  #index(topic: Topic): void {
    this.#byName.set(topic.name, topic);
    const hash = hashOf(topic.nameBytes, 0, topic.nameBytes.length);
    this.#byHash.set(hash, [...(this.#byHash.get(hash) ?? []), topic]);
  }

  /** Applies changes in memory when they are on the disk. */
  async #save<T>(changes: readonly KeyValueChange[], apply: () => T): Promise<T> {
    this.#version = { counter: this.#version.counter + 1, stateVersion: 0, timestamp: this.#clock.now() };
    await this.#kv.write([...changes, { key: VERSION_KEY, value: JSON.stringify(this.#version) }], true);
    const result = apply();
    for (const listener of this.#changed) listener();
    return result;
  }
}

/** @throws MqError `INVALID_ARGUMENT` for an illegal name or impossible numbers. */
export function checkTopicConfig(config: TopicConfig): void {
  const fault = topicNameFault(config.topicName);
  if (fault !== undefined) throw new MqError('INVALID_ARGUMENT', fault);
  for (const queues of [config.readQueueNums, config.writeQueueNums]) {
    if (queues < 0 || queues > Limits.queuesPerTopic) {
      throw new MqError(
        'INVALID_ARGUMENT',
        `a topic has 0 to ${Limits.queuesPerTopic} queues, not ${queues}`,
      );
    }
  }
  if (config.perm < 0 || config.perm > 7)
    throw new MqError('INVALID_ARGUMENT', `perm ${config.perm} is not in 0 to 7`);
}

function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0;
  for (let at = start; at < end; at++) hash = (Math.imul(31, hash) + (bytes[at] ?? 0)) | 0;
  return hash;
}
