import { MqError } from '@cometmq/common/error/mq-error';
import type { SubscriptionData } from '@cometmq/remoting/protocol/body/heartbeat';
import { jsonBody } from '@cometmq/remoting/protocol/body/json';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { ResponseError } from '../admin/response-error.ts';
import type { ClientContext } from '../client/client-context.ts';
import { remoteError } from '../connection/remote-error.ts';

const TIMEOUT_MS = 3000;

/**
 * Asks one broker of each topic that has an SQL92 filter whether it takes it (Java: checkClientInBroker). A topic without
 * a route, and a broker that can't be reached, are no refusal: the consumer waits for them anyway.
 * @returns the first refusal
 */
export async function refusedFilter(
  context: ClientContext,
  group: string,
  subscriptions: readonly SubscriptionData[],
): Promise<MqError | undefined> {
  for (const subscriptionData of subscriptions) {
    if (subscriptionData.expressionType === 'TAG') continue;
    const broker = context.routes.known(subscriptionData.topic)?.brokerDatas[0];
    const address = broker === undefined ? undefined : Object.values(broker.brokerAddrs)[0];
    if (address === undefined) continue;
    try {
      await check(context, address, { clientId: context.clientId, group, subscriptionData });
    } catch (error) {
      if (!(error instanceof MqError)) throw error;
      if (error instanceof ResponseError) return error;
      context.log.warn({ group, address, error: error.message }, 'filter not checked');
    }
  }
  return undefined;
}

async function check({ connections }: ClientContext, address: string, question: object): Promise<void> {
  const code = RequestCode.CHECK_CLIENT_CONFIG;
  const answer = await connections.invoke(address, { code, body: jsonBody(question) }, TIMEOUT_MS);
  if (answer.code !== ResponseCode.SUCCESS) throw remoteError(code, answer, address);
}
