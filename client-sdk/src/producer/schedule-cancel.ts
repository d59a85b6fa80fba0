import { readRecallHandle } from '@cometmq/common/message/recall-handle';
import { asObject, asString } from '@cometmq/remoting/protocol/body/shape';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { ChangeScheduleHeader, RecallMessageHeader } from '@cometmq/remoting/protocol/header/schedule';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { ClientContext } from '../client/client-context.ts';
import { remoteError } from '../connection/remote-error.ts';
import { RouteNotFoundError } from '../error/client-error.ts';
import { masterAddress } from '../route/topic-queues.ts';

/**
 * What became of a timed message that was to be taken back. Always true with CometMQ; Apache's brokers say CANCELLED
 * whatever happened.
 */
export type CancelResult = 'CANCELLED' | 'ALREADY_DELIVERED' | 'NOT_FOUND';

/** A timed message by the id that its send answered. */
export interface ScheduledMessage {
  readonly topic: string;
  readonly messageId: string;
}

/** Takes a message back by the handle of its send. */
export async function cancelByHandle(
  { routes, connections }: ClientContext,
  producerGroup: string,
  recallHandle: string,
  timeoutMs: number,
): Promise<CancelResult> {
  const { topic, brokerName: bname } = readRecallHandle(recallHandle);
  const address = masterAddress(await routes.get(topic), bname);
  if (address === undefined) throw new RouteNotFoundError(topic, [`broker ${bname} is not in its route`]);
  const extFields = RecallMessageHeader.encode({ producerGroup, topic, recallHandle, bname });
  const answer = await connections.invoke(
    address,
    { code: RequestCode.RECALL_MESSAGE, extFields },
    timeoutMs,
  );
  if (answer.code === ResponseCode.SUCCESS) return 'CANCELLED';
  const refusal = /recall failed, (ALREADY_DELIVERED|NOT_FOUND)/.exec(answer.remark ?? '')?.[1];
  if (refusal === 'ALREADY_DELIVERED' || refusal === 'NOT_FOUND') return refusal;
  throw remoteError(RequestCode.RECALL_MESSAGE, answer, address);
}

/** Takes a message back by its id: asks all brokers of its topic. */
export async function cancelById(
  { routes, connections }: ClientContext,
  { topic, messageId: uniqueKey }: ScheduledMessage,
  timeoutMs: number,
): Promise<CancelResult> {
  const route = await routes.get(topic);
  const extFields = ChangeScheduleHeader.encode({ topic, uniqueKey });
  const results = await Promise.all(
    route.brokerDatas.map(async ({ brokerName }) => {
      const address = masterAddress(route, brokerName);
      if (address === undefined) throw new RouteNotFoundError(topic, [`broker ${brokerName} has no master`]);
      const answer = await connections.invoke(
        address,
        { code: RequestCode.CANCEL_SCHEDULE, extFields },
        timeoutMs,
      );
      if (answer.code !== ResponseCode.SUCCESS)
        throw remoteError(RequestCode.CANCEL_SCHEDULE, answer, address);
      return asString(asObject(parseBody(answer.body))['result']);
    }),
  );
  if (results.includes('ALREADY_DELIVERED')) return 'ALREADY_DELIVERED';
  return results.includes('CANCELLED') ? 'CANCELLED' : 'NOT_FOUND';
}
