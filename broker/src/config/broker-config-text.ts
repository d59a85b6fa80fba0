import { MqError } from '@cometmq/common/error/mq-error';
import type { BrokerConfig } from './broker-config.ts';

/** What the text of a broker's settings shows beside its configuration. */
export interface BrokerPlace {
  readonly address: string;
  readonly port: number;
  /** Folder of all that the broker keeps. */
  readonly dataDir: string;
}

/** One setting under the name that RocketMQ has for it. */
interface ConfigKey {
  readonly show: (config: BrokerConfig, place: BrokerPlace) => string | number | boolean;
  /** Present for settings that can be changed while the broker runs. */
  readonly read?: (text: string, key: string) => Partial<BrokerConfig>;
}

const HOUR_MS = 3_600_000;

/** May never be changed from outside (Java: configBlackList). */
const BLACK_LIST: ReadonlySet<string> = new Set(['configBlackList', 'brokerConfigPath', 'rocketmqHome']);

/** Settings as RocketMQ names them (Java: BrokerConfig, MessageStoreConfig), those that mean something here. */
const KEYS: Readonly<Record<string, ConfigKey>> = {
  aclEnable: { show: () => false },
  autoCreateSubscriptionGroup: {
    show: (config) => config.autoCreateGroup,
    read: (text, key) => ({ autoCreateGroup: boolean(text, key) }),
  },
  autoCreateTopicEnable: {
    show: (config) => config.autoCreateTopic,
    read: (text, key) => ({ autoCreateTopic: boolean(text, key) }),
  },
  bindAddress: { show: (config) => config.host },
  brokerClusterName: { show: (config) => config.cluster },
  brokerIP1: { show: (_config, place) => place.address },
  brokerId: { show: () => 0 },
  brokerName: { show: (config) => config.name },
  brokerPermission: {
    show: (config) => config.permission,
    read: (text, key) => ({ permission: integer(text, key) }),
  },
  brokerRole: { show: () => 'ASYNC_MASTER' },
  brokerTopicEnable: { show: () => true },
  clusterTopicEnable: { show: () => true },
  configBlackList: { show: () => [...BLACK_LIST].join(';') },
  defaultTopicQueueNums: {
    show: (config) => config.defaultTopicQueues,
    read: (text, key) => ({ defaultTopicQueues: integer(text, key) }),
  },
  deleteWhen: { show: () => '04' },
  enablePropertyFilter: { show: (config) => config.propertyFilter },
  enableRetryTopicV2: { show: (config) => config.popRetryTopicV2 },
  fileReservedTime: {
    show: (config) => Math.floor(config.retentionMs / HOUR_MS),
    read: (text, key) => ({ retentionMs: integer(text, key) * HOUR_MS }),
  },
  // CometMQ's own.
  groupGuard: {
    show: (config) => config.groupGuard,
    read: (text, key) => ({ groupGuard: oneOf(['report', 'refuse'], text, key) }),
  },
  flushDiskType: { show: (config) => (config.flush === 'sync' ? 'SYNC_FLUSH' : 'ASYNC_FLUSH') },
  haListenPort: { show: (_config, place) => place.port + 1 },
  listenPort: { show: (_config, place) => place.port },
  litePullMessageEnable: { show: () => true },
  longPollingEnable: { show: () => true },
  mappedFileSizeCommitLog: { show: (config) => config.segmentSizeBytes },
  maxMessageSize: { show: (config) => config.maxMessageSizeBytes },
  maxMsgsNumBatch: { show: () => 64 },
  maxTransferBytesOnMessageInMemory: {
    show: (config) => config.pullBytesMax,
    read: (text, key) => ({ pullBytesMax: integer(text, key) }),
  },
  maxTransferCountOnMessageInMemory: {
    show: (config) => config.pullBatchMax,
    read: (text, key) => ({ pullBatchMax: integer(text, key) }),
  },
  messageDelayLevel: { show: (config) => config.delayLevels },
  messageIndexEnable: { show: () => true },
  msgTraceTopicName: { show: () => 'RMQ_SYS_TRACE_TOPIC' },
  diskMaxUsedSpaceRatio: { show: (config) => config.diskWarnPercent },
  diskSpaceWarningLevelRatio: { show: (config) => config.diskFullPercent },
  namesrvAddr: { show: (config) => config.nameServers.join(';') },
  notifyConsumerIdsChangedEnable: { show: () => true },
  popInflightMessageThreshold: { show: (config) => config.popInFlightMax },
  recallMessageEnable: { show: () => true },
  rejectTransactionMessage: {
    show: (config) => config.rejectTransactions,
    read: (text, key) => ({ rejectTransactions: boolean(text, key) }),
  },
  regionId: { show: () => 'DefaultRegion' },
  registerNameServerPeriod: { show: (config) => config.registerPeriodMs },
  slaveReadEnable: { show: () => false },
  storePathCommitLog: { show: (_config, place) => `${place.dataDir}/store/commitlog` },
  storePathRootDir: { show: (_config, place) => place.dataDir },
  transactionCheckInterval: {
    show: (config) => config.transactionCheckIntervalMs,
    read: (text, key) => ({ transactionCheckIntervalMs: integer(text, key) }),
  },
  transactionCheckMax: {
    show: (config) => config.transactionCheckMax,
    read: (text, key) => ({ transactionCheckMax: integer(text, key) }),
  },
  transactionTimeOut: {
    show: (config) => config.transactionTimeoutMs,
    read: (text, key) => ({ transactionTimeoutMs: integer(text, key) }),
  },
  traceOn: { show: () => true },
  traceTopicEnable: { show: (config) => config.traceTopic },
  useServerSideResetOffset: { show: () => true },
  useTLS: { show: () => false },
  validateSystemTopicWhenUpdateTopic: { show: () => true },
};

