import { expect, test } from 'vitest';
import { readProducerInfos } from '@cometmq/remoting/protocol/body/client-connection';
import { readRunningInfo } from '@cometmq/remoting/protocol/body/running-info';
import { parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';

test('running info with whole objects as keys, as Java writes it; Go spells dropped rightly', () => {
  const text =
    '{"jstack":"stack","mqTable":{{"brokerName":"b","queueId":1,"topic":"t"}:{"cachedMsgCount":3,"commitOffset":9,"droped":true},' +
    '{"brokerName":"b","queueId":2,"topic":"t"}:{"commitOffset":4,"dropped":true,"locked":true}},' +
    '"properties":{"PROP_CONSUMEORDERLY":"false"},"statusTable":{"t":{"consumeOKTPS":1.5,"consumeFailedMsgs":2}},' +
    '"subscriptionSet":[{"topic":"t","subString":"a || b","tagsSet":["a","b"]}]}';
  const info = readRunningInfo(parseBody(Buffer.from(text)));
  expect(info.queues).toMatchObject([
    { queueId: 1, commitOffset: 9, cachedMsgCount: 3, dropped: true, locked: false },
    { queueId: 2, commitOffset: 4, dropped: true, locked: true },
  ]);
  expect(info.status).toMatchObject([{ topic: 't', consumeOKTPS: 1.5, consumeFailedMsgs: 2, pullTPS: 0 }]);
  expect(info.subscriptions[0]?.tagsSet).toEqual(['a', 'b']);
  expect(info).toMatchObject({ jstack: 'stack', properties: { PROP_CONSUMEORDERLY: 'false' } });
});

test('producers of all groups, without the slash of Java addresses', () => {
  const body = {
    data: {
      PG: [
        {
          clientId: 'c',
          remoteIP: '/127.0.0.1:38510',
          language: 'JAVA',
          version: 493,
          lastUpdateTimestamp: 7,
        },
      ],
    },
  };
  expect(readProducerInfos(body)).toEqual([
    {
      group: 'PG',
      clientId: 'c',
      clientAddr: '127.0.0.1:38510',
      language: 'JAVA',
      version: 493,
      lastUpdateTimestamp: 7,
    },
  ]);
});
