import { readPropertiesText, writePropertiesText } from '@cometmq/remoting/protocol/body/properties-text';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { LiveSettings } from '../config/live-settings.ts';
import type { NameServerConfig } from '../config/name-server-config.ts';
import type { HandlerTable } from './handler-table.ts';

export interface ConfigProcessorOptions {
  readonly config: NameServerConfig;
  readonly settings: LiveSettings;
  readonly bindAddress: string;
  /** Known once the server listens. */
  readonly listenPort: () => number;
}

/** A body with settings is short. */
const BODY_SIZE_MAX = 64 * 1024;
/** Never changed over the network (Java: NamesrvConfig.configBlackList and what it adds). */
const BLACK_LIST: ReadonlySet<string> = new Set([
  'configBlackList',
  'configStorePath',
  'kvConfigPath',
  'rocketmqHome',
]);
/** RocketMQ's settings that have one value here. */
const FIXED = {
  clusterTest: 'false',
  deleteTopicWithBrokerRegistration: 'false',
  enableControllerInNamesrv: 'false',
  notifyMinBrokerIdChanged: 'false',
  scanNotActiveBrokerInterval: '5000',
  serverChannelMaxIdleTimeSeconds: '120',
  supportActingMaster: 'false',
} as const;

/** Settings as admin tools read and change them. */
export class ConfigProcessor {
  readonly #options: ConfigProcessorOptions;

  constructor(options: ConfigProcessorOptions) {
    this.#options = options;
  }

  handlers(): HandlerTable {
    return [
      [RequestCode.UPDATE_NAMESRV_CONFIG, (request) => this.#update(request)],
      [RequestCode.GET_NAMESRV_CONFIG, () => this.#get()],
    ];
  }

  #update({ body }: RemotingCommand): Reply {
    if (body === undefined) return { code: ResponseCode.SUCCESS };
    if (body.length > BODY_SIZE_MAX) {
      return {
        code: ResponseCode.INVALID_PARAMETER,
        remark: `the settings are longer than ${BODY_SIZE_MAX} bytes`,
      };
    }
    const changes = readPropertiesText(body.toString('utf8'));
    if (Object.keys(changes).some((key) => BLACK_LIST.has(key))) {
      return { code: ResponseCode.NO_PERMISSION, remark: 'Can not update config in black list.' };
    }
    const result = this.#options.settings.change(changes);
    switch (result.status) {
      case 'CHANGED':
        return { code: ResponseCode.SUCCESS };
      case 'NOT_BOOLEAN':
        return { code: ResponseCode.INVALID_PARAMETER, remark: `${result.key} must be true or false` };
      case 'NOT_CHANGEABLE':
        return {
          code: ResponseCode.NO_PERMISSION,
          remark: `${result.key} can't be changed while the name server runs; these can: ${LiveSettings.names.join(', ')}`,
        };
    }
  }

  #get(): Reply {
    const { config, settings, bindAddress, listenPort } = this.#options;
    const values: Record<string, string> = { ...FIXED, bindAddress, listenPort: String(listenPort()) };
    for (const [name, value] of Object.entries(config)) values[name] = String(value);
    values['needWaitForService'] = String(config.waitSecondsForService > 0);
    for (const name of LiveSettings.names) values[name] = String(settings.get(name));
    const sorted = Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
    return { code: ResponseCode.SUCCESS, body: Buffer.from(writePropertiesText(sorted)) };
  }
}
