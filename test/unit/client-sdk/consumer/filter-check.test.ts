import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { ResponseCode } from '@cometmq/remoting/protocol/response-code';
import type { ConsumerOptions, Filter } from '@cometmq/client';
import { sql, tags } from '@cometmq/client';
import { SdkWorld } from '../../../support/sdk-world.ts';

let world: SdkWorld;
beforeEach(async () => {
  world = await SdkWorld.start();
  world.broker.topic('t', 1);
});
afterEach(() => world.stop());

/** The broker's answer to the question, or its silence. */
function answerChecks(answer: { code: number; remark?: string } | null): void {
  world.broker.intercept = ({ code }) => (code === RequestCode.CHECK_CLIENT_CONFIG ? answer : undefined);
}

function start(filter: Filter) {
  const options: ConsumerOptions<Buffer> = { group: 'g', topics: ['t'], filter, handle: () => undefined };
  return world.client().consume(options);
}

test('an SQL92 filter is checked before the first pull', async () => {
  answerChecks({ code: ResponseCode.SUCCESS });
  await world.during(start(sql('a > 5')).ready());
  const codes = world.broker.requests.map(({ code }) => code);
  const [question] = world.broker.asked(RequestCode.CHECK_CLIENT_CONFIG);
  expect(parseBody(question?.body ?? Buffer.alloc(0))).toEqual({
    clientId: 'client-1',
    group: 'g',
    subscriptionData: expect.objectContaining({
      topic: 't',
      expressionType: 'SQL92',
      subString: 'a > 5',
      tagsSet: [],
      codeSet: [],
    }) as unknown,
  });
  expect(codes.indexOf(RequestCode.CHECK_CLIENT_CONFIG)).toBeLessThan(
    codes.indexOf(RequestCode.PULL_MESSAGE),
  );
});

test('tags need no check', async () => {
  await world.during(start(tags('A')).ready());
  expect(world.broker.asked(RequestCode.CHECK_CLIENT_CONFIG)).toEqual([]);
});

test('a refusal says why, and closes the consumer: another one of the group may be started', async () => {
  answerChecks({ code: ResponseCode.SUBSCRIPTION_PARSE_FAILED, remark: 'SQL92 filter, character 5: no' });
  const worker = start(sql('a > '));
  await world.during(
    expect(worker.ready()).rejects.toMatchObject({
      kind: 'SUBSCRIPTION_ILLEGAL',
      message: expect.stringContaining('character 5: no') as unknown,
    }),
  );
  await world.clock.settle();
  expect(worker.health().state).toBe('closed');
  expect(world.broker.asked(RequestCode.PULL_MESSAGE)).toEqual([]);
});

test('a broker that does not answer holds nothing up for long', async () => {
  answerChecks(null);
  await world.during(start(sql('a > 5')).ready());
  expect(world.broker.asked(RequestCode.PULL_MESSAGE).length).toBeGreaterThan(0);
});
