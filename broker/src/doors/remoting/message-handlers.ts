import {
  QueryMessageHeader,
  QueryMessageResponseHeader,
  ViewMessageHeader,
} from '@cometmq/remoting/protocol/header/message';
import type { Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { Clock } from '@cometmq/common/clock/clock';
import type { QueryService } from '../../service/query-service.ts';
import type { HandlerTable } from './handler-table.ts';

/** Java answers a unique-key query with at most this many messages whatever was asked. */
const UNIQUE_KEY_RESULTS = 32;

/** Messages by place and by key. */
export function messageHandlers(queries: QueryService, clock: Clock): HandlerTable {
  return [
    [
      RequestCode.VIEW_MESSAGE_BY_ID,
      async ({ extFields }): Promise<Reply> => {
        const { offset } = ViewMessageHeader.decode(extFields);
        return { code: ResponseCode.SUCCESS, body: await queries.byOffset(offset) };
      },
    ],
    [
      RequestCode.QUERY_MESSAGE,
      async ({ extFields }): Promise<Reply> => {
        const header = QueryMessageHeader.decode(extFields);
        const isUnique = header._UNIQUE_KEY_QUERY === 'true' || header.indexType === 'U';
        const records = await queries.byKey({
          topic: header.topic,
          key: header.key,
          kind: isUnique ? 'uniqueKey' : header.indexType === 'T' ? 'tag' : 'key',
          countMax: isUnique ? UNIQUE_KEY_RESULTS : header.maxNum,
          begin: header.beginTimestamp,
          end: header.endTimestamp,
        });
        const answer = QueryMessageResponseHeader.encode({
          indexLastUpdateTimestamp: clock.now(),
          indexLastUpdatePhyoffset: queries.newest.physicalOffset,
        });
        if (records.length > 0)
          return { code: ResponseCode.SUCCESS, extFields: answer, body: Buffer.concat(records) };
        const remark = 'can not find message, maybe time range not correct';
        return { code: ResponseCode.QUERY_NOT_FOUND, remark, extFields: answer };
      },
    ],
  ];
}
