import { describe, expect, test } from 'vitest';
import { decodeBatch, encodeBatch } from '@cometmq/common/message/batch-codec';

const MEMBERS = [1, 2, 3].map((flag) => ({
  flag,
  body: Buffer.from('body'),
  properties: Buffer.from('a\u0001b\u0002'),
}));
const MEMBER_SIZE = 22 + 4 + 4;

/** The encoded batch with one integer overwritten. */
function lying(at: number, size: 2 | 4, value: number): Buffer {
  const bytes = encodeBatch(MEMBERS);
  bytes.writeIntBE(value, at, size);
  return bytes;
}

test('a batch comes back as it was', () => {
  expect(decodeBatch(encodeBatch(MEMBERS), 3)).toEqual(MEMBERS);
  expect(decodeBatch(Buffer.alloc(0), 3)).toEqual([]);
});

describe('refused', () => {
  test.each([
    ['size 0', lying(0, 4, 0)],
    ['negative size', lying(0, 4, -1)],
    ['size of less than the lengths', lying(0, 4, 21)],
    ['size that hides bytes behind the properties', lying(0, 4, 2 * MEMBER_SIZE)],
    ['size beyond the end', lying(2 * MEMBER_SIZE, 4, MEMBER_SIZE + 1)],
    ['negative body', lying(16, 4, -1)],
    ['body beyond the member', lying(16, 4, 9)],
    ['short body', lying(16, 4, 3)],
    ['negative properties', lying(24, 2, -1)],
    ['properties beyond the member', lying(24, 2, 5)],
    ['short properties', lying(24, 2, 3)],
    ['a cut member', encodeBatch(MEMBERS).subarray(0, -1)],
    ['left-over bytes', Buffer.concat([encodeBatch(MEMBERS), Buffer.alloc(3)])],
  ])('%s', (_name, bytes) => {
    expect(() => decodeBatch(bytes, 10)).toThrow('is malformed');
  });

  test('more members than allowed', () => {
    expect(() => decodeBatch(encodeBatch(MEMBERS), 2)).toThrow('more than 2 messages');
  });
});
