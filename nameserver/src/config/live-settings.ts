import type { NameServerConfig } from './name-server-config.ts';

const LIVE = [
  'orderMessageEnable',
  'returnOrderTopicConfigToBroker',
  'enableTopicList',
  'enableAllTopicList',
] as const;

type LiveSetting = (typeof LIVE)[number];

export type ChangeResult =
  | { readonly status: 'CHANGED' }
  | { readonly status: 'NOT_CHANGEABLE' | 'NOT_BOOLEAN'; readonly key: string };

/** The settings that UPDATE_NAMESRV_CONFIG may change, until the next start. */
export class LiveSettings {
  readonly #values: Record<LiveSetting, boolean>;

  constructor(config: NameServerConfig) {
    this.#values = {
      orderMessageEnable: config.orderMessageEnable,
      returnOrderTopicConfigToBroker: config.returnOrderTopicConfigToBroker,
      enableTopicList: config.enableTopicList,
      enableAllTopicList: config.enableAllTopicList,
    };
  }

  /** Names of the settings that may be changed. */
  static get names(): readonly LiveSetting[] {
    return LIVE;
  }

  get(name: LiveSetting): boolean {
    return this.#values[name];
  }

  /** Changes all of them or none. */
  change(changes: Readonly<Record<string, string>>): ChangeResult {
    const accepted: [LiveSetting, boolean][] = [];
    for (const [key, text] of Object.entries(changes)) {
      const name = LIVE.find((candidate) => candidate === key);
      if (name === undefined) return { status: 'NOT_CHANGEABLE', key };
      if (text !== 'true' && text !== 'false') return { status: 'NOT_BOOLEAN', key };
      accepted.push([name, text === 'true']);
    }
    for (const [name, value] of accepted) this.#values[name] = value;
    return { status: 'CHANGED' };
  }
}
