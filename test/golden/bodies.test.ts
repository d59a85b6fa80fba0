// Recorded JSON bodies through the tolerant parser, and through the reader of each kind.
import { describe, expect, test } from 'vitest';
import {
  readConsumerConnections,
  readProducerConnections,
  readProducerInfos,
} from '@cometmq/remoting/protocol/body/client-connection';
import { readHeartbeat, readSubscriptionData } from '@cometmq/remoting/protocol/body/heartbeat';
import { readKvTable } from '@cometmq/remoting/protocol/body/kv-table';
import { readLockRequest } from '@cometmq/remoting/protocol/body/lock';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import { objectKeyMap, readMessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import { readPropertiesText } from '@cometmq/remoting/protocol/body/properties-text';
import {
  readConsumeStats,
  readOffsetTable,
  readTopicStats,
} from '@cometmq/remoting/protocol/body/queue-stats';
import { readRegisterBrokerBody, registrationCrc } from '@cometmq/remoting/protocol/body/register-broker';
import { readClusterInfo, readTopicRoute } from '@cometmq/remoting/protocol/body/route';
import { readRunningInfo } from '@cometmq/remoting/protocol/body/running-info';
import { mapEntries, parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import {
  readDataVersion,
  readSubscriptionGroupConfig,
  readTopicConfig,
} from '@cometmq/remoting/protocol/body/topic-config';
import { readNames } from '@cometmq/remoting/protocol/body/name-list';
import type { GoldenFrame } from '../support/golden.ts';
import { bodyOf, exchangesOf, readConversations, readStoreFile } from '../support/golden.ts';

interface Body {
  readonly where: string;
  readonly bytes: Buffer;
  readonly header: GoldenFrame['header'];
}

const EXCHANGES = readConversations().flatMap(exchangesOf);

function bodies(frames: readonly (GoldenFrame | undefined)[]): Body[] {
  return frames.flatMap((frame) => {
    const bytes = frame && bodyOf(frame);
    return bytes === undefined ? [] : [{ where: frame!.where, bytes, header: frame!.header }];
  });
}

function requestBodies(name: string): Body[] {
  return bodies(EXCHANGES.filter(({ request }) => request.codeName === name).map(({ request }) => request));
}

function answerBodies(name: string): Body[] {
  return bodies(EXCHANGES.filter(({ request }) => request.codeName === name).map(({ response }) => response));
}

const JSON_BODIES = bodies(EXCHANGES.flatMap(({ request, response }) => [request, response])).filter(
  ({ bytes }) => /^[[{].*[\]}]$/s.test(bytes.toString()),
);

function isStrict({ bytes }: Body): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}

/** What the tolerant parser read, written as fastjson does: objects as keys of maps. */
function fastjsonText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(fastjsonText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${mapEntries(value)
    .map(([key, member]) => `${fastjsonText(key)}:${fastjsonText(member)}`)
    .join(',')}}`;
}

/** Takes out what parsing can't keep: quotes of integer keys, the decimal point of whole numbers. */
function comparable(text: string): string {
  return text.replaceAll(/"(-?\d+)":/g, '$1:').replaceAll(/(\d)\.0(?=[,}])/g, '$1');
}

function strict({ bytes }: Body): Record<string, unknown> {
  return JSON.parse(bytes.toString()) as Record<string, unknown>;
}

/** How many maps have a queue as key. */
function queueKeys({ bytes }: Body): number {
  return bytes.toString().match(/[{,]\{"brokerName":"[^"]+","queueId":\d+,"topic":"[^"]+"\}:/g)?.length ?? 0;
}

describe('parsing', () => {
  test('bodies of fastjson that JSON.parse refuses keep all they say', () => {
    const refused = JSON_BODIES.filter((body) => !isStrict(body));
    expect(refused.length).toBeGreaterThan(100);
    for (const { where, bytes } of refused) {
      expect(comparable(fastjsonText(parseBody(bytes))), where).toBe(comparable(bytes.toString()));
    }
  });

  test('the tolerant reader agrees with JSON.parse on strict bodies', () => {
    const byteOrderMark = Buffer.from('\uFEFF');
    for (const body of JSON_BODIES.filter(isStrict)) {
      // The mark makes JSON.parse give up.
      expect(parseBody(Buffer.concat([byteOrderMark, body.bytes])), body.where).toEqual(strict(body));
    }
  });

  test.each(['consumerOffset', 'delayOffset', 'subscriptionGroup', 'topics'])(
    'the broker file %s.json',
    (name) => {
      const text = readStoreFile(`config/${name}.json`).toString();
      const compact = text.replaceAll(/[\t\n]/g, '');
      expect(comparable(fastjsonText(parseBody(Buffer.from(text))))).toBe(comparable(compact));
    },
  );
});

describe('requests', () => {
  test('HEART_BEAT', () => {
    const heartbeats = requestBodies('HEART_BEAT');
    expect(heartbeats).toHaveLength(209);
    for (const body of heartbeats) {
      const raw = strict(body) as {
        clientID: string;
        producerDataSet: object[];
        consumerDataSet: object[] | null;
      };
      const read = readHeartbeat(parseBody(body.bytes));
      expect(read.clientID, body.where).toBe(raw.clientID);
      expect(read.producerGroups.map((groupName) => ({ groupName }))).toEqual(raw.producerDataSet);
      expect(raw.consumerDataSet ?? []).toMatchObject(read.consumers.map(({ groupName }) => ({ groupName })));
      for (const { subscriptionDataSet, consumeType, messageModel } of read.consumers) {
        expect(consumeType).toMatch(/^CONSUME_(?:ACTIVELY|PASSIVELY)$/);
        expect(messageModel).toMatch(/^(?:CLUSTERING|BROADCASTING)$/);
        for (const { topic, subString, subVersion } of subscriptionDataSet) {
          expect(topic).not.toBe('');
          expect(subString).not.toBe('');
          expect(subVersion).toBeGreaterThan(0);
        }
      }
    }
  });

  test('CHECK_CLIENT_CONFIG', () => {
    for (const body of requestBodies('CHECK_CLIENT_CONFIG')) {
      const { subscriptionData } = strict(body) as { subscriptionData: object };
      expect(subscriptionData).toMatchObject(readSubscriptionData(subscriptionData));
    }
  });

  test.each(['LOCK_BATCH_MQ', 'UNLOCK_BATCH_MQ'])('%s', (name) => {
    for (const body of requestBodies(name)) {
      const read = readLockRequest(parseBody(body.bytes));
      expect(strict(body), body.where).toMatchObject(read);
      for (const queue of read.mqSet) expectQueue(queue);
    }
  });

  test('REGISTER_BROKER, plain and compressed', () => {
    const registrations = requestBodies('REGISTER_BROKER');
    expect(registrations).toHaveLength(12);
    for (const { where, bytes, header } of registrations) {
      const crc = Number(header.extFields?.['bodyCrc32']);
      if (crc !== 0) expect(registrationCrc(bytes), where).toBe(crc);
      const { dataVersion, topics } = readRegisterBrokerBody(bytes, header.version);
      expect(dataVersion.timestamp, where).toBeGreaterThan(1_700_000_000_000);
      expect(topics.length, where).toBeGreaterThan(0);
      for (const { topicName, readQueueNums, perm } of topics) {
        expect(topicName, where).toMatch(/^[%\w-]+$/);
        expect(readQueueNums, where).toBeGreaterThan(0);
        expect(perm, where).toBeGreaterThan(0);
        expect(perm, where).toBeLessThan(8);
      }
    }
  });

  test('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP', () => {
    for (const body of requestBodies('UPDATE_AND_CREATE_SUBSCRIPTIONGROUP')) {
      expect(strict(body), body.where).toMatchObject(readSubscriptionGroupConfig(parseBody(body.bytes)));
    }
  });

  test('QUERY_DATA_VERSION', () => {
    for (const body of [...requestBodies('QUERY_DATA_VERSION'), ...answerBodies('QUERY_DATA_VERSION')]) {
      expect(strict(body), body.where).toEqual(readDataVersion(parseBody(body.bytes)));
    }
  });

  test('RESET_CONSUMER_CLIENT_OFFSET is what we write', () => {
    for (const { bytes } of requestBodies('RESET_CONSUMER_CLIENT_OFFSET')) {
      const rows = readOffsetTable(parseBody(bytes));
      const written = objectKeyMap(rows.map((row) => [row, row.offset]));
      expect(`{"offsetTable":${written}}`).toBe(bytes.toString());
    }
  });
});

describe('answers', () => {
  test('GET_ROUTEINFO_BY_TOPIC', () => {
    const routes = answerBodies('GET_ROUTEINFO_BY_TOPIC');
    expect(routes).toHaveLength(307);
    for (const { where, bytes } of routes) {
      const { brokerDatas, queueDatas } = readTopicRoute(parseBody(bytes));
      const broker = {
        brokerAddrs: { 0: '127.0.0.1:10911' },
        brokerName: 'broker-a',
        cluster: 'DefaultCluster',
      };
      expect(brokerDatas, where).toEqual([broker]);
      expect(queueDatas, where).toHaveLength(1);
      expect(queueDatas[0]?.readQueueNums, where).toBeGreaterThan(0);
    }
  });

  test('GET_BROKER_CLUSTER_INFO', () => {
    for (const { where, bytes } of answerBodies('GET_BROKER_CLUSTER_INFO')) {
      const { brokerAddrTable, clusterAddrTable } = readClusterInfo(parseBody(bytes));
      expect(Object.keys(brokerAddrTable).length, where).toBe(Object.values(clusterAddrTable).flat().length);
    }
  });

  test('stats tables', () => {
    for (const body of answerBodies('GET_TOPIC_STATS_INFO')) {
      const queues = readTopicStats(parseBody(body.bytes));
      expect(queues).toHaveLength(queueKeys(body));
      for (const { minOffset, maxOffset } of queues) expect(maxOffset).toBeGreaterThanOrEqual(minOffset);
    }
    for (const body of answerBodies('GET_CONSUME_STATS')) {
      const { queues } = readConsumeStats(parseBody(body.bytes));
      expect(queues, body.where).toHaveLength(queueKeys(body));
      for (const queue of queues) expectQueue(queue);
    }
  });

  test('INVOKE_BROKER_TO_RESET_OFFSET', () => {
    for (const body of answerBodies('INVOKE_BROKER_TO_RESET_OFFSET')) {
      const rows = readOffsetTable(parseBody(body.bytes));
      expect(rows, body.where).toHaveLength(queueKeys(body));
      expect(rows.length, body.where).toBeGreaterThan(0);
    }
  });

  test('consumer status tables', () => {
    const own = answerBodies('GET_CONSUMER_STATUS_FROM_CLIENT');
    for (const body of own) {
      const { messageQueueTable } = parseBody(body.bytes) as { messageQueueTable: unknown };
      const entries = mapEntries(messageQueueTable);
      expect(entries, body.where).toHaveLength(queueKeys(body));
      for (const [queue] of entries) expectQueue(readMessageQueue(queue));
    }
    expect(own.length).toBeGreaterThan(0);
  });

  test('GET_CONSUMER_RUNNING_INFO', () => {
    const answers = answerBodies('GET_CONSUMER_RUNNING_INFO');
    expect(answers).toHaveLength(10);
    for (const body of answers) {
      const { properties, subscriptions, queues, status } = readRunningInfo(parseBody(body.bytes));
      expect(Object.keys(properties), body.where).toContain('PROP_CLIENT_VERSION');
      expect(queues, body.where).toHaveLength(queueKeys(body));
      expect(subscriptions.length, body.where).toBeGreaterThan(0);
      expect(status.length, body.where).toBe(subscriptions.length);
    }
  });

  test('connections', () => {
    for (const body of answerBodies('GET_CONSUMER_CONNECTION_LIST')) {
      const read = readConsumerConnections(parseBody(body.bytes));
      const raw = strict(body) as { connectionSet: object[]; subscriptionTable: object };
      expect(raw.connectionSet, body.where).toMatchObject(read.connections);
      expect(read.subscriptions.map(({ topic }) => topic).sort()).toEqual(
        Object.keys(raw.subscriptionTable).sort(),
      );
    }
    for (const body of answerBodies('GET_PRODUCER_CONNECTION_LIST')) {
      expect(strict(body)['connectionSet']).toMatchObject(readProducerConnections(parseBody(body.bytes)));
    }
    for (const body of answerBodies('GET_ALL_PRODUCER_INFO')) {
      for (const { clientAddr } of readProducerInfos(parseBody(body.bytes))) {
        expect(clientAddr).toMatch(/^127\.0\.0\.1:\d+$/);
      }
    }
  });

  test('topic and group settings', () => {
    for (const body of answerBodies('GET_TOPIC_CONFIG')) {
      expect(strict(body), body.where).toEqual(readTopicConfig(parseBody(body.bytes)));
    }
    for (const body of answerBodies('GET_SUBSCRIPTIONGROUP_CONFIG')) {
      expect(strict(body), body.where).toMatchObject(readSubscriptionGroupConfig(parseBody(body.bytes)));
    }
  });

  test('lists, tables and settings', () => {
    for (const body of answerBodies('GET_ALL_TOPIC_LIST_FROM_NAMESERVER')) {
      expect(strict(body), body.where).toEqual({ topicList: readNames(parseBody(body.bytes), 'topicList') });
    }
    for (const body of answerBodies('GET_KVLIST_BY_NAMESPACE')) {
      expect(strict(body), body.where).toEqual({ table: { ...readKvTable(parseBody(body.bytes)).table } });
    }
    for (const { bytes } of [...answerBodies('GET_BROKER_CONFIG'), ...answerBodies('GET_NAMESRV_CONFIG')]) {
      const lines = bytes
        .toString()
        .split('\n')
        .filter((line) => line !== '');
      expect(Object.entries(readPropertiesText(bytes.toString())).map(([k, v]) => `${k}=${v}`)).toEqual(
        lines,
      );
    }
  });
});

function expectQueue({ brokerName, topic, queueId }: MessageQueue): void {
  expect(brokerName).toBe('broker-a');
  expect(topic).not.toBe('');
  expect(queueId).toBeGreaterThanOrEqual(0);
}
