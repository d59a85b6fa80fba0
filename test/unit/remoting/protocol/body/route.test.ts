import { expect, test } from 'vitest';
import { readClusterInfo } from '@cometmq/remoting/protocol/body/route';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';

test('brokers and clusters may be named as members of Object.prototype', () => {
  const text =
    '{"brokerAddrTable":{"__proto__":{"brokerAddrs":{"__proto__":"1.1.1.1:1"},"brokerName":"b","cluster":"c"}},' +
    '"clusterAddrTable":{"__proto__":["__proto__"]}}';
  const { brokerAddrTable, clusterAddrTable } = readClusterInfo(parseBody(Buffer.from(text)));
  expect(Object.keys(brokerAddrTable)).toEqual(['__proto__']);
  expect(Object.entries(brokerAddrTable['__proto__']!.brokerAddrs)).toEqual([['__proto__', '1.1.1.1:1']]);
  expect(Object.entries(clusterAddrTable)).toEqual([['__proto__', ['__proto__']]]);
});
