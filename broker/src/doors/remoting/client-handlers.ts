import { MqError } from '@cometmq/common/error/mq-error';
import { readHeartbeat, readSubscriptionData } from '@cometmq/remoting/protocol/body/heartbeat';
import type { ConsumerData } from '@cometmq/remoting/protocol/body/heartbeat';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import { readLockRequest } from '@cometmq/remoting/protocol/body/lock';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import { asObject } from '@cometmq/remoting/protocol/body/shape';
import { parseRequestBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import {
  ConsumerGroupHeader,
  HeartbeatResponseHeader,
  UnregisterClientHeader,
} from '@cometmq/remoting/protocol/header/client';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import type { ConsumerBeat } from '../../service/client-service.ts';
import type { ClientService } from '../../service/client-service.ts';
import type { HandlerTable } from './handler-table.ts';
import type { RemotingClients } from './remoting-client-channel.ts';

const SUCCESS: Reply = { code: ResponseCode.SUCCESS };

/** Clients come, beat, lock queues and go. */
export function clientHandlers(service: ClientService, clients: RemotingClients): HandlerTable {
  return [
    [RequestCode.HEART_BEAT, (request, channel) => heartbeat(service, clients, request, channel)],
    [
      RequestCode.UNREGISTER_CLIENT,
      ({ extFields }, channel): Reply => {
        // C++ sends an empty name for the group that it does not mean.
        const { producerGroup, consumerGroup } = UnregisterClientHeader.decode(extFields);
        service.leave(clients.of(channel), producerGroup ?? '', consumerGroup ?? '');
        return { ...SUCCESS, extFields: {} };
      },
    ],
    [
      RequestCode.GET_CONSUMER_LIST_BY_GROUP,
      ({ extFields }): Reply => {
        const { consumerGroup } = ConsumerGroupHeader.decode(extFields);
        const consumerIdList = service.clientIds(consumerGroup);
        if (consumerIdList.length > 0)
          return { ...SUCCESS, extFields: {}, body: jsonBody({ consumerIdList }) };
        return {
          code: ResponseCode.SYSTEM_ERROR,
          remark: `no consumer for this group, ${consumerGroup}`,
          extFields: {},
        };
      },
    ],
    [
      RequestCode.CHECK_CLIENT_CONFIG,
      ({ body }): Reply => {
        const data = readSubscriptionData(asObject(parseRequestBody(body))['subscriptionData']);
        service.checkSubscription(data.topic, data.subString, data.expressionType, data.subVersion);
        return SUCCESS;
      },
    ],
    [
      RequestCode.LOCK_BATCH_MQ,
      ({ body }): Reply => {
        const { clientId, consumerGroup, mqSet } = readLockRequest(parseRequestBody(body));
        const locked = mqSet.filter((queue) => service.lock(consumerGroup, queueName(queue), clientId));
        return { ...SUCCESS, body: jsonBody({ lockOKMQSet: locked }) };
      },
    ],
    [
      RequestCode.UNLOCK_BATCH_MQ,
      ({ body }): Reply => {
        const { clientId, consumerGroup, mqSet } = readLockRequest(parseRequestBody(body));
        for (const queue of mqSet) service.unlock(consumerGroup, queueName(queue), clientId);
        return SUCCESS;
      },
    ],
  ];
}

async function heartbeat(
  service: ClientService,
  clients: RemotingClients,
  request: RemotingCommand,
  channel: RemotingChannel,
): Promise<Reply> {
  const beat = readHeartbeat(parseRequestBody(request.body));
  if (beat.clientID === '') throw new MqError('INVALID_ARGUMENT', 'the heartbeat names no clientID');
  const client = { clientId: beat.clientID, language: request.language, version: request.version };
  const consumers = beat.consumers.map((data) => consumerBeat(service, data));
  await service.beat(clients.of(channel), client, beat.producerGroups, consumers);
  const header = { IS_SUPPORT_HEART_BEAT_V2: false, IS_SUB_CHANGE: true };
  return { ...SUCCESS, extFields: HeartbeatResponseHeader.encode(header) };
}

function consumerBeat(service: ClientService, data: ConsumerData): ConsumerBeat {
  return {
    group: data.groupName,
    consumeType: data.consumeType,
    messageModel: data.messageModel,
    consumeFromWhere: data.consumeFromWhere,
    subscriptions: data.subscriptionDataSet.map(({ topic, subString, expressionType, subVersion }) =>
      service.subscription(topic, subString, expressionType, subVersion),
    ),
  };
}

function queueName({ topic, brokerName, queueId }: MessageQueue): string {
  return `${topic}/${brokerName}/${queueId}`;
}
