// Commands in both header serializations, and the reader that cuts frames out of a stream.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MqError } from '@cometmq/common/error/mq-error';
import { decodeFrame, encodeCommand } from '@cometmq/remoting/protocol/command-codec';
import { FrameReader } from '@cometmq/remoting/protocol/frame-reader';
import { languageOfNumber } from '@cometmq/remoting/protocol/language-code';
import type { ExtFields, RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { check } from '../support/check.ts';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const int16 = fc.integer({ min: -(2 ** 15), max: 2 ** 15 - 1 });
/** Text that UTF-8 can hold: no lone surrogates. */
const text = fc.string({ unit: 'binary', maxLength: 300 });
const language = fc.integer({ min: 0, max: 13 }).map(languageOfNumber);
const body = fc.option(
  fc.uint8Array({ minLength: 1, maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
  { nil: undefined },
);
const trickyName = fc.constantFrom('__proto__', 'constructor', 'toString', 'hasOwnProperty', 'code', '0', '');

function fieldsOf(value: fc.Arbitrary<string>, minLength: number): fc.Arbitrary<ExtFields> {
  const entry = fc.tuple(fc.oneof(text, trickyName), value);
  return fc.array(entry, { minLength, maxLength: 20 }).map((entries) => {
    const fields = Object.create(null) as ExtFields;
    for (const [name, member] of entries) fields[name] = member;
    return fields;
  });
}

const jsonCommand: fc.Arbitrary<RemotingCommand> = fc.record({
  code: int32,
  language,
  version: int32,
  opaque: int32,
  response: fc.boolean(),
  oneway: fc.boolean(),
  remark: fc.option(text, { nil: undefined }),
  extFields: fc.option(fieldsOf(text, 0), { nil: undefined }),
  body,
  serialize: fc.constant('JSON' as const),
});

/** Java's binary header can't tell empty from absent, so neither is generated. */
const filledText = text.filter((value) => value !== '');
const binaryCommand: fc.Arbitrary<RemotingCommand> = fc.record({
  code: int16,
  language,
  version: int16,
  opaque: int32,
  response: fc.boolean(),
  oneway: fc.boolean(),
  remark: fc.option(filledText, { nil: undefined }),
  extFields: fc.option(fieldsOf(filledText, 1), { nil: undefined }),
  body,
  serialize: fc.constant('ROCKETMQ' as const),
});

const command = fc.oneof(jsonCommand, binaryCommand);

/** Feeds chunks and returns the frames that came out. */
function read(chunks: readonly Buffer[]): Buffer[] {
  const frames: Buffer[] = [];
  const reader = new FrameReader((bytes, _type, headerStart, _headerEnd, frameEnd) => {
    frames.push(Buffer.from(bytes.subarray(headerStart - 8, frameEnd)));
  });
  for (const chunk of chunks) reader.feed(chunk);
  return frames;
}

function cut(stream: Buffer, places: readonly number[]): Buffer[] {
  const positions = [...new Set(places.map((place) => place % (stream.length + 1)))].sort((a, b) => a - b);
  const borders = [0, ...positions, stream.length];
  return borders.slice(1).map((end, index) => stream.subarray(borders[index], end));
}

describe('commands', () => {
  test('come back from JSON as they were', () => {
    check(
      fc.property(jsonCommand, (original) => {
        expect(decodeFrame(encodeCommand(original))).toEqual(original);
      }),
    );
  });

  test('come back from binary as they were', () => {
    check(
      fc.property(binaryCommand, (original) => {
        expect(decodeFrame(encodeCommand(original))).toEqual(original);
      }),
    );
  });

  test('what decodes encodes to something that decodes to the same', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
    check(
      fc.property(command, damage, (original, changes) => {
        const frame = encodeCommand(original);
        for (const [place, value] of changes) frame[8 + (place % (frame.length - 8))] = value;
        let decoded: RemotingCommand;
        try {
          decoded = decodeFrame(frame);
        } catch (error) {
          expect(error).toBeInstanceOf(MqError);
          return;
        }
        expect(decodeFrame(encodeCommand(decoded))).toEqual(withoutEmpty(decoded));
      }),
      1000,
    );
  });

  test('a header of arbitrary bytes is refused or read, never a crash', () => {
    const header = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    check(
      fc.property(header, fc.nat({ max: 2 }), (bytes, type) => {
        const prefix = Buffer.alloc(8);
        prefix.writeUInt32BE(4 + bytes.length);
        prefix.writeUInt32BE((type << 24) | bytes.length, 4);
        try {
          decodeFrame(Buffer.concat([prefix, bytes]));
        } catch (error) {
          expect(error).toBeInstanceOf(MqError);
        }
      }),
      1000,
    );
  });
});

/** Binary headers lose what is empty. */
function withoutEmpty(decoded: RemotingCommand): RemotingCommand {
  if (decoded.serialize === 'JSON' || Object.keys(decoded.extFields ?? {}).length > 0) return decoded;
  return { ...decoded, extFields: undefined };
}

describe('the frame reader', () => {
  test('finds the same frames however the stream is cut', () => {
    const commands = fc.array(command, { minLength: 1, maxLength: 4 });
    check(
      fc.property(commands, fc.array(fc.nat(), { maxLength: 40 }), (originals, places) => {
        const frames = originals.map(encodeCommand);
        expect(read(cut(Buffer.concat(frames), places))).toEqual(frames);
      }),
    );
  });

  test('never holds more than twice what arrived, and refuses lies at once', () => {
    const prefix = fc.tuple(int32, int32).map(([length, header]) => {
      const bytes = Buffer.alloc(8);
      bytes.writeInt32BE(length);
      bytes.writeInt32BE(header, 4);
      return bytes;
    });
    check(
      fc.property(prefix, fc.uint8Array({ maxLength: 100 }), (bytes, rest) => {
        const length = bytes.readInt32BE(0);
        const legal =
          length >= 4 && length <= 2 ** 24 && bytes.readUIntBE(5, 3) <= Math.min(length - 4, 256 * 1024);
        const reader = new FrameReader(() => undefined);
        const feed = (): void => {
          reader.feed(Buffer.concat([bytes, rest]));
        };
        if (legal && length > 104) {
          feed();
          expect(reader.pendingBytes).toBe(8 + rest.length);
        } else if (!legal) expect(feed).toThrow(MqError);
      }),
    );
  });
});
