import { describe, expect, test } from 'vitest';
import { FRAME_SIZE_MAX, HEADER_SIZE_MAX } from '@cometmq/remoting/protocol/frame';
import { FrameReader, ReceiveBudget } from '@cometmq/remoting/protocol/frame-reader';

function prefix(length: number, header: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeInt32BE(length);
  bytes.writeInt32BE(header, 4);
  return bytes;
}

function newReader(): FrameReader {
  return new FrameReader(() => undefined);
}

describe('lengths that lie', () => {
  test.each([
    ['zero', 0, 0],
    ['too short for a header length', 3, 0],
    ['negative', -1, 0],
    ['the smallest', -(2 ** 31), 0],
    ['one too large', FRAME_SIZE_MAX + 1, 0],
    ['the largest', 2 ** 31 - 1, 0],
  ])('%s length: refused with the fourth byte', (_name, length, header) => {
    expect(() => newReader().feed(prefix(length, header))).toThrow('frame length');
    const slow = newReader();
    slow.feed(prefix(length, header).subarray(0, 3));
    expect(() => slow.feed(prefix(length, header).subarray(3, 4))).toThrow('frame length');
  });

  test.each([
    ['header beyond the frame', 4, 1],
    ['header beyond the frame by one', 100, 97],
    ['header over its limit', FRAME_SIZE_MAX, HEADER_SIZE_MAX + 1],
    ['the largest header', FRAME_SIZE_MAX, 0xffffff],
  ])('%s: refused with the eighth byte', (_name, length, header) => {
    expect(() => newReader().feed(prefix(length, header))).toThrow('header length');
    const slow = newReader();
    slow.feed(prefix(length, header).subarray(0, 7));
    expect(() => slow.feed(prefix(length, header).subarray(7))).toThrow('header length');
  });

  test('a frame of the largest length is taken', () => {
    const reader = newReader();
    reader.feed(prefix(FRAME_SIZE_MAX, HEADER_SIZE_MAX));
    expect(reader.pendingBytes).toBe(8);
  });
});

describe('unfinished frames of all connections', () => {
  const mebibyte = 1024 * 1024;

  test('share one budget; the connection that exceeds it is refused, and what was given back can be used again', () => {
    const budget = new ReceiveBudget(3 * mebibyte);
    const readers = [1, 2].map(() => new FrameReader(() => undefined, budget));
    const half = Buffer.concat([prefix(4 * mebibyte, 0), Buffer.alloc(mebibyte)]);
    for (const reader of readers) reader.feed(half);
    const third = new FrameReader(() => undefined, budget);
    expect(() => {
      third.feed(half);
    }).toThrow('unfinished frames of all connections');
    readers[0]?.close();
    expect(() => {
      new FrameReader(() => undefined, budget).feed(half);
    }).not.toThrow();
  });

  test('give their room back when they are complete', () => {
    const budget = new ReceiveBudget(2 * mebibyte);
    let frames = 0;
    const reader = new FrameReader(() => frames++, budget);
    for (let round = 0; round < 5; round++) {
      const frame = Buffer.concat([prefix(4 + mebibyte, 0), Buffer.alloc(mebibyte)]);
      reader.feed(frame.subarray(0, 100));
      reader.feed(frame.subarray(100));
    }
    expect(frames).toBe(5);
  });
});