/** All settings by RocketMQ's name, in the order of the alphabet. */
export function brokerConfigTable(config: BrokerConfig, place: BrokerPlace): Record<string, string> {
  return Object.fromEntries(
    Object.entries(KEYS).map(([key, { show }]) => [key, String(show(config, place))]),
  );
}

/**
 * The change that an admin asks for. Naming a setting with the value that it has is no change, whichever it is.
 * @throws MqError `NO_PERMISSION` when a setting can't be changed, `INVALID_ARGUMENT` when a value is none.
 */
export function readBrokerConfigChanges(
  asked: Readonly<Record<string, string>>,
  present: Readonly<Record<string, string>>,
): Partial<BrokerConfig> {
  const changes: Partial<BrokerConfig> = {};
  for (const [key, text] of Object.entries(asked)) {
    if (BLACK_LIST.has(key)) throw new MqError('NO_PERMISSION', 'Can not update config in black list.');
    if (present[key] === text) continue;
    const read = Object.hasOwn(KEYS, key) ? KEYS[key]?.read : undefined;
    if (read === undefined) throw notChangeable(key, Object.hasOwn(present, key));
    Object.assign(changes, read(text, key));
  }
  return changes;
}

function notChangeable(key: string, isKnown: boolean): MqError {
  const changeable = Object.keys(KEYS).filter((name) => KEYS[name]?.read !== undefined);
  const why = isKnown ? 'can not be changed while the broker runs' : 'is not a setting of this broker';
  return new MqError('NO_PERMISSION', `${key} ${why}`, {
    hint: `these can be changed: ${changeable.join(', ')}`,
  });
}

function boolean(text: string, key: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new MqError('INVALID_ARGUMENT', `${key}: ${text} is neither true nor false`);
}

function oneOf<T extends string>(values: readonly T[], text: string, key: string): T {
  const found = values.find((value) => value === text);
  if (found !== undefined) return found;
  throw new MqError('INVALID_ARGUMENT', `${key}: ${text} is none of ${values.join(', ')}`);
}

function integer(text: string, key: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new MqError('INVALID_ARGUMENT', `${key}: ${text} is not a whole number`);
}
