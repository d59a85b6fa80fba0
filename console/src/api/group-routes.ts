import type { GroupViews } from '../view/group-view.ts';
import type { Rewind } from '../view/rewind.ts';
import { type Route, route } from './route.ts';
import {
  clientParams,
  clientQuery,
  groupListQuery,
  groupParams,
  nothing,
  rewindApply,
  rewindPreview,
} from './schemas.ts';

export function groupRoutes(groups: GroupViews, rewind: Rewind): Route[] {
  return [
    route({
      method: 'GET',
      path: '/groups',
      summary: 'Consumer groups with lag, delay, clients and model.',
      params: nothing,
      query: groupListQuery,
      handle: ({ query: { q, ...query } }) => groups.list({ ...query, search: q }),
    }),
    route({
      method: 'GET',
      path: '/groups/{group}',
      summary: 'One group: lag of each queue with its owner, clients, subscriptions.',
      params: groupParams,
      query: nothing,
      handle: ({ params }) => groups.detail(params.group),
    }),
    route({
      method: 'GET',
      path: '/groups/{group}/clients/{clientId}',
      summary: 'What a client says of itself right now.',
      params: clientParams,
      query: clientQuery,
      handle: ({ params, query }) => groups.clientInfo(params.group, params.clientId, query.stack),
    }),
    route({
      method: 'POST',
      path: '/groups/{group}/rewind/preview',
      summary:
        'Plans a move of the group on a topic: for each queue from, to and how many messages. Changes nothing.',
      params: groupParams,
      query: nothing,
      body: rewindPreview,
      handle: ({ params, body }) => rewind.preview(params.group, body.topic, body.target),
    }),
    route({
      method: 'POST',
      path: '/groups/{group}/rewind',
      summary: 'Applies a previewed plan, once.',
      params: groupParams,
      query: nothing,
      body: rewindApply,
      handle: ({ params, body }) => rewind.apply(params.group, body),
    }),
  ];
}
