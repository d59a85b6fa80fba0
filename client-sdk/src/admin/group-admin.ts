import { MqError } from '@cometmq/common/error/mq-error';
import { SYSTEM_GROUP_PREFIX, dlqTopic, groupNameFault, retryTopic } from '@cometmq/common/topic/names';
import type { SubscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import { subscriptionGroupConfig } from '@cometmq/common/topic/subscription-group-config';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import { asObject } from '@cometmq/remoting/protocol/body/shape';
import { mapEntries } from '@cometmq/remoting/protocol/body/tolerant-json';
import { readSubscriptionGroupConfig } from '@cometmq/remoting/protocol/body/topic-config';
import { DeleteGroupHeader } from '@cometmq/remoting/protocol/header/topic';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { AdminSession } from './admin-session.ts';
import type { BrokerSelection, ChangeResult } from './broker-selection.ts';
import { changeResult, selectBrokers } from './broker-selection.ts';
import type { Merged, Target } from './partial.ts';
import { gather, gatherSome } from './partial.ts';
import type { TopicAdmin } from './topic-admin.ts';

export interface GroupEntry {
  readonly group: string;
  readonly kind: 'normal' | 'system';
  /** Brokers that know the group. */
  readonly brokers: readonly string[];
  /** Settings on the first of these brokers. */
  readonly config: SubscriptionGroupConfig;
}

export interface GroupList extends Merged {
  readonly groups: readonly GroupEntry[];
}

export interface BrokerGroupConfig {
  readonly broker: string;
  readonly address: string;
  readonly config: SubscriptionGroupConfig;
}

export interface GroupDetails extends Merged {
  readonly group: string;
  readonly brokers: readonly BrokerGroupConfig[];
}

/** What can be set of a group; members that are left out keep their value, or get the default on creation. */
export type GroupSettings = Partial<Omit<SubscriptionGroupConfig, 'groupName'>>;

export interface GroupCreation extends ChangeResult {
  readonly status: 'CREATED' | 'EXISTS';
}

/** Groups that every Java broker makes for its own tools (MixAll). */
const SYSTEM_GROUPS: ReadonlySet<string> = new Set([
  'TOOLS_CONSUMER',
  'SCHEDULE_CONSUMER',
  'FILTERSRV_CONSUMER',
  '__MONITOR_CONSUMER',
  'SELF_TEST_C_GROUP',
  'CID_ONS-HTTP-PROXY',
  'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_OWNER',
  'CID_ONSAPI_PULL',
  'CID_DefaultHeartBeatSyncerTopic',
]);

/** Consumer groups. */
export class GroupAdmin {
  readonly #session: AdminSession;
  readonly #topics: TopicAdmin;

  constructor(session: AdminSession, topics: TopicAdmin) {
    this.#session = session;
    this.#topics = topics;
  }

  /** Groups of all brokers, merged by name. */
  async list(selection: BrokerSelection = {}): Promise<GroupList> {
    const targets = await selectBrokers(this.#session, selection);
    const { answers, failures } = await gatherSome(targets, async ({ address }) => this.#configs(address));
    const groups = new Map<string, { config: SubscriptionGroupConfig; brokers: string[] }>();
    for (const { server, value } of answers) {
      for (const config of value) {
        const known = groups.get(config.groupName);
        if (known === undefined) groups.set(config.groupName, { config, brokers: [server] });
        else known.brokers.push(server);
      }
    }
    return {
      groups: [...groups]
        .map(([group, entry]) => ({ group, kind: kindOfGroup(group), ...entry }))
        .sort((a, b) => a.group.localeCompare(b.group)),
      complete: failures.length === 0,
      failures,
    };
  }

  /** A group's settings on every broker that has it; no brokers when it does not exist. */
  async get(group: string): Promise<GroupDetails> {
    const { answers, failures } = await gatherSome(await this.#session.masters(), ({ address }) =>
      this.#config(address, group),
    );
    const brokers = answers.flatMap(({ server, address, value }) =>
      value === undefined ? [] : [{ broker: server, address, config: value }],
    );
    return { group, brokers, complete: failures.length === 0, failures };
  }

  /** Makes a group on all selected brokers; one that exists anywhere is left alone. */
  async create(
    group: string,
    settings: GroupSettings = {},
    selection: BrokerSelection = {},
  ): Promise<GroupCreation> {
    const fault = groupNameFault(group);
    if (fault !== undefined) {
      throw new MqError('INVALID_ARGUMENT', fault, {
        hint: 'use letters, digits, %, |, _ and -; at most 120 characters',
      });
    }
    const targets = await selectBrokers(this.#session, selection);
    const { brokers } = await this.get(group);
    if (brokers.length > 0) {
      return { status: 'EXISTS', done: brokers.map(({ broker }) => broker), complete: true, failures: [] };
    }
    const config = { ...subscriptionGroupConfig(group), ...settings };
    return { status: 'CREATED', ...(await this.#put(targets, () => config)) };
  }

  /**
   * Changes settings of a group, on all its brokers unless some are selected.
   * @throws MqError `GROUP_NOT_EXIST`.
   */
  async alter(
    group: string,
    settings: GroupSettings,
    selection: BrokerSelection = {},
  ): Promise<ChangeResult> {
    const details = await this.get(group);
    const wanted = new Set(selection.brokers);
    const chosen = details.brokers.filter(({ broker }) => wanted.size === 0 || wanted.has(broker));
    if (chosen.length === 0) {
      throw new MqError('GROUP_NOT_EXIST', `group ${group} is on none of the brokers`, {
        hint: 'create it first',
      });
    }
    const current = new Map(chosen.map(({ address, config }) => [address, config]));
    const targets = chosen.map(({ broker, address }) => ({ server: broker, address }));
    const result = await this.#put(targets, (address) => ({
      ...(current.get(address) ?? subscriptionGroupConfig(group)),
      ...settings,
    }));
    const failures = [...details.failures, ...result.failures];
    return changeResult(result.done, failures);
  }

  /** Removes a group, its offsets unless they are to stay, and its retry and dead-letter topics. */
  async delete(
    group: string,
    options: BrokerSelection & { readonly keepOffsets?: boolean; readonly keepTopics?: boolean } = {},
  ): Promise<ChangeResult> {
    const targets = await selectBrokers(this.#session, options);
    const extFields = DeleteGroupHeader.encode({
      groupName: group,
      cleanOffset: options.keepOffsets !== true,
    });
    const { answers, failures } = await gather(targets, ({ address }) =>
      this.#session.ask(address, { code: RequestCode.DELETE_SUBSCRIPTIONGROUP, extFields }),
    );
    const done = answers.map(({ server }) => server);
    if (options.keepTopics === true) return changeResult(done, failures);
    const topics = [
      await this.#topics.delete(retryTopic(group), options),
      await this.#topics.delete(dlqTopic(group), options),
    ];
    return changeResult(done, [...failures, ...topics.flatMap((topic) => topic.failures)]);
  }

  /** Not GET_SUBSCRIPTIONGROUP_CONFIG (352): a Java broker makes the group when it is asked for one. */
  async #config(address: string, group: string): Promise<SubscriptionGroupConfig | undefined> {
    return (await this.#configs(address)).find(({ groupName }) => groupName === group);
  }

  async #configs(address: string): Promise<SubscriptionGroupConfig[]> {
    const body = await this.#session.askBody(address, { code: RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG });
    return mapEntries(asObject(body)['subscriptionGroupTable']).map(([, config]) =>
      readSubscriptionGroupConfig(config),
    );
  }

  async #put(
    targets: readonly Target[],
    configFor: (address: string) => SubscriptionGroupConfig,
  ): Promise<ChangeResult> {
    const { answers, failures } = await gatherSome(targets, ({ address }) =>
      this.#session.ask(address, {
        code: RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
        body: jsonBody(configFor(address)),
      }),
    );
    return changeResult(
      answers.map(({ server }) => server),
      failures,
    );
  }
}

export function kindOfGroup(group: string): 'normal' | 'system' {
  return group.startsWith(SYSTEM_GROUP_PREFIX) || SYSTEM_GROUPS.has(group) ? 'system' : 'normal';
}
