import type { MessageQueue } from './message-queue.ts';
import { asInteger, asObject, asString } from './shape.ts';

/** How members of a group get a topic's messages. */
export type MessageRequestMode = 'PULL' | 'POP';

/** Body of QUERY_ASSIGNMENT (400). */
export interface AssignmentQuery {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly clientId: string;
  readonly messageModel: string;
  readonly strategyName: string;
}

/** One queue, or with the queue id -1 all of a broker. */
export interface Assignment {
  readonly messageQueue: MessageQueue;
  readonly mode: MessageRequestMode;
}

/** Body of SET_MESSAGE_REQUEST_MODE (401). */
export interface RequestModeChange {
  readonly topic: string;
  readonly consumerGroup: string;
  readonly mode: string;
  readonly popShareQueueNum: number;
}

export function readAssignmentQuery(body: unknown): AssignmentQuery {
  const members = asObject(body);
  return {
    topic: asString(members['topic']),
    consumerGroup: asString(members['consumerGroup']),
    clientId: asString(members['clientId']),
    messageModel: asString(members['messageModel'], 'CLUSTERING'),
    strategyName: asString(members['strategyName'], 'AVG'),
  };
}

export function readRequestModeChange(body: unknown): RequestModeChange {
  const members = asObject(body);
  return {
    topic: asString(members['topic']),
    consumerGroup: asString(members['consumerGroup']),
    mode: asString(members['mode']),
    popShareQueueNum: asInteger(members['popShareQueueNum']),
  };
}
