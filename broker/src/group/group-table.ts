import type { Clock } from '@cometmq/common/clock/clock';
import { MqError } from '@cometmq/common/error/mq-error';
import { groupNameFault } from '@cometmq/common/topic/names';
import type { SubscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import { subscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import type { DataVersion } from '@cometmq/common/topic/topic-config';
import { Limits } from '../config/limits.ts';
import type { KeyValueStore } from '../store/kv/key-value-store.ts';

const KEY_PREFIX = 'group/';

/** Groups that every broker has (Java: SubscriptionGroupManager). */
const SYSTEM_GROUPS = [
  'TOOLS_CONSUMER',
  'FILTERSRV_CONSUMER',
  'SELF_TEST_C_GROUP',
  'CID_ONS-HTTP-PROXY',
  'CID_ONSAPI_PULL',
  'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_OWNER',
  'CID_RMQ_SYS_TRANS',
];

/** The consumer groups of this broker and their settings. Changes are on the disk before they are answered. */
export class GroupTable {
  readonly #clock: Clock;
  readonly #kv: KeyValueStore;
  readonly #settings: { readonly autoCreateGroup: boolean };
  readonly #groups = new Map<string, SubscriptionGroupConfig>();
  #version: DataVersion = { counter: 0, stateVersion: 0, timestamp: 0 };

  constructor(clock: Clock, kv: KeyValueStore, settings: { readonly autoCreateGroup: boolean }) {
    this.#clock = clock;
    this.#kv = kv;
    this.#settings = settings;
  }

  async load(): Promise<void> {
    for (const name of SYSTEM_GROUPS) this.#groups.set(name, subscriptionGroupConfig(name));
    for (const [, text] of await this.#kv.entries(KEY_PREFIX)) {
      const config = JSON.parse(text) as SubscriptionGroupConfig;
      this.#groups.set(config.groupName, config);
    }
    this.#version = { counter: this.#groups.size, stateVersion: 0, timestamp: this.#clock.now() };
  }

  get version(): DataVersion {
    return this.#version;
  }

  all(): IterableIterator<SubscriptionGroupConfig> {
    return this.#groups.values();
  }

  find(name: string): SubscriptionGroupConfig | undefined {
    return this.#groups.get(name);
  }

  /** The group, made with default settings when missing and that is allowed; undefined otherwise. */
  findOrCreate(name: string): SubscriptionGroupConfig | undefined {
    const present = this.#groups.get(name);
    if (present !== undefined || !this.#settings.autoCreateGroup || groupNameFault(name) !== undefined)
      return present;
    if (this.#groups.size >= Limits.groups) return undefined;
    const config = subscriptionGroupConfig(name);
    this.#groups.set(name, config);
    this.#touch();
    // Nothing depends on default settings being on disk: they would be made again.
    this.#kv.write([{ key: KEY_PREFIX + name, value: JSON.stringify(config) }], false).catch(() => undefined);
    return config;
  }

  /** @throws MqError `INVALID_ARGUMENT` for an illegal name. */
  async put(config: SubscriptionGroupConfig): Promise<void> {
    const fault = groupNameFault(config.groupName);
    if (fault !== undefined) throw new MqError('INVALID_ARGUMENT', fault);
    if (!this.#groups.has(config.groupName) && this.#groups.size >= Limits.groups) {
      throw new MqError('INVALID_ARGUMENT', `this broker has ${Limits.groups} groups, which is the limit`);
    }
    await this.#kv.write([{ key: KEY_PREFIX + config.groupName, value: JSON.stringify(config) }], true);
    this.#groups.set(config.groupName, config);
    this.#touch();
  }

  async remove(name: string): Promise<void> {
    await this.#kv.write([{ key: KEY_PREFIX + name, value: undefined }], true);
    this.#groups.delete(name);
    this.#touch();
  }

  #touch(): void {
    this.#version = { counter: this.#version.counter + 1, stateVersion: 0, timestamp: this.#clock.now() };
  }
}
