// Every recorded frame through our reader and codec: whole, split, one byte at a time, coalesced, and back to bytes.
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { FrameReader } from '@cometmq/remoting/protocol/frame-reader';
import { decodeFrame, encodeCommand } from '@cometmq/remoting/protocol/command-codec';
import type { GoldenFrame } from '../support/golden.ts';
import { expectedCommand, readConversations } from '../support/golden.ts';

const CONVERSATIONS = readConversations();
const FRAMES = CONVERSATIONS.flatMap(({ frames }) => frames);

/** Longer frames are split at a sample of their positions only. */
const EVERY_SPLIT_SIZE_MAX = 1024;
const SAMPLED_SPLITS = 16;

/** Feeds chunks to a new reader and returns the frames that came out, each copied whole. */
function readChunks(chunks: readonly Buffer[]): { frames: Buffer[]; pendingBytes: number } {
  const frames: Buffer[] = [];
  const reader = new FrameReader((bytes, _type, headerStart, _headerEnd, frameEnd) => {
    frames.push(Buffer.from(bytes.subarray(headerStart - 8, frameEnd)));
  });
  for (const chunk of chunks) reader.feed(chunk);
  return { frames, pendingBytes: reader.pendingBytes };
}

/**
 * Positions at which a frame is cut in two. The reader looks at lengths only, so all positions are tried for the first
 * short frame of each shape; the others get the prefix, both ends of header and body, and a sample.
 */
function splitPositions({ bytes, bodyLength }: GoldenFrame, shapes: Set<string>): number[] {
  const bodyAt = bytes.length - bodyLength;
  const shape = `${bytes.length}/${bodyAt}`;
  if (bytes.length <= EVERY_SPLIT_SIZE_MAX && !shapes.has(shape)) {
    shapes.add(shape);
    return Array.from({ length: bytes.length - 1 }, (_, index) => index + 1);
  }
  const step = Math.ceil(bytes.length / SAMPLED_SPLITS);
  const sampled = Array.from({ length: SAMPLED_SPLITS - 1 }, (_, index) => (index + 1) * step);
  const borders = [1, 4, 7, 8, 9, bodyAt - 1, bodyAt, bodyAt + 1, bytes.length - 1];
  return [...borders, ...sampled].filter((at) => at > 0 && at < bytes.length);
}

describe('reading', () => {
  test('the fixtures are all there', () => {
    expect(CONVERSATIONS).toHaveLength(218);
    expect(FRAMES).toHaveLength(4628);
  });

  test('every frame decodes to what was recorded', () => {
    const wrong = FRAMES.filter(
      (frame) => !isDeepStrictEqual(decodeFrame(frame.bytes), expectedCommand(frame)),
    );
    expect(wrong.map(({ where }) => where)).toEqual([]);
  });

  test('every frame survives being cut in two at any byte', () => {
    const wrong: string[] = [];
    const shapes = new Set<string>();
    for (const frame of FRAMES) {
      let received: Buffer | undefined;
      let count = 0;
      const reader = new FrameReader((bytes, _type, headerStart, _headerEnd, frameEnd) => {
        received = bytes.subarray(headerStart - 8, frameEnd);
        count++;
      });
      const positions = splitPositions(frame, shapes);
      for (const at of positions) {
        reader.feed(frame.bytes.subarray(0, at));
        reader.feed(frame.bytes.subarray(at));
        if (received?.equals(frame.bytes) !== true) wrong.push(`${frame.where} at ${at}`);
      }
      if (count !== positions.length) wrong.push(`${frame.where}: ${count} frames`);
    }
    expect(wrong).toEqual([]);
  });

  test.each([1, 2, 3, 7, 1460])('every conversation in chunks of %i bytes', (chunkSize) => {
    for (const { name, frames } of CONVERSATIONS) {
      const stream = Buffer.concat(frames.map(({ bytes }) => bytes));
      const chunks: Buffer[] = [];
      for (let at = 0; at < stream.length; at += chunkSize) chunks.push(stream.subarray(at, at + chunkSize));
      const read = readChunks(chunks);
      expect(Buffer.concat(read.frames).equals(stream), name).toBe(true);
      expect(read.frames.length, name).toBe(frames.length);
      expect(read.pendingBytes, name).toBe(0);
    }
  });

  test('every conversation in one chunk, and with a beginning that waits for its end', () => {
    for (const { name, frames } of CONVERSATIONS) {
      const stream = Buffer.concat(frames.map(({ bytes }) => bytes));
      expect(readChunks([stream]).frames.length, name).toBe(frames.length);
      const cut = readChunks([stream.subarray(0, -1)]);
      expect(cut.frames.length, name).toBe(frames.length - 1);
      expect(cut.pendingBytes, name).toBe((frames.at(-1)?.bytes.length ?? 0) - 1);
    }
  });
});

/** Why our encoding of a recorded command has other bytes, although it means the same. */
function reasonForOtherBytes({ folder, header, serialize }: GoldenFrame): string {
  if (folder.startsWith('ali-ons') && header.version === 121) return 'ali-ons orders members its own way';
  if (folder.startsWith('go-') && header.language === 'GO') return 'Go orders members its own way';
  const signed = header.extFields?.['Signature'] !== undefined;
  if (serialize === 'ROCKETMQ' && signed) return 'Java writes the fields of a signed binary header twice';
  return 'unknown';
}

describe('writing', () => {
  test('every command means the same after encoding and decoding', () => {
    const wrong = FRAMES.filter(({ bytes }) => {
      const command = decodeFrame(bytes);
      return !isDeepStrictEqual(decodeFrame(encodeCommand(command)), command);
    });
    expect(wrong.map(({ where }) => where)).toEqual([]);
  });

  test('frames of Java clients and servers are reproduced byte for byte', () => {
    const differences = new Map<string, number>();
    const unknown: string[] = [];
    for (const frame of FRAMES) {
      if (encodeCommand(decodeFrame(frame.bytes)).equals(frame.bytes)) continue;
      const reason = reasonForOtherBytes(frame);
      differences.set(reason, (differences.get(reason) ?? 0) + 1);
      if (reason === 'unknown') unknown.push(frame.where);
    }
    expect(unknown).toEqual([]);
    expect(Object.fromEntries(differences)).toEqual({
      'Go orders members its own way': 229,
      'ali-ons orders members its own way': 153,
      'Java writes the fields of a signed binary header twice': 1,
    });
  });
});
