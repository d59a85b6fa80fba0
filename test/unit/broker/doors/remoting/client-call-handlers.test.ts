import { silentLogger } from '@cometmq/common/logging/logger';
import { beforeEach, describe, expect, test } from 'vitest';
import { ConsumerTable } from '@cometmq/broker/client/consumer-table';
import { GroupGuard } from '@cometmq/broker/client/group-guard';
import { ProducerTable } from '@cometmq/broker/client/producer-table';
import { clientCallHandlers } from '@cometmq/broker/doors/remoting/client-call-handlers';
import { RemotingClientChannel } from '@cometmq/broker/doors/remoting/remoting-client-channel';
import { ConsumerOffsets } from '@cometmq/broker/offset/consumer-offsets';
import { ClientDirectory } from '@cometmq/broker/service/client-directory';
import type { QueryService } from '@cometmq/broker/service/query-service';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { MqError } from '@cometmq/common/error/mq-error';
import { encodeHost } from '@cometmq/common/message/host';
import { encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { errorReply } from '@cometmq/remoting/protocol/error-reply';
import type { RemotingCommand, Reply, Request } from '@cometmq/remoting/protocol/remoting-command';
import { replyCommand, requestCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import type { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import { ManualClock } from '../../../../support/manual-clock.ts';

const GROUP = 'G';
const BEAT = {
  consumeType: 'CONSUME_PASSIVELY',
  messageModel: 'CLUSTERING',
  consumeFromWhere: 'CONSUME_FROM_LAST_OFFSET',
  subscriptions: [],
} as const;

interface Asked extends Request {
  readonly clientId: string;
  readonly timeoutMs: number;
}

let consumers: ConsumerTable;
let asked: Asked[];
let answer: (clientId: string) => Reply;

beforeEach(() => {
  consumers = new ConsumerTable(new ManualClock());
  asked = [];
  answer = () => ({ code: 0 });
});

/** A member of the group whose answers the test decides. */
function join(clientId: string, version = 493): void {
  const channel = {
    remote: '10.0.0.9:4000',
    isClosed: false,
    invoke: (request: Request, timeoutMs: number): Promise<RemotingCommand> => {
      asked.push({ ...request, clientId, timeoutMs });
      return Promise.resolve(clientId).then((member) => replyCommand(answer(member), 1, 'JSON'));
    },
  };
  const client = new RemotingClientChannel(channel as unknown as RemotingChannel, 'broker-a');
  consumers.beat(GROUP, client, { clientId, language: 'JAVA', version }, BEAT, false);
}

async function ask(code: number, extFields: Record<string, string>): Promise<Reply | undefined> {
  const clock = new ManualClock();
  const directory = new ClientDirectory(
    consumers,
    new ProducerTable(clock),
    new ConsumerOffsets(new MemoryKeyValueStore()),
    new GroupGuard(clock, silentLogger, consumers, () => false),
  );
  const queries = { byOffset: (offset: number) => Promise.resolve(Buffer.from(`record at ${offset}`)) };
  const table = new Map(clientCallHandlers(directory, queries as unknown as QueryService, 'broker-a'));
  const request = requestCommand({ code, extFields }, 7, false);
  try {
    return await table.get(code)?.(request, undefined as never);
  } catch (error) {
    return errorReply(error);
  }
}

describe('GET_CONSUMER_RUNNING_INFO', () => {
  const running = (clientId: string): Promise<Reply | undefined> =>
    ask(RequestCode.GET_CONSUMER_RUNNING_INFO, {
      consumerGroup: GROUP,
      clientId,
      jstackEnable: 'true',
      AccessKey: 'a',
      Signature: 's',
    });

  test('passes question and answer on, without the proof of who asks', async () => {
    join('one');
    join('two');
    answer = () => ({ code: 0, remark: 'as it is', body: Buffer.from('{{}:1}') });
    expect(await running('two')).toMatchObject({ code: 0, remark: 'as it is', body: Buffer.from('{{}:1}') });
    expect(asked).toMatchObject([{ clientId: 'two', code: 307, timeoutMs: 10_000 }]);
    expect(asked[0]?.extFields).toEqual({ consumerGroup: GROUP, clientId: 'two', jstackEnable: 'true' });
  });

  test('of a client that is not there', async () => {
    join('one');
    expect(await running('two')).toMatchObject({ code: 1, remark: 'The Consumer <G> <two> not online' });
  });

  test('of a client that is too old', async () => {
    join('one', 61);
    const reply = await running('one');
    expect(reply).toMatchObject({ code: 1 });
    expect(reply?.remark).toContain('too low to finish, please upgrade it to V3_1_8_SNAPSHOT');
    expect(asked).toEqual([]);
  });

  test.each([
    ['TIMEOUT', 207, 'consumer <G> <one> Timeout: too late'],
    ['CONNECTION', 1, 'invoke consumer <G> <one> Exception: too late'],
  ] as const)('without an answer (%s)', async (kind, code, remark) => {
    join('one');
    answer = () => {
      throw new MqError(kind, 'too late');
    };
    expect(await running('one')).toMatchObject({ code, remark });
  });
});

describe('CONSUME_MESSAGE_DIRECTLY', () => {
  test('sends the stored record along', async () => {
    join('one');
    const msgId = encodeOffsetMessageId(encodeHost('127.0.0.1', 10_911), 4_096);
    await ask(RequestCode.CONSUME_MESSAGE_DIRECTLY, { consumerGroup: GROUP, clientId: 'one', msgId });
    expect(asked[0]?.body?.toString()).toBe('record at 4096');
    expect(asked[0]?.extFields).toMatchObject({
      msgId,
      brokerName: 'broker-a',
      topicSysFlag: '0',
      groupSysFlag: '0',
    });
  });

  test('refuses an id that is none', async () => {
    join('one');
    const reply = await ask(RequestCode.CONSUME_MESSAGE_DIRECTLY, {
      consumerGroup: GROUP,
      clientId: 'one',
      msgId: 'x',
    });
    expect(reply?.code).toBe(29);
    expect(asked).toEqual([]);
  });
});

describe('INVOKE_BROKER_TO_GET_CONSUMER_STATUS', () => {
  const status = (clientAddr?: string): Promise<Reply | undefined> =>
    ask(RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS, {
      topic: 'T',
      group: GROUP,
      ...(clientAddr === undefined ? {} : { clientAddr }),
    });
  const QUEUE = '{"brokerName":"broker-a","queueId":0,"topic":"T"}';

  test('collects what the members say; those that say nothing are left out', async () => {
    join('one');
    join('two');
    join('old', 27);
    join('silent');
    answer = (clientId) => {
      if (clientId === 'silent') throw new MqError('TIMEOUT', 'late');
      return { code: 0, body: Buffer.from(`{"messageQueueTable":{${QUEUE}:5}}`) };
    };
    const reply = await status();
    expect(reply?.body?.toString()).toBe(
      `{"consumerTable":{"one":{${QUEUE}:5},"two":{${QUEUE}:5}},"messageQueueTable":{}}`,
    );
    expect(asked.map(({ code, timeoutMs }) => [code, timeoutMs])).toEqual([
      [221, 5_000],
      [221, 5_000],
      [221, 5_000],
    ]);
  });

  test('asks one member when it is named', async () => {
    join('one');
    join('two');
    answer = () => {
      throw new MqError('TIMEOUT', 'late');
    };
    expect((await status('two'))?.body?.toString()).toBe('{"consumerTable":{},"messageQueueTable":{}}');
    expect(asked.map(({ clientId }) => clientId)).toEqual(['two']);
  });

  test('of a group that is not online', async () => {
    expect(await status()).toMatchObject({
      code: 1,
      remark: 'No Any Consumer online in the consumer group: [G]',
    });
  });
});
