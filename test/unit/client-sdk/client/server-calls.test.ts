import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { objectKeyMap } from '@cometmq/remoting/protocol/body/message-queue';
import { readRunningInfo } from '@cometmq/remoting/protocol/body/running-info';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import { SdkWorld } from '../../../support/sdk-world.ts';

let world: SdkWorld;
beforeEach(async () => {
  world = await SdkWorld.start();
  world.broker.topic('t', 2);
});
afterEach(() => world.stop());

const consume: SdkWorld['consume'] = (...given) => world.consume(...given);

describe('calls from the broker', () => {
  test('reset: the group continues where the operator says', async () => {
    const got: string[] = [];
    for (const body of ['0', '1', '2']) world.broker.put('t', 0, body);
    await consume((m) => void got.push(m.body.toString()));
    await world.clock.settle();
    const body = Buffer.from(
      `{"offsetTable":${objectKeyMap([[{ topic: 't', brokerName: 'broker-a', queueId: 0 }, 1]])}}`,
    );
    world.broker.tell(
      'g',
      RequestCode.RESET_CONSUMER_CLIENT_OFFSET,
      { topic: 't', group: 'g', timestamp: '0' },
      body,
    );
    await world.clock.settle();
    expect(got).toEqual(['0', '1', '2', '1', '2']);
  });

  test('status, running info and consume-directly', async () => {
    world.broker.put('t', 0, '0');
    const got: string[] = [];
    await consume((m) => {
      got.push(m.body.toString());
      if (got.length === 2) throw new Error('second time');
    });
    await world.clock.settle();
    const status = await world.during(
      world.broker.ask('g', RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, { topic: 't', group: 'g' }),
    );
    expect(status.body?.toString()).toContain('{"brokerName":"broker-a","queueId":0,"topic":"t"}:1');
    const info = await world.during(
      world.broker.ask('g', RequestCode.GET_CONSUMER_RUNNING_INFO, {
        consumerGroup: 'g',
        clientId: 'client-1',
      }),
    );
    const running = readRunningInfo(parseBody(info.body));
    expect(running.properties).toMatchObject({
      PROP_CONSUME_TYPE: 'CONSUME_PASSIVELY',
      PROP_CONSUMEORDERLY: 'false',
    });
    expect(
      running.queues
        .filter(({ topic }) => topic === 't')
        .map(({ queueId, commitOffset }) => [queueId, commitOffset]),
    ).toEqual([
      [0, 1],
      [1, 0],
    ]);
    const unknown = await world.during(world.broker.ask('g', 9999, {}));
    expect(unknown.code).toBe(ResponseCode.REQUEST_CODE_NOT_SUPPORTED);
  });
});
