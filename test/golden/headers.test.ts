// Every header table of remoting/src/protocol/header against the recorded requests and answers of its codes.
import { describe, expect, test } from 'vitest';
import { decodeFrame } from '@cometmq/remoting/protocol/command-codec';
import * as client from '@cometmq/remoting/protocol/header/client';
import * as message from '@cometmq/remoting/protocol/header/message';
import * as nameServer from '@cometmq/remoting/protocol/header/name-server';
import * as offset from '@cometmq/remoting/protocol/header/offset';
import * as pull from '@cometmq/remoting/protocol/header/pull';
import * as send from '@cometmq/remoting/protocol/header/send';
import * as stats from '@cometmq/remoting/protocol/header/stats';
import * as topic from '@cometmq/remoting/protocol/header/topic';
import type { ExtFields } from '@cometmq/remoting/protocol/remoting-command';
import type { Exchange, GoldenFrame } from '../support/golden.ts';
import { exchangesOf, readConversations } from '../support/golden.ts';

interface AnyHeader {
  decode(fields: ExtFields | undefined): unknown;
  encode(values: never): ExtFields;
}

const REQUESTS: Readonly<Record<string, AnyHeader>> = {
  SEND_MESSAGE: send.SendMessageHeader,
  SEND_MESSAGE_V2: send.SendMessageHeaderV2,
  SEND_BATCH_MESSAGE: send.SendMessageHeaderV2,
  SEND_REPLY_MESSAGE: send.SendMessageHeader,
  SEND_REPLY_MESSAGE_V2: send.SendMessageHeaderV2,
  CONSUMER_SEND_MSG_BACK: send.SendBackHeader,
  END_TRANSACTION: send.EndTransactionHeader,
  CHECK_TRANSACTION_STATE: send.CheckTransactionHeader,
  PULL_MESSAGE: pull.PullMessageHeader,
  LITE_PULL_MESSAGE: pull.PullMessageHeader,
  QUERY_CONSUMER_OFFSET: offset.QueryConsumerOffsetHeader,
  UPDATE_CONSUMER_OFFSET: offset.UpdateConsumerOffsetHeader,
  SEARCH_OFFSET_BY_TIMESTAMP: offset.SearchOffsetHeader,
  GET_MAX_OFFSET: offset.QueueHeader,
  GET_MIN_OFFSET: offset.QueueHeader,
  GET_EARLIEST_MSG_STORETIME: offset.QueueHeader,
  INVOKE_BROKER_TO_RESET_OFFSET: offset.ResetOffsetHeader,
  RESET_CONSUMER_CLIENT_OFFSET: offset.ResetOffsetHeader,
  INVOKE_BROKER_TO_GET_CONSUMER_STATUS: offset.ConsumerStatusHeader,
  GET_CONSUMER_STATUS_FROM_CLIENT: offset.ConsumerStatusHeader,
  QUERY_MESSAGE: message.QueryMessageHeader,
  VIEW_MESSAGE_BY_ID: message.ViewMessageHeader,
  UNREGISTER_CLIENT: client.UnregisterClientHeader,
  GET_CONSUMER_LIST_BY_GROUP: client.ConsumerGroupHeader,
  NOTIFY_CONSUMER_IDS_CHANGED: client.ConsumerGroupHeader,
  GET_CONSUMER_CONNECTION_LIST: client.ConsumerGroupHeader,
  GET_PRODUCER_CONNECTION_LIST: client.ProducerGroupHeader,
  GET_CONSUMER_RUNNING_INFO: client.ConsumerRunningInfoHeader,
  CONSUME_MESSAGE_DIRECTLY: client.ConsumeMessageDirectlyHeader,
  GET_ROUTEINFO_BY_TOPIC: nameServer.RouteHeader,
  REGISTER_BROKER: nameServer.RegisterBrokerHeader,
  UNREGISTER_BROKER: nameServer.BrokerIdentityHeader,
  QUERY_DATA_VERSION: nameServer.BrokerIdentityHeader,
  BROKER_HEARTBEAT: nameServer.BrokerIdentityHeader,
  PUT_KV_CONFIG: nameServer.PutKvHeader,
  GET_KV_CONFIG: nameServer.KvHeader,
  DELETE_KV_CONFIG: nameServer.KvHeader,
  GET_KVLIST_BY_NAMESPACE: nameServer.KvNamespaceHeader,
  WIPE_WRITE_PERM_OF_BROKER: nameServer.WritePermHeader,
  ADD_WRITE_PERM_OF_BROKER: nameServer.WritePermHeader,
  GET_TOPICS_BY_CLUSTER: nameServer.ClusterHeader,
  DELETE_TOPIC_IN_NAMESRV: nameServer.NameServerTopicHeader,
  REGISTER_TOPIC_IN_NAMESRV: nameServer.NameServerTopicHeader,
  GET_BROKER_MEMBER_GROUP: nameServer.MemberGroupHeader,
  UPDATE_AND_CREATE_TOPIC: topic.CreateTopicHeader,
  DELETE_TOPIC_IN_BROKER: topic.TopicHeader,
  GET_TOPIC_STATS_INFO: topic.TopicHeader,
  QUERY_TOPIC_CONSUME_BY_WHO: topic.TopicHeader,
  GET_TOPIC_CONFIG: topic.TopicHeader,
  GET_SUBSCRIPTIONGROUP_CONFIG: topic.GroupHeader,
  DELETE_SUBSCRIPTIONGROUP: topic.DeleteGroupHeader,
  GET_CONSUME_STATS: stats.ConsumeStatsHeader,
  VIEW_BROKER_STATS_DATA: stats.BrokerStatsHeader,
  GET_BROKER_CONSUME_STATS: stats.BrokerConsumeStatsHeader,
  QUERY_CONSUME_QUEUE: stats.QueryConsumeQueueHeader,
};

