import { MqError } from '@cometmq/common/error/mq-error';
import { decodeCursor, type MessageQuery } from '../view/message-query.ts';
import { type Route, route } from './route.ts';
import { idQuery, keyQuery, nothing, offsetQuery, placeQuery, timeQuery } from './schemas.ts';

export function messageRoutes(messages: MessageQuery): Route[] {
  return [
    route({
      method: 'GET',
      path: '/messages/by-key',
      summary: 'Messages with a business key, in one topic or in all.',
      params: nothing,
      query: keyQuery,
      handle: ({ query }) => messages.byKey(query.key, query.topic),
    }),
    route({
      method: 'GET',
      path: '/messages/by-id',
      summary: "Messages with a message id: the sender's or the broker's.",
      params: nothing,
      query: idQuery,
      handle: ({ query }) => messages.byId(query.id, query.topic),
    }),
    route({
      method: 'GET',
      path: '/messages/by-time',
      summary: 'Messages of a topic stored between two moments, newest first.',
      params: nothing,
      query: timeQuery,
      handle: ({ query }) => {
        const { from, to, cursor: cursorText, ...rest } = query;
        if (from > to) throw new MqError('INVALID_ARGUMENT', '`from` is after `to`.', { hint: 'Swap them.' });
        const cursor = cursorText === undefined ? undefined : decodeCursor(cursorText);
        if (cursorText !== undefined && !cursor) {
          throw new MqError('INVALID_ARGUMENT', 'The cursor is damaged.', {
            hint: 'Give back `nextCursor` unchanged.',
          });
        }
        return messages.byTime({ ...rest, fromMs: from, toMs: to, cursor });
      },
    }),
    route({
      method: 'GET',
      path: '/messages/by-offset',
      summary: 'Messages of one queue from an offset on.',
      params: nothing,
      query: offsetQuery,
      handle: ({ query: { offset, limit, ...queue } }) => messages.byOffset(queue, offset, limit),
    }),
    route({
      method: 'GET',
      path: '/messages/detail',
      summary: 'One message with body and properties.',
      params: nothing,
      query: placeQuery,
      handle: ({ query: { offset, ...queue } }) => messages.detail(queue, offset),
    }),
  ];
}
