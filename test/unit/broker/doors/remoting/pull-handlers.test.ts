import { expect, test } from 'vitest';
import { pullHandlers } from '@cometmq/broker/doors/remoting/pull-handlers';
import { RemotingClients } from '@cometmq/broker/doors/remoting/remoting-client-channel';
import type { PullService } from '@cometmq/broker/service/pull-service';
import { PullMessageHeader } from '@cometmq/remoting/protocol/header/pull';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';

test('a client that has not read its answers is told to pull the same place again, not that something failed', () => {
  const extFields = PullMessageHeader.encode({
    consumerGroup: 'G',
    topic: 'orders',
    queueId: 0,
    queueOffset: 42,
    maxMsgNums: 32,
    sysFlag: 0,
    commitOffset: 0,
    suspendTimeoutMillis: 15_000,
    subVersion: 1,
    subscription: undefined,
    expressionType: 'TAG',
    maxMsgBytes: undefined,
    bname: undefined,
  });
  const handlers = new Map(pullHandlers({} as unknown as PullService, new RemotingClients('broker-a')));
  const command = { code: RequestCode.PULL_MESSAGE, extFields } as unknown as RemotingCommand;
  const answer = handlers.get(RequestCode.PULL_MESSAGE)?.(command, {
    congested: true,
  } as unknown as RemotingChannel);
  expect(answer).toMatchObject({
    code: ResponseCode.PULL_RETRY_IMMEDIATELY,
    extFields: { nextBeginOffset: '42' },
  });
});
