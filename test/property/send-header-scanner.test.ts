import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeCommand, encodeCommand } from '@cometmq/remoting/protocol/command-codec';
import { FRAME_PREFIX_SIZE } from '@cometmq/remoting/protocol/frame';
import { requestCommand } from '@cometmq/remoting/protocol/remoting-command';
import type { ExtFields, SerializeType } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { SendHeaderScanner, unescapeJson } from '@cometmq/remoting/protocol/send-header-scanner';

const LETTER_A = 'a'.charCodeAt(0);
const letters = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n');
const value = fc.oneof(
  fc.integer().map(String),
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constant('UNIQ_KEY\u0001AB\u0002TAGS\u0001TagA\u0002'),
);
const fields = fc.dictionary(fc.oneof(letters, fc.string({ minLength: 2 })), value, { maxKeys: 20 });

function frameOf(extFields: Record<string, string>, opaque: number, serialize: SerializeType): Buffer {
  const request = { code: RequestCode.SEND_MESSAGE_V2, extFields: extFields as ExtFields, serialize };
  return encodeCommand(requestCommand(request, opaque, false));
}

/** What the scanner says of a letter's text, or undefined when it knows no such field. */
function textOf(scanner: SendHeaderScanner, frame: Buffer, letter: string): string | undefined {
  const index = letter.charCodeAt(0) - LETTER_A;
  const start = scanner.starts[index] ?? -1;
  const end = scanner.ends[index] ?? -1;
  if (start < 0) return undefined;
  if (!scanner.isJson) return frame.toString('utf8', start, end);
  const target = Buffer.alloc(end - start);
  const size = unescapeJson(frame, start, end, target, 0);
  return size < 0 ? 'unknown escape' : target.toString('utf8', 0, size);
}

describe('send header scanner', () => {
  test.each(['JSON', 'ROCKETMQ'] as const)('agrees with the ordinary decoder on %s headers', (serialize) => {
    fc.assert(
      fc.property(fields, fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), (ext, opaque) => {
        const frame = frameOf(ext, opaque, serialize);
        const scanner = new SendHeaderScanner();
        const isScanned = scanner.scan(frame, frame[4] ?? 0, FRAME_PREFIX_SIZE, frame.length);
        if (!isScanned) return;
        expect(scanner.opaque).toBe(opaque);
        for (const [name, text] of Object.entries(ext).filter(([key]) => /^[a-n]$/.test(key))) {
          const scanned = textOf(scanner, frame, name);
          if (scanned !== 'unknown escape' && text !== '') expect(scanned).toBe(text);
          const integer = scanner.integer(name.charCodeAt(0) - LETTER_A);
          if (/^-?\d{1,15}$/.test(text)) expect(integer).toBe(Number(text));
          else expect(integer).toBeNaN();
        }
      }),
      { numRuns: 500 },
    );
  });

  test('reads what every client writes: it does not give up on compact JSON', () => {
    const frame = frameOf({ a: 'PG', b: 'T', i: 'UNIQ_KEY\u0001AB\u0002', g: '1700000000000' }, 7, 'JSON');
    expect(new SendHeaderScanner().scan(frame, 0, FRAME_PREFIX_SIZE, frame.length)).toBe(true);
  });

  test('bytes that it accepts are a header that the ordinary decoder accepts, too, with the same fields', () => {
    const base = frameOf({ a: 'PG', b: 'Topic', c: 'TBW102', e: '3', i: 'K\u0001V\u0002' }, 7, 'JSON');
    const change = fc.record({
      at: fc.nat({ max: base.length - 1 }),
      byte: fc.integer({ min: 0, max: 255 }),
    });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), (changes) => {
        const frame = Buffer.from(base);
        for (const { at, byte } of changes) if (at >= FRAME_PREFIX_SIZE) frame[at] = byte;
        const scanner = new SendHeaderScanner();
        if (!scanner.scan(frame, 0, FRAME_PREFIX_SIZE, frame.length)) return;
        for (const letter of 'abcei') {
          const scanned = textOf(scanner, frame, letter);
          if (scanned === 'unknown escape') return;
          const command = decodeCommand(frame, 0, FRAME_PREFIX_SIZE, frame.length, frame.length);
          expect(scanned).toBe(command.extFields?.[letter]);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
