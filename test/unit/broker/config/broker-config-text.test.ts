import { expect, test } from 'vitest';
import { brokerConfigSchema } from '@cometmq/broker/config/broker-config';
import { brokerConfigTable, readBrokerConfigChanges } from '@cometmq/broker/config/broker-config-text';

const PLACE = { address: '10.0.0.7', port: 10_911, dataDir: '/data' };
const config = brokerConfigSchema.parse({
  name: 'b',
  cluster: 'C',
  nameServers: ['h:1', 'i:2'],
  flush: 'async',
});
const table = brokerConfigTable(config, PLACE);

test('settings are shown under RocketMQ’s names', () => {
  expect(table).toMatchObject({
    brokerName: 'b',
    brokerClusterName: 'C',
    brokerIP1: '10.0.0.7',
    brokerId: '0',
    listenPort: '10911',
    haListenPort: '10912',
    namesrvAddr: 'h:1;i:2',
    flushDiskType: 'ASYNC_FLUSH',
    fileReservedTime: '72',
    maxMessageSize: '4194304',
    storePathRootDir: '/data',
  });
});

test('allowed settings can be changed', () => {
  const asked = { fileReservedTime: '49', brokerPermission: '4', autoCreateTopicEnable: 'false' };
  expect(readBrokerConfigChanges(asked, table)).toEqual({
    retentionMs: 49 * 3_600_000,
    permission: 4,
    autoCreateTopic: false,
  });
});

test('the whole text can be sent back with one line changed', () => {
  const { configBlackList: _, ...rest } = table;
  expect(readBrokerConfigChanges({ ...rest, fileReservedTime: '1' }, table)).toEqual({
    retentionMs: 3_600_000,
  });
});

test.each([
  [{ brokerConfigPath: '/x' }, 'NO_PERMISSION', 'Can not update config in black list.'],
  [{ fileReservedTime: '1', rocketmqHome: '/x' }, 'NO_PERMISSION', 'Can not update config in black list.'],
  [{ configBlackList: '' }, 'NO_PERMISSION', 'Can not update config in black list.'],
  [{ brokerName: 'other' }, 'NO_PERMISSION', 'brokerName can not be changed while the broker runs'],
  [{ nonsense: '1' }, 'NO_PERMISSION', 'nonsense is not a setting of this broker'],
  [{ toString: '1' }, 'NO_PERMISSION', 'toString is not a setting of this broker'],
  [{ fileReservedTime: 'soon' }, 'INVALID_ARGUMENT', 'fileReservedTime: soon is not a whole number'],
  [
    { autoCreateTopicEnable: 'yes' },
    'INVALID_ARGUMENT',
    'autoCreateTopicEnable: yes is neither true nor false',
  ],
])('%o is refused', (asked: Record<string, string>, kind, message) => {
  expect(() => readBrokerConfigChanges(asked, table)).toThrow(expect.objectContaining({ kind, message }));
});
