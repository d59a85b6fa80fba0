import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import { asArray, asObject } from '@cometmq/remoting/protocol/body/shape';
import { parseRequestBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { readTopicConfig } from '@cometmq/remoting/protocol/body/topic-config';
import {
  AllTopicConfigResponseHeader,
  CreateTopicHeader,
  TopicHeader,
} from '@cometmq/remoting/protocol/header/topic';
import type { Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { TopicAdminService } from '../../service/topic-admin-service.ts';
import type { HandlerTable } from './handler-table.ts';

const SUCCESS: Reply = { code: ResponseCode.SUCCESS };

/** Topics are made, changed, shown and deleted. */
export function topicAdminHandlers(topics: TopicAdminService): HandlerTable {
  return [
    [
      RequestCode.UPDATE_AND_CREATE_TOPIC,
      async ({ extFields }): Promise<Reply> => {
        const header = CreateTopicHeader.decode(extFields);
        const { readQueueNums, writeQueueNums, perm, topicFilterType, topicSysFlag, order } = header;
        const changes = topics.attributeChanges(header.attributes ?? '');
        const config = { readQueueNums, writeQueueNums, perm, topicFilterType, topicSysFlag, order };
        await topics.put([
          { ...readTopicConfig({ ...config, topicName: header.topic }), attributes: changes },
        ]);
        return SUCCESS;
      },
    ],
    [
      RequestCode.UPDATE_AND_CREATE_TOPIC_LIST,
      async ({ body }): Promise<Reply> => {
        await topics.put(asArray(asObject(parseRequestBody(body))['topicConfigList']).map(readTopicConfig));
        return SUCCESS;
      },
    ],
    [
      RequestCode.DELETE_TOPIC_IN_BROKER,
      async ({ extFields }): Promise<Reply> => {
        await topics.remove(TopicHeader.decode(extFields).topic);
        return SUCCESS;
      },
    ],
    [
      RequestCode.GET_ALL_TOPIC_CONFIG,
      (): Reply => {
        // Newer tools ask for pages; all in one, with its size as the total, ends their loop at once.
        const all = topics.all();
        const body = jsonBody({
          dataVersion: topics.version,
          topicConfigTable: Object.fromEntries(all.map((config) => [config.topicName, config])),
          mappingDataVersion: topics.version,
          topicQueueMappingDetailMap: {},
          topicQueueMappingInfoMap: {},
        });
        return {
          ...SUCCESS,
          extFields: AllTopicConfigResponseHeader.encode({ totalTopicNum: all.length }),
          body,
        };
      },
    ],
    [
      RequestCode.GET_TOPIC_CONFIG,
      ({ extFields }): Reply => ({
        ...SUCCESS,
        body: jsonBody(topics.config(TopicHeader.decode(extFields).topic)),
      }),
    ],
    [
      RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER,
      (): Reply => ({ ...SUCCESS, body: jsonBody({ topicList: topics.systemTopics() }) }),
    ],
  ];
}
