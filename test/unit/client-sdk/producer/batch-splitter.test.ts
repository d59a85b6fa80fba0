import { expect, test } from 'vitest';
import { splitBatch } from '@cometmq/client/producer/batch-splitter';
import type { EncodedMessage } from '@cometmq/client/producer/outgoing-message';

function message(size: number, shardingKey?: string, delayed = false): EncodedMessage {
  return {
    topic: 't',
    messageId: 'id',
    body: Buffer.alloc(size),
    properties: '',
    flag: 0,
    shardingKey,
    queue: undefined,
    delayed,
  };
}

const one = (): string => '';

test('parts stay within the size, counting what each message costs besides its body', () => {
  const parts = splitBatch([message(78), message(78), message(78), message(1)], one, 200, 100);
  expect(parts.map(({ indexes }) => indexes)).toEqual([
    [0, 1],
    [2, 3],
  ]);
});

test('a message that alone exceeds the size goes alone, as does one with a delay', () => {
  const parts = splitBatch(
    [message(10), message(500), message(10), message(5, undefined, true)],
    one,
    200,
    100,
  );
  expect(parts.map(({ indexes }) => indexes)).toEqual([[0], [1], [2], [3]]);
});

test('lanes keep their order and never mix; refused messages leave a gap', () => {
  const lane = (m: EncodedMessage): string => m.shardingKey ?? '';
  const parts = splitBatch(
    [message(1, 'a'), message(1, 'b'), undefined, message(1, 'a'), message(1, 'b')],
    lane,
    1000,
    100,
  );
  expect(parts.map(({ indexes }) => indexes)).toEqual([
    [0, 3],
    [1, 4],
  ]);
});

test('parts stay within the count', () => {
  expect(
    splitBatch(
      Array.from({ length: 5 }, () => message(1)),
      one,
      1000,
      2,
    ).map(({ indexes }) => indexes.length),
  ).toEqual([2, 2, 1]);
});
