import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import { objectKeyMap } from '@cometmq/remoting/protocol/body/message-queue';
import { CloneGroupOffsetHeader, CorrectionOffsetHeader } from '@cometmq/remoting/protocol/header/offset';
import {
  BrokerConsumeStatsHeader,
  BrokerStatsHeader,
  ConsumeStatsHeader,
  QueryConsumeQueueHeader,
  TopicGroupHeader,
} from '@cometmq/remoting/protocol/header/stats';
import { GroupHeader, TopicHeader } from '@cometmq/remoting/protocol/header/topic';
import type { Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { ClientDirectory } from '../../service/client-directory.ts';
import type { OffsetService } from '../../service/offset-service.ts';
import type { GroupProgress, ProgressService } from '../../service/progress-service.ts';
import type { QueryService } from '../../service/query-service.ts';
import type { StatisticsService } from '../../service/statistics-service.ts';
import { subscriptionData } from './client-admin-handlers.ts';
import type { HandlerTable } from './handler-table.ts';

const SUCCESS: Reply = { code: ResponseCode.SUCCESS };

/** Java's Long.MAX_VALUE, which no number holds. */
const LONG_MAX = '9223372036854775807';

export interface StatsHandlerParts {
  readonly brokerName: string;
  readonly address: string;
  readonly statistics: StatisticsService;
  readonly progress: ProgressService;
  readonly offsetting: OffsetService;
  readonly querying: QueryService;
  readonly directory: ClientDirectory;
}

/** Numbers of topics, and how far groups are. */
export function statsHandlers(parts: StatsHandlerParts): HandlerTable {
  return [
    ...topicNumberHandlers(parts),
    ...queueEntryHandlers(parts),
    ...progressHandlers(parts),
    ...offsetTableHandlers(parts),
  ];
}

function topicNumberHandlers({ statistics, brokerName }: StatsHandlerParts): HandlerTable {
  return [
    [
      RequestCode.GET_TOPIC_STATS_INFO,
      ({ extFields }): Reply => {
        const { topic } = TopicHeader.decode(extFields);
        const { queues, putTps } = statistics.ofTopic(topic);
        const table = objectKeyMap(
          queues.map(({ queueId, ...numbers }) => [{ brokerName, queueId, topic }, numbers] as const),
        );
        return { ...SUCCESS, body: Buffer.from(`{"offsetTable":${table},"topicPutTps":${putTps}}`) };
      },
    ],
    [
      RequestCode.VIEW_BROKER_STATS_DATA,
      ({ extFields }): Reply => {
        const { statsName, statsKey } = BrokerStatsHeader.decode(extFields);
        const numbers = statistics.find(statsName, statsKey);
        if (numbers === undefined) {
          return {
            code: ResponseCode.SYSTEM_ERROR,
            remark: `The stats <${statsName}> <${statsKey}> not exist`,
          };
        }
        const { day: statsDay, hour: statsHour, minute: statsMinute } = numbers;
        return { ...SUCCESS, body: jsonBody({ statsDay, statsHour, statsMinute }) };
      },
    ],
  ];
}

function queueEntryHandlers({ querying, directory }: StatsHandlerParts): HandlerTable {
  return [
    [
      RequestCode.QUERY_CONSUME_QUEUE,
      ({ extFields }): Reply => {
        const { topic, queueId, index, count, consumerGroup } = QueryConsumeQueueHeader.decode(extFields);
        const found = querying.entries(topic, queueId, index, count);
        // A success in Java, too.
        if (found === undefined)
          return { ...SUCCESS, remark: `Index ${index} of ${queueId}@${topic} is not exist!` };
        const wanted = directory.subscription(consumerGroup ?? '', topic);
        const queueData = found.entries.map(({ physicalOffset, sizeBytes, tagsCode }) => ({
          eval: wanted !== undefined && (wanted.filter === undefined || wanted.filter(tagsCode)),
          physicOffset: physicalOffset,
          physicSize: sizeBytes,
          tagsCode,
        }));
        const subscription = wanted === undefined ? {} : { subscriptionData: subscriptionData(wanted) };
        const body = jsonBody({
          ...subscription,
          maxQueueIndex: found.max,
          minQueueIndex: found.min,
          queueData,
        });
        return { ...SUCCESS, body };
      },
    ],
  ];
}

function progressHandlers({ progress, brokerName, address }: StatsHandlerParts): HandlerTable {
  return [
    [
      RequestCode.GET_CONSUME_STATS,
      ({ extFields }): Reply => {
        const { consumerGroup, topic, topicList } = ConsumeStatsHeader.decode(extFields);
        const listed = (topicList ?? '').split(';').filter((name) => name !== '');
        const named = listed.length > 0 ? listed : [topic ?? ''].filter((name) => name !== '');
        return {
          ...SUCCESS,
          body: Buffer.from(progressText(progress.ofGroup(consumerGroup, named), brokerName)),
        };
      },
    ],
    [
      RequestCode.GET_BROKER_CONSUME_STATS,
      ({ extFields }): Reply => {
        const { isOrder } = BrokerConsumeStatsHeader.decode(extFields);
        const all = progress.ofAll(isOrder === true);
        const lists = all.map(
          ({ group, topics }) =>
            `{${JSON.stringify(group)}:[${topics.map((part) => progressText(part, brokerName)).join(',')}]}`,
        );
        const queues = all.flatMap(({ topics }) => topics.flatMap((part) => part.queues));
        const totalDiff = queues.reduce(
          (sum, { brokerOffset, consumerOffset }) => sum + brokerOffset - consumerOffset,
          0,
        );
        const head = `"brokerAddr":${JSON.stringify(address)},"consumeStatsList":[${lists.join(',')}]`;
        return { ...SUCCESS, body: Buffer.from(`{${head},"totalDiff":${totalDiff},"totalInflightDiff":0}`) };
      },
    ],
    [
      RequestCode.QUERY_CONSUME_TIME_SPAN,
      ({ extFields }): Reply => {
        const { topic, group } = TopicGroupHeader.decode(extFields);
        const consumeTimeSpanSet = progress.timeSpans(group, topic).map((span) => ({
          consumeTimeStamp: span.consumeTimestamp,
          delayTime: span.delayMs,
          maxTimeStamp: span.maxTimestamp,
          messageQueue: { brokerName, queueId: span.queueId, topic },
          minTimeStamp: span.minTimestamp,
        }));
        return { ...SUCCESS, body: jsonBody({ consumeTimeSpanSet }) };
      },
    ],
    [
      RequestCode.QUERY_TOPICS_BY_CONSUMER,
      ({ extFields }): Reply => {
        const { group } = GroupHeader.decode(extFields);
        return { ...SUCCESS, body: jsonBody({ topicList: progress.topicsOf(group) }) };
      },
    ],
  ];
}

function offsetTableHandlers({ progress, offsetting }: StatsHandlerParts): HandlerTable {
  return [
    [
      RequestCode.GET_ALL_CONSUMER_OFFSET,
      (): Reply => {
        const table = [...progress.allOffsets()].map(
          ([key, queues]) => [key, Object.fromEntries(queues)] as const,
        );
        return { ...SUCCESS, body: jsonBody({ offsetTable: Object.fromEntries(table) }) };
      },
    ],
    [
      RequestCode.CLONE_GROUP_OFFSET,
      ({ extFields }): Reply => {
        const { srcGroup, destGroup, topic, offline } = CloneGroupOffsetHeader.decode(extFields);
        offsetting.clone(srcGroup, destGroup, topic ?? '', offline === true);
        return SUCCESS;
      },
    ],
    [
      RequestCode.QUERY_CORRECTION_OFFSET,
      ({ extFields }): Reply => {
        const { filterGroups, compareGroup, topic } = CorrectionOffsetHeader.decode(extFields);
        const corrections = progress.corrections(topic, compareGroup, (filterGroups ?? '').split(','));
        const members = [...corrections].map(([queueId, offset]) => `"${queueId}":${offset ?? LONG_MAX}`);
        return { ...SUCCESS, body: Buffer.from(`{"correctionOffsets":{${members.join(',')}}}`) };
      },
    ],
  ];
}

/** JSON of Java's ConsumeStats. */
function progressText({ consumeTps, queues }: GroupProgress, brokerName: string): string {
  const table = objectKeyMap(
    queues.map(({ topic, queueId, brokerOffset, consumerOffset, lastTimestamp, inFlight }) => {
      // Tools take the difference of the last two for what is in flight.
      const numbers = { brokerOffset, consumerOffset, lastTimestamp, pullOffset: consumerOffset + inFlight };
      return [{ brokerName, queueId, topic }, numbers] as const;
    }),
  );
  return `{"consumeTps":${consumeTps},"offsetTable":${table}}`;
}
