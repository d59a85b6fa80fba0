import { MqError } from '@cometmq/common/error/mq-error';
import { groupNameFault } from '@cometmq/common/topic/names';
import type { SubscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import type { DataVersion } from '@cometmq/common/topic/topic-config';
import type { GroupTable } from '../group/group-table.ts';
import type { ConsumerOffsets } from '../offset/consumer-offsets.ts';
import { GROUP_ATTRIBUTES, changeAttributes } from '../topic/attributes.ts';

/** Makes, changes, shows and deletes consumer groups. */
export class GroupAdminService {
  readonly #groups: GroupTable;
  readonly #offsets: ConsumerOffsets;

  constructor(groups: GroupTable, offsets: ConsumerOffsets) {
    this.#groups = groups;
    this.#offsets = offsets;
  }

  /**
   * Makes groups or changes them, all or, when one of them is refused, none. The attributes of each are changes with
   * signs.
   * @throws MqError `INVALID_ARGUMENT` for a bad name.
   */
  async put(configs: readonly SubscriptionGroupConfig[]): Promise<void> {
    const checked = configs.map((config) => {
      const fault = groupNameFault(config.groupName);
      if (fault !== undefined) throw new MqError('INVALID_ARGUMENT', fault);
      const present = this.#groups.find(config.groupName)?.attributes;
      return { ...config, attributes: changeAttributes(GROUP_ATTRIBUTES, present, config.attributes) };
    });
    for (const config of checked) await this.#groups.put(config);
  }

  /** Deletes a group, with how far it consumed if `cleanOffset`. One that does not exist is fine. */
  async remove(name: string, cleanOffset: boolean): Promise<void> {
    await this.#groups.remove(name);
    if (cleanOffset) await this.#offsets.removeGroup(name);
  }

  /** @throws MqError `GROUP_NOT_EXIST`. */
  config(name: string): SubscriptionGroupConfig {
    const config = this.#groups.find(name);
    if (config === undefined) throw new MqError('GROUP_NOT_EXIST', 'No group in this broker');
    return config;
  }

  all(): SubscriptionGroupConfig[] {
    return [...this.#groups.all()];
  }

  get version(): DataVersion {
    return this.#groups.version;
  }
}
