import { MqError } from '@cometmq/common/error/mq-error';
import type { TopicViews } from '../view/topic-view.ts';
import { type Route, route } from './route.ts';
import { nothing, topicCreate, topicDelete, topicListQuery, topicParams } from './schemas.ts';

export function topicRoutes(topics: TopicViews): Route[] {
  return [
    route({
      method: 'GET',
      path: '/topics',
      summary: 'Topics by name; retry, dead-letter and system topics on request.',
      params: nothing,
      query: topicListQuery,
      handle: ({ query: { q, ...query } }) => topics.list({ ...query, search: q }),
    }),
    route({
      method: 'POST',
      path: '/topics',
      summary: 'Creates a topic on the chosen brokers, or on all masters.',
      params: nothing,
      query: nothing,
      body: topicCreate,
      status: 201,
      handle: ({ body }) => topics.create(body),
    }),
    route({
      method: 'GET',
      path: '/topics/{topic}',
      summary: 'One topic: queues with offsets and rates, route, consumers, producers.',
      params: topicParams,
      query: nothing,
      handle: ({ params }) => topics.detail(params.topic),
    }),
    route({
      method: 'DELETE',
      path: '/topics/{topic}',
      summary: 'Deletes a topic with its messages. The body repeats the name.',
      params: topicParams,
      query: nothing,
      body: topicDelete,
      handle: ({ params, body }) => {
        if (body.confirm !== params.topic) {
          throw new MqError('INVALID_ARGUMENT', "The confirmation is not the topic's name.", {
            hint: `Type ${params.topic}.`,
          });
        }
        return topics.delete(params.topic);
      },
    }),
  ];
}
