import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import { asArray, asObject } from '@cometmq/remoting/protocol/body/shape';
import { parseRequestBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { readSubscriptionGroupConfig } from '@cometmq/remoting/protocol/body/topic-config';
import { TopicGroupHeader } from '@cometmq/remoting/protocol/header/stats';
import {
  AllGroupConfigResponseHeader,
  DeleteGroupHeader,
  GroupHeader,
} from '@cometmq/remoting/protocol/header/topic';
import type { Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { refused } from '@cometmq/remoting/transport/remoting-server';
import type { GroupAdminService } from '../../service/group-admin-service.ts';
import type { HandlerTable } from './handler-table.ts';

const SUCCESS: Reply = { code: ResponseCode.SUCCESS };

/** Consumer groups are made, changed, shown and deleted. */
export function groupAdminHandlers(groups: GroupAdminService): HandlerTable {
  return [
    [
      RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
      async ({ body }): Promise<Reply> => {
        await groups.put([readSubscriptionGroupConfig(parseRequestBody(body))]);
        return SUCCESS;
      },
    ],
    [
      RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST,
      async ({ body }): Promise<Reply> => {
        await groups.put(
          asArray(asObject(parseRequestBody(body))['groupConfigList']).map(readSubscriptionGroupConfig),
        );
        return SUCCESS;
      },
    ],
    [
      RequestCode.DELETE_SUBSCRIPTIONGROUP,
      async ({ extFields }): Promise<Reply> => {
        const { groupName, cleanOffset } = DeleteGroupHeader.decode(extFields);
        await groups.remove(groupName, cleanOffset === true);
        return SUCCESS;
      },
    ],
    [
      RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG,
      (): Reply => {
        // All in one page, as GET_ALL_TOPIC_CONFIG.
        const all = groups.all();
        const body = jsonBody({
          dataVersion: groups.version,
          forbiddenTable: {},
          subscriptionGroupTable: Object.fromEntries(all.map((config) => [config.groupName, config])),
        });
        return {
          ...SUCCESS,
          extFields: AllGroupConfigResponseHeader.encode({ totalGroupNum: all.length }),
          body,
        };
      },
    ],
    [
      RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG,
      ({ extFields }): Reply => ({
        ...SUCCESS,
        body: jsonBody(groups.config(GroupHeader.decode(extFields).group)),
      }),
    ],
    [
      RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN,
      (request, channel) => {
        const { group, topic } = TopicGroupHeader.decode(request.extFields);
        if (request.extFields?.['readable'] === 'false') {
          return refused('reading is allowed or forbidden for a whole group or topic only')(request, channel);
        }
        return { ...SUCCESS, body: jsonBody({ group, readable: true, topic }) };
      },
    ],
  ];
}
