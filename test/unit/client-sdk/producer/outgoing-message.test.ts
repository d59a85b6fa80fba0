import { describe, expect, test } from 'vitest';
import { decodeProperties } from '@cometmq/common/message/properties';
import { IllegalStateError, json, MessageTooLargeError, SchemaError, topic } from '@cometmq/client';
import type { OutgoingMessage } from '@cometmq/client/producer/outgoing-message';
import { encodeMessage } from '@cometmq/client/producer/outgoing-message';

const raw = topic('orders');

function encode(message: Partial<OutgoingMessage<string | Uint8Array>>, name = 'orders') {
  return encodeMessage(topic(name), { body: 'x', ...message }, 'ID', 100);
}

test('properties as Java writes them', () => {
  const { properties, body } = encode({
    tag: 'T',
    keys: ['a', 'b'],
    shardingKey: 's',
    delayLevel: 3,
    properties: { own: '1' },
  });
  expect(Object.fromEntries(decodeProperties(properties))).toEqual({
    own: '1',
    TAGS: 'T',
    KEYS: 'a b',
    __SHARDINGKEY: 's',
    DELAY: '3',
    WAIT: 'true',
    UNIQ_KEY: 'ID',
  });
  expect(body.toString()).toBe('x');
});

describe('what brokers would refuse or damage is refused here', () => {
  test.each([
    ['an empty body', { body: '' }],
    ['a reserved property', { properties: { UNIQ_KEY: '1' } }],
    ['an empty property', { properties: { a: '' } }],
    ['a separator in a value', { properties: { a: 'x\u0001y' } }],
    ['a separator in a key', { keys: ['x\u0002y'] }],
    ['a blank in a key', { keys: ['x y'] }],
    ['a tag that looks like an expression', { tag: 'a||b' }],
  ])('%s', (_, message) => {
    expect(() => encode(message)).toThrow(IllegalStateError);
  });

  test.each(['', 'a b', '../x', 'SCHEDULE_TOPIC_XXXX', 'x'.repeat(128)])('topic %s', (name) => {
    expect(() => encode({}, name)).toThrow(IllegalStateError);
  });

  test('sizes at their borders', () => {
    expect(encode({ body: 'x'.repeat(100) }).body.length).toBe(100);
    expect(() => encode({ body: 'x'.repeat(101) })).toThrow(MessageTooLargeError);
    const overhead = Buffer.byteLength(encode({ properties: { a: 'x' } }).properties) - 1;
    expect(() => encode({ properties: { a: 'x'.repeat(32_767 - overhead) } })).not.toThrow();
    expect(() => encode({ properties: { a: 'x'.repeat(32_768 - overhead) } })).toThrow(MessageTooLargeError);
  });

  test('a body that does not fit its schema', () => {
    const schema = {
      '~standard': {
        validate: (value: unknown) =>
          typeof value === 'number' ? { value } : { issues: [{ message: 'no number' }] },
      },
    };
    const numbers = topic('n', { codec: json<number>(schema) });
    expect(() => encodeMessage(numbers, { body: 'x' as unknown as number }, 'ID', 100)).toThrow(SchemaError);
    expect(numbers.codec.decode(Buffer.from('7'))).toBe(7);
    expect(() => numbers.codec.decode(Buffer.from('"7"'))).toThrow(/no number/);
    expect(() => numbers.codec.decode(Buffer.from('{'))).toThrow(SchemaError);
  });

  test('bytes are sent as they are', () => {
    const bytes = new Uint8Array([0, 1, 2, 3]).subarray(1, 3);
    expect([...encodeMessage(raw, { body: bytes }, 'ID', 100).body]).toEqual([1, 2]);
  });
});
