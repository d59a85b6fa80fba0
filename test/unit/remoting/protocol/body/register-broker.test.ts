import { describe, expect, test } from 'vitest';
import { deflateSync } from 'node:zlib';
import { topicConfig } from '@cometmq/common/topic/topic-config';
import {
  REGISTRATION_SIZE_MAX,
  readRegisterBrokerBody,
  registrationCrc,
  writeRegisterBrokerBody,
} from '@cometmq/remoting/protocol/body/register-broker';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { PROTOCOL_VERSION } from '@cometmq/remoting/protocol/version';
import { bodyOf, readFrames } from '../../../../support/golden.ts';

const recorded = readFrames().filter((frame) => frame.codeName === 'REGISTER_BROKER' && !frame.response);

describe('recorded registrations', () => {
  test.each(recorded.map((frame) => [frame.where, frame] as const))('%s', (_where, frame) => {
    const body = bodyOf(frame);
    const { dataVersion, topics } = readRegisterBrokerBody(body, frame.header.version);
    expect(String(registrationCrc(body ?? Buffer.alloc(0)))).toBe(frame.header.extFields?.['bodyCrc32']);
    expect(dataVersion.timestamp).toBeGreaterThan(1_795_000_000_000);
    expect(topics.length).toBeGreaterThan(0);
    const schedule = topics.find(({ topicName }) => topicName === 'SCHEDULE_TOPIC_XXXX');
    if (schedule) expect(schedule).toEqual(topicConfig('SCHEDULE_TOPIC_XXXX', 18));
  });

  test('are written as a 5.4.0 broker does', () => {
    const frame = recorded.find(({ where }) => where === 'broker-5.4.0/register-json:1');
    const body = frame && bodyOf(frame);
    const written = parseBody(writeRegisterBrokerBody(readRegisterBrokerBody(body, PROTOCOL_VERSION)));
    const expected = parseBody(body) as { topicConfigSerializeWrapper: Record<string, unknown> };
    const { dataVersion } = expected.topicConfigSerializeWrapper;
    // Static topics have a version of their own, which nobody reads where there are none.
    const wrapper = { ...expected.topicConfigSerializeWrapper, mappingDataVersion: dataVersion };
    expect(written).toEqual({ ...expected, topicConfigSerializeWrapper: wrapper });
  });
});

const BODY = {
  dataVersion: { counter: 3, stateVersion: 1, timestamp: 1_700_000_000_000 },
  topics: [
    { ...topicConfig('a', 4, 7), attributes: { 'message.type': 'FIFO' } },
    { ...topicConfig('__proto__', 1), topicFilterType: 'MULTI_TAG' as const },
  ],
};

test('both forms give back what was written', () => {
  for (const compressed of [false, true]) {
    const { dataVersion, topics } = readRegisterBrokerBody(
      writeRegisterBrokerBody(BODY, compressed),
      PROTOCOL_VERSION,
    );
    expect(dataVersion).toEqual(BODY.dataVersion);
    expect(topics.map((topic) => ({ ...topic, attributes: { ...topic.attributes } }))).toEqual(BODY.topics);
  }
});

test('brokers before 3.0.11 send the topic table alone', () => {
  const wrapper = { dataVersion: BODY.dataVersion, topicConfigTable: { a: topicConfig('a', 1) } };
  expect(readRegisterBrokerBody(Buffer.from(JSON.stringify(wrapper)), 36).topics).toHaveLength(1);
});

describe('damaged bodies are refused', () => {
  const content = (hex: string) => deflateSync(Buffer.from(hex, 'hex'));
  test.each([
    ['nothing', undefined],
    ['text', Buffer.from('x')],
    ['a bad zlib stream', Buffer.from('789c0102', 'hex')],
    ['an empty zlib stream', content('')],
    ['a length beyond the end', content('7fffffff7b7d')],
    ['a negative length', content('ffffffff7b7d')],
    ['fewer topics than announced', content('000000027b7d7fffffff')],
    ['more than fits', deflateSync(Buffer.alloc(REGISTRATION_SIZE_MAX + 1))],
  ])('%s', (_what, body) => {
    expect(() => readRegisterBrokerBody(body, PROTOCOL_VERSION)).toThrow(
      expect.objectContaining({ kind: 'PROTOCOL' }) as Error,
    );
  });
});
