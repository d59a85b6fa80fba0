// Fixed vectors computed outside of our code.
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { encodeHost } from '@cometmq/common/message/host';
import { decodeMessage } from '@cometmq/common/message/message-decoder';
import { decodeOffsetMessageId, encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { tagsCode } from '@cometmq/common/message/tags-code';
import { mapEntries, parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { decodeFrame, encodeCommand } from '@cometmq/remoting/protocol/command-codec';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';

const HEADER_TEXT =
  '{"code":105,"extFields":{"topic":"TopicTest"},"flag":0,"language":"JAVA","opaque":1,"serializeTypeCurrentRPC":"JSON","version":479}';
const BINARY_FRAME =
  '0000002d 01000029 0069 00 01df 00000001 00000000 00000000 00000014 0005 746f706963 00000009 546f70696354657374';
const RECORD =
  '000000a5 daa320a7 3610a686 00000003 00000000 000000000000002a 000000000001e240 00000000 0000018bcfe56800 ' +
  'c0a80007 0000c3cb 0000018bcfe56805 c0a80068 00002a9f 00000000 0000000000000000 00000005 68656c6c6f 09 ' +
  '546f70696354657374 003c 4b455953016b31025441475301546167410255' +
  '4e49515f4b455901433041383030363830303030324139463030303030303030303030303030303002';

const ROUTE_REQUEST: RemotingCommand = {
  code: 105,
  language: 'JAVA',
  version: 479,
  opaque: 1,
  response: false,
  oneway: false,
  remark: undefined,
  extFields: Object.assign(Object.create(null) as object, { topic: 'TopicTest' }),
  body: undefined,
  serialize: 'JSON',
};

function fromHex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

test.each([
  ['TagA', 2_598_919],
  ['TagB', 2_598_920],
  ['order-created', -392_709_271],
  ['标签', 857_175],
  ['', 0],
  [undefined, 0],
])('tagsCode of %s', (tag, hash) => {
  expect(tagsCode(tag)).toBe(hash);
});

test('the checksum of a body', () => {
  expect(crc32(Buffer.from('hello')) & 0x7fffffff).toBe(907_060_870);
});

test('a JSON frame', () => {
  const frame = encodeCommand(ROUTE_REQUEST);
  expect(frame.subarray(0, 8).toString('hex')).toBe('0000008700000083');
  expect(frame.subarray(8).toString()).toBe(HEADER_TEXT);
  expect(decodeFrame(frame)).toEqual(ROUTE_REQUEST);
});

test('a binary frame', () => {
  const command = { ...ROUTE_REQUEST, serialize: 'ROCKETMQ' as const };
  expect(encodeCommand(command)).toEqual(fromHex(BINARY_FRAME));
  expect(decodeFrame(fromHex(BINARY_FRAME))).toEqual(command);
});

test('an offset message id', () => {
  const id = encodeOffsetMessageId(encodeHost('192.168.0.104', 10_911), 123_456);
  expect(id).toBe('C0A8006800002A9F000000000001E240');
  expect(decodeOffsetMessageId(id)).toEqual({
    address: '192.168.0.104',
    port: 10_911,
    physicalOffset: 123_456,
  });
});

test('a message record', () => {
  const bytes = fromHex(RECORD);
  expect(bytes).toHaveLength(165);
  const { body, properties, ...fields } = decodeMessage(bytes, 0, bytes.length);
  expect(body.toString()).toBe('hello');
  expect([...properties]).toEqual([
    ['KEYS', 'k1'],
    ['TAGS', 'TagA'],
    ['UNIQ_KEY', 'C0A8006800002A9F0000000000000000'],
  ]);
  expect(fields).toEqual({
    topic: 'TopicTest',
    queueId: 3,
    queueOffset: 42,
    physicalOffset: 123_456,
    flag: 0,
    sysFlag: 0,
    bodyCrc: 907_060_870,
    bornTimestamp: 1_700_000_000_000,
    storeTimestamp: 1_700_000_000_005,
    bornHost: { address: '192.168.0.7', port: 50_123 },
    storeHost: { address: '192.168.0.104', port: 10_911 },
    reconsumeTimes: 0,
    preparedTransactionOffset: 0,
    storeSize: 165,
  });
});

test('a map with objects as keys', () => {
  const text =
    '{"offsetTable":{{"brokerName":"broker-a","queueId":0,"topic":"TopicTest"}:{"lastUpdateTimestamp":1700000000000,"maxOffset":43,"minOffset":0}},"topicPutTps":0.0}';
  const { offsetTable, topicPutTps } = parseBody(Buffer.from(text)) as Record<string, unknown>;
  expect(topicPutTps).toBe(0);
  expect(mapEntries(offsetTable)).toEqual([
    [
      { brokerName: 'broker-a', queueId: 0, topic: 'TopicTest' },
      { lastUpdateTimestamp: 1_700_000_000_000, maxOffset: 43, minOffset: 0 },
    ],
  ]);
});