/** Headers of successful answers, by the request's name. */
const RESPONSES: Readonly<Record<string, AnyHeader>> = {
  SEND_MESSAGE: send.SendMessageResponseHeader,
  SEND_MESSAGE_V2: send.SendMessageResponseHeader,
  SEND_BATCH_MESSAGE: send.SendMessageResponseHeader,
  SEND_REPLY_MESSAGE: send.SendMessageResponseHeader,
  SEND_REPLY_MESSAGE_V2: send.SendMessageResponseHeader,
  PULL_MESSAGE: pull.PullMessageResponseHeader,
  LITE_PULL_MESSAGE: pull.PullMessageResponseHeader,
  HEART_BEAT: client.HeartbeatResponseHeader,
  QUERY_CONSUMER_OFFSET: offset.OffsetResponseHeader,
  SEARCH_OFFSET_BY_TIMESTAMP: offset.OffsetResponseHeader,
  GET_MAX_OFFSET: offset.OffsetResponseHeader,
  GET_MIN_OFFSET: offset.OffsetResponseHeader,
  GET_EARLIEST_MSG_STORETIME: offset.TimestampResponseHeader,
  QUERY_MESSAGE: message.QueryMessageResponseHeader,
  REGISTER_BROKER: nameServer.RegisterBrokerResponseHeader,
  QUERY_DATA_VERSION: nameServer.QueryDataVersionResponseHeader,
  GET_KV_CONFIG: nameServer.KvResponseHeader,
  WIPE_WRITE_PERM_OF_BROKER: nameServer.WipeWritePermResponseHeader,
  ADD_WRITE_PERM_OF_BROKER: nameServer.AddWritePermResponseHeader,
  GET_ALL_SUBSCRIPTIONGROUP_CONFIG: topic.AllGroupConfigResponseHeader,
};

/** Fields that any request may carry and that no handler reads. */
const EVERYWHERE = new Set([
  ...'bname ns nsd oway lo ReqT groupSysFlag topicSysFlag AccessKey Signature SecurityToken OnsChannel'.split(
    ' ',
  ),
]);

/** "No limit" of Java clients; we read it as the greatest safe integer. */
const LONG_MAX = '9223372036854775807';

const EXCHANGES = readConversations().flatMap(exchangesOf);

/** The fields that a table gives back, and those that it should have. */
function reencode(
  table: AnyHeader,
  fields: ExtFields | undefined,
): [Record<string, string>, Record<string, string>] {
  const again = { ...table.encode(table.decode(fields) as never) };
  const wanted = Object.entries(fields ?? {}).filter(
    ([name]) => again[name] !== undefined || !EVERYWHERE.has(name),
  );
  const clamped = wanted.map(([name, value]) => [
    name,
    value === LONG_MAX ? String(Number.MAX_SAFE_INTEGER) : value,
  ]);
  return [again, Object.fromEntries(clamped) as Record<string, string>];
}

function hasFields({ header }: GoldenFrame): boolean {
  return Object.keys(header.extFields ?? {}).some((name) => !EVERYWHERE.has(name));
}

function requestsOf(name: string): Exchange[] {
  return EXCHANGES.filter(({ request }) => request.codeName === name);
}

describe('requests', () => {
  test.each(Object.entries(REQUESTS))('%s', (name, table) => {
    const exchanges = requestsOf(name);
    expect(exchanges.length).toBeGreaterThan(0);
    for (const { request, response } of exchanges) {
      const { extFields } = decodeFrame(request.bytes);
      try {
        const [again, wanted] = reencode(table, extFields);
        expect(again, request.where).toEqual(wanted);
      } catch (error) {
        // Hand-made requests that the real server could not read either.
        if (response === undefined || response.code === 0 || !request.where.includes('/errors-')) throw error;
      }
    }
  });

  test('all other requests have no fields, but for features without tables', () => {
    const names = EXCHANGES.filter(
      ({ request }) => hasFields(request) && REQUESTS[request.codeName] === undefined,
    );
    expect([...new Set(names.map(({ request }) => request.codeName))].sort()).toEqual([
      'ACK_MESSAGE',
      'CHANGE_MESSAGE_INVISIBLETIME',
      'GET_ALL_SUBSCRIPTIONGROUP_CONFIG', // pages, which we may ignore
      'POP_MESSAGE',
      'PUSH_REPLY_MESSAGE_TO_CLIENT', // written by the broker, read by nobody of ours
      'RECALL_MESSAGE',
      'REQUEST_3442', // POP_MESSAGE cut to 16 bits by a binary header
      'REQUEST_9999',
    ]);
  });
});

describe('answers', () => {
  test.each(Object.entries(RESPONSES))('%s', (name, table) => {
    const answers = requestsOf(name).flatMap(({ response }) => (response?.code === 0 ? [response] : []));
    expect(answers.length).toBeGreaterThan(0);
    for (const response of answers) {
      const [again, wanted] = reencode(table, decodeFrame(response.bytes).extFields);
      expect(again, response.where).toEqual(wanted);
    }
  });

  test('all other answers have no fields, but for features without tables', () => {
    const names = EXCHANGES.filter(({ response }) => response !== undefined && hasFields(response))
      .map(({ request }) => request.codeName)
      .filter((name) => RESPONSES[name] === undefined);
    expect([...new Set(names)].sort()).toEqual([
      'CHANGE_MESSAGE_INVISIBLETIME',
      'GET_BROKER_CONFIG', // version of the settings, read by nobody
      'POP_MESSAGE',
      'RECALL_MESSAGE',
    ]);
  });
});
