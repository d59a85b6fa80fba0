import { readAssignmentQuery, readRequestModeChange } from '@cometmq/remoting/protocol/body/assignment';
import type { Assignment } from '@cometmq/remoting/protocol/body/assignment';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import { parseRequestBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { AssignmentService } from '../../service/assignment-service.ts';
import type { HandlerTable } from './handler-table.ts';

/** QUERY_ASSIGNMENT and SET_MESSAGE_REQUEST_MODE. */
export function assignmentHandlers(assignments: AssignmentService): HandlerTable {
  return [
    [RequestCode.QUERY_ASSIGNMENT, ({ body }) => query(assignments, body)],
    [
      RequestCode.SET_MESSAGE_REQUEST_MODE,
      async ({ body }): Promise<Reply> => {
        const { consumerGroup, topic, mode, popShareQueueNum } = readRequestModeChange(
          parseRequestBody(body),
        );
        await assignments.setMode(consumerGroup, topic, mode, popShareQueueNum);
        return { code: ResponseCode.SUCCESS };
      },
    ],
  ];
}

async function query(assignments: AssignmentService, body: RemotingCommand['body']): Promise<Reply> {
  const { topic, consumerGroup, clientId, messageModel, strategyName } = readAssignmentQuery(
    parseRequestBody(body),
  );
  const assigned = await assignments.assign({
    topic,
    group: consumerGroup,
    clientId,
    isBroadcasting: messageModel === 'BROADCASTING',
    strategy: strategyName,
  });
  // No list at all tells a client to keep what it has; an empty one, that it has nothing.
  if (assigned === undefined) return { code: ResponseCode.SUCCESS, body: jsonBody({}) };
  const { mode, queues } = assigned;
  const messageQueueAssignments = queues.map(({ brokerName, queueId }): Assignment => {
    return { messageQueue: { brokerName, queueId, topic }, mode };
  });
  return { code: ResponseCode.SUCCESS, body: jsonBody({ messageQueueAssignments }) };
}
