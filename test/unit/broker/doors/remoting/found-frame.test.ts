import { expect, test } from 'vitest';
import { foundFrame } from '@cometmq/broker/doors/remoting/found-frame';
import { decodeFrame } from '@cometmq/remoting/protocol/command-codec';
import { PullMessageResponseHeader } from '@cometmq/remoting/protocol/header/pull';
import { requestCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';

const PLAN = {
  status: 'FOUND',
  nextOffset: 2 ** 40 + 32,
  minOffset: 7,
  maxOffset: 2 ** 40 + 100,
  offsets: [0],
  sizes: [5],
  totalSize: 5,
} as const;

test.each(['JSON', 'ROCKETMQ'] as const)(
  'the answer to a %s pull is a whole frame with room for its records',
  (serialize) => {
    const request = requestCommand({ code: RequestCode.PULL_MESSAGE, serialize }, -5, false);
    const { frame, recordsAt } = foundFrame(request, PLAN);
    frame.write('hello', recordsAt);
    const answer = decodeFrame(frame);
    expect(answer).toMatchObject({
      code: 0,
      opaque: -5,
      response: true,
      remark: 'FOUND',
      serialize,
      version: 493,
    });
    expect(PullMessageResponseHeader.decode(answer.extFields)).toEqual({
      suggestWhichBrokerId: 0,
      nextBeginOffset: PLAN.nextOffset,
      minOffset: PLAN.minOffset,
      maxOffset: PLAN.maxOffset,
      topicSysFlag: 0,
      groupSysFlag: 0,
    });
    expect(answer.body?.toString()).toBe('hello');
  },
);
