import { objectKeyMap } from '@cometmq/remoting/protocol/body/message-queue';
import {
  OffsetResponseHeader,
  QueryConsumerOffsetHeader,
  QueueHeader,
  ResetOffsetHeader,
  SearchOffsetHeader,
  TimestampResponseHeader,
  UpdateConsumerOffsetHeader,
} from '@cometmq/remoting/protocol/header/offset';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { OffsetService } from '../../service/offset-service.ts';
import type { HandlerTable } from './handler-table.ts';

/** Offsets of queues and groups. */
export function offsetHandlers(offsets: OffsetService, brokerName: string): HandlerTable {
  return [...groupOffsetHandlers(offsets, brokerName), ...queueOffsetHandlers(offsets)];
}

function groupOffsetHandlers(offsets: OffsetService, brokerName: string): HandlerTable {
  return [
    [
      RequestCode.QUERY_CONSUMER_OFFSET,
      ({ extFields }): Reply => {
        const { consumerGroup, topic, queueId, setZeroIfNotFound } =
          QueryConsumerOffsetHeader.decode(extFields);
        const offset = offsets.query(consumerGroup, topic, queueId, setZeroIfNotFound !== false);
        if (offset !== undefined) return offsetReply(offset);
        const remark = 'Not found, maybe this group consumer boot first';
        return { code: ResponseCode.QUERY_NOT_FOUND, remark, extFields: {} };
      },
    ],
    [
      RequestCode.UPDATE_CONSUMER_OFFSET,
      ({ extFields }): Reply => {
        const { consumerGroup, topic, queueId, commitOffset } = UpdateConsumerOffsetHeader.decode(extFields);
        const taken = offsets.commit(consumerGroup, topic, queueId, commitOffset);
        const remark = taken ? undefined : 'Offset has been previously reset';
        return { code: ResponseCode.SUCCESS, remark, extFields: {} };
      },
    ],
    [
      RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
      ({ extFields }): Reply => {
        const header = ResetOffsetHeader.decode(extFields);
        const moved = offsets.reset({
          topic: header.topic,
          group: header.group,
          timestamp: header.timestamp,
          queueId: given(header.queueId),
          offset: given(header.offset),
        });
        const { name: topic } = moved.topic;
        const table = objectKeyMap(
          moved.offsets.map(({ queueId, offset }) => [{ brokerName, queueId, topic }, offset] as const),
        );
        return { code: ResponseCode.SUCCESS, body: Buffer.from(`{"offsetTable":${table}}`) };
      },
    ],
  ];
}

function queueOffsetHandlers(offsets: OffsetService): HandlerTable {
  const range = ({ extFields }: RemotingCommand): { min: number; max: number } => {
    const { topic, queueId } = QueueHeader.decode(extFields);
    return offsets.range(topic, queueId);
  };
  return [
    [
      RequestCode.SEARCH_OFFSET_BY_TIMESTAMP,
      ({ extFields }): Reply => {
        const { topic, queueId, timestamp, boundaryType } = SearchOffsetHeader.decode(extFields);
        return offsetReply(
          offsets.search(topic, queueId, timestamp, boundaryType?.toUpperCase() === 'UPPER'),
        );
      },
    ],
    [RequestCode.GET_MAX_OFFSET, (request): Reply => offsetReply(range(request).max)],
    [RequestCode.GET_MIN_OFFSET, (request): Reply => offsetReply(range(request).min)],
    [
      RequestCode.GET_EARLIEST_MSG_STORETIME,
      ({ extFields }): Reply => {
        const { topic, queueId } = QueueHeader.decode(extFields);
        const timestamp = offsets.oldestStoreTimestamp(topic, queueId) ?? -1;
        return { code: ResponseCode.SUCCESS, extFields: TimestampResponseHeader.encode({ timestamp }) };
      },
    ],
  ];
}

function offsetReply(offset: number): Reply {
  return { code: ResponseCode.SUCCESS, extFields: OffsetResponseHeader.encode({ offset }) };
}

/** Negative means "not given" in reset requests. */
function given(value: number | undefined): number | undefined {
  return value === undefined || value < 0 ? undefined : value;
}
