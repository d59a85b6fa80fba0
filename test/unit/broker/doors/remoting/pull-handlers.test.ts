import { expect, test } from 'vitest';
import { pullHandlers } from '@cometmq/broker/doors/remoting/pull-handlers';
import { RemotingClients } from '@cometmq/broker/doors/remoting/remoting-client-channel';
import type { PullService } from '@cometmq/broker/service/pull-service';
import { PullFlag, PullMessageHeader } from '@cometmq/remoting/protocol/header/pull';
import { decodeMessages } from '@cometmq/common/message/message-decoder';
import { decodeFrame } from '@cometmq/remoting/protocol/command-codec';
import type { RemotingCommand, Reply } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import { BrokerWorld, sendRequest } from '../../../../support/broker-world.ts';

const PULL = {
  consumerGroup: 'G',
  topic: 'orders',
  queueId: 0,
  queueOffset: 0,
  maxMsgNums: 32,
  sysFlag: PullFlag.SUBSCRIPTION,
  commitOffset: 0,
  suspendTimeoutMillis: 15_000,
  subVersion: 1,
  subscription: '*',
  expressionType: 'TAG',
  maxMsgBytes: undefined,
  bname: undefined,
};

test('a client that has not read its answers is told to pull the same place again, not that something failed', () => {
  const extFields = PullMessageHeader.encode({ ...PULL, queueOffset: 42 });
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

test('a pull skips only damaged records, and goes on behind them', async () => {
  const first = await BrokerWorld.open();
  for (let index = 0; index < 6; index++)
    await first.services.producing.send(
      sendRequest('orders', {}, { queueId: 0, body: Buffer.from(`m${index}`) }),
    );
  await first.close();
  const log = '/store/commitlog/00000000000000000000';
  for (const frame of [1, 4]) first.disk.damage(log, frame * 512 + 150, Buffer.from([0xff]));
  const world = await BrokerWorld.open({}, first);
  const answers: { code: number; nextBeginOffset: string | undefined; bodies: string[] }[] = [];
  const channel = {
    remote: '10.0.0.7:50123',
    isClosed: false,
    congested: false,
    send: (frame: Buffer) => {
      const { code, extFields, body = Buffer.alloc(0) } = decodeFrame(frame);
      const bodies = decodeMessages(body).map((message) => message.body.toString());
      answers.push({ code, nextBeginOffset: extFields?.['nextBeginOffset'], bodies });
    },
    reply: (_command: RemotingCommand, { code, extFields }: Reply) => {
      answers.push({ code, nextBeginOffset: extFields?.['nextBeginOffset'], bodies: [] });
    },
  } as unknown as RemotingChannel;
  const handlers = new Map(pullHandlers(world.services.pulling, new RemotingClients('broker-a')));
  const pull = (queueOffset: number, maxMsgNums: number): void => {
    const extFields = PullMessageHeader.encode({ ...PULL, queueOffset, maxMsgNums });
    const command = { code: RequestCode.PULL_MESSAGE, opaque: 1, serialize: 'JSON', extFields };
    void handlers.get(RequestCode.PULL_MESSAGE)?.(command as unknown as RemotingCommand, channel);
  };
  pull(0, 32);
  pull(1, 1);
  expect(answers).toEqual([
    { code: ResponseCode.SUCCESS, nextBeginOffset: '6', bodies: ['m0', 'm2', 'm3', 'm5'] },
    { code: ResponseCode.PULL_RETRY_IMMEDIATELY, nextBeginOffset: '2', bodies: [] },
  ]);
  expect(world.store.damage).toMatchObject({ ranges: 2, messages: 2 });
  await world.close();
});
