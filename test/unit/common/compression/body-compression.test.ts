import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decompressBody } from '@cometmq/common/compression/body-compression';

const ZLIB = 0x301;
const LZ4 = 0x101;
const ZSTD = 0x201;
const text = Buffer.from('order '.repeat(2000));

/** An LZ4 frame with one block that is stored as it is, and optionally a claim about its content's size. */
function lz4Stored(content: Buffer, contentSize?: number): Buffer {
  const head = Buffer.from([0x04, 0x22, 0x4d, 0x18, contentSize === undefined ? 0x60 : 0x68, 0x40]);
  const claim = Buffer.alloc(contentSize === undefined ? 0 : 8);
  if (contentSize !== undefined) claim.writeBigUInt64LE(BigInt(contentSize));
  const block = Buffer.alloc(4);
  block.writeUInt32LE((content.length | 0x80000000) >>> 0);
  return Buffer.concat([head, claim, Buffer.alloc(1), block, content, Buffer.alloc(4)]);
}

/** A ZSTD frame of blocks that repeat one byte, 128 KiB each (RFC 8878). */
function zstdOfRepeats(blocks: number, contentSize: number): Buffer {
  const frame = Buffer.alloc(9 + 4 * blocks);
  frame.writeUInt32LE(0xfd2fb528, 0);
  frame.writeUInt8(0xa0, 4);
  frame.writeUInt32LE(contentSize, 5);
  for (let n = 0; n < blocks; n++) {
    frame.writeUIntLE((131_072 << 3) | (1 << 1) | (n === blocks - 1 ? 1 : 0), 9 + 4 * n, 3);
    frame.writeUInt8(0x61, 12 + 4 * n);
  }
  return frame;
}

describe('decompressBody', () => {
  test('bodies that are not compressed pass through', () => {
    expect(decompressBody(text, 0x300, 1)).toBe(text);
  });

  test.each([
    ['zlib', ZLIB, deflateSync(text)],
    ['zlib without a type, as 4.x sends it', 1, deflateSync(text)],
    ['LZ4', LZ4, lz4Stored(text)],
    ['LZ4 with its size', LZ4, lz4Stored(text, text.length)],
  ])('%s', (_, sysFlag, body) => {
    expect(decompressBody(body, sysFlag, text.length).equals(text)).toBe(true);
  });

  test('ZSTD', () => {
    const body = zstdOfRepeats(3, 3 * 131_072);
    expect(decompressBody(body, ZSTD, 1_000_000).equals(Buffer.alloc(3 * 131_072, 'a'))).toBe(true);
  });

  test.each([
    ['ZSTD', ZSTD, zstdOfRepeats(160, 160 * 131_072)],
    ['ZSTD (that denies it)', ZSTD, zstdOfRepeats(160, 10)],
    ['ZSTD (that lies the other way)', ZSTD, zstdOfRepeats(1, 0xfffffff0)],
    ['zlib', ZLIB, deflateSync(Buffer.alloc(20_000_000))],
    ['LZ4', LZ4, lz4Stored(text, 20_000_000)],
    ['LZ4 (that lies)', LZ4, lz4Stored(text, 2 ** 40)],
    ['LZ4 (that lies the other way)', LZ4, lz4Stored(text, 10)],
  ])('a %s bomb is refused', (_, sysFlag, body) => {
    expect(() => decompressBody(body, sysFlag, 1000)).toThrow(/can't be decompressed/);
  });

  test.each([ZLIB, LZ4, ZSTD, 0x701])('damaged bytes with flag %i are refused', (sysFlag) => {
    expect(() => decompressBody(Buffer.from('not compressed at all'), sysFlag, 1000)).toThrow(
      /can't be decompressed/,
    );
    expect(() => decompressBody(Buffer.alloc(0), sysFlag, 1000)).toThrow(/can't be decompressed/);
    expect(() => decompressBody(zstdOfRepeats(1, 100).subarray(0, 10), sysFlag, 1000)).toThrow(
      /can't be decompressed/,
    );
  });
});
