// Property texts, batches, ids, records and lenient JSON on generated input.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MqError } from '@cometmq/common/error/mq-error';
import { decodeBatch, encodeBatch } from '@cometmq/common/message/batch-codec';
import { decodeHost, encodeHost, parseHostPort } from '@cometmq/common/message/host';
import { decodeMessages, readInt64 } from '@cometmq/common/message/message-decoder';
import {
  UniqueKeyGenerator,
  decodeOffsetMessageId,
  encodeOffsetMessageId,
} from '@cometmq/common/message/message-id';
import { decodeProperties, encodeProperties, hasSeparator } from '@cometmq/common/message/properties';
import { objectKeyMap } from '@cometmq/remoting/protocol/body/message-queue';
import { mapEntries, parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { readRegisterBrokerBody } from '@cometmq/remoting/protocol/body/register-broker';
import { check } from '../support/check.ts';
import { readRecords } from '../support/golden.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { SeededRandom } from '../support/seeded-random.ts';

const storable = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 50 })
  .filter((text) => !hasSeparator(text));
const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const port = fc.integer({ min: 0, max: 65_535 });
const RECORDS = readRecords()
  .filter(({ kind }) => !kind.startsWith('blank'))
  .map(({ record }) => Buffer.from(record, 'base64'));

/** Runs a decoder on hostile input: it may refuse, but only with an error of ours. */
function onlyMqErrors(decode: () => unknown): void {
  try {
    decode();
  } catch (error) {
    expect(error).toBeInstanceOf(MqError);
  }
}

/** One of the inputs with a few bytes changed, and perhaps cut. */
function damaged(originals: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 5 });
  return fc.tuple(fc.constantFrom(...originals), changes, fc.nat()).map(([original, edits, end]) => {
    const copy = Buffer.from(original.subarray(0, end % 3 === 0 ? end % original.length : undefined));
    for (const [place, value] of edits) copy[place % (copy.length + 1)] = value;
    return copy;
  });
}

describe('properties', () => {
  test('come back as they were', () => {
    const properties = fc
      .array(fc.tuple(storable, storable), { maxLength: 20 })
      .map((entries) => new Map(entries));
    check(
      fc.property(properties, (map) => {
        expect(decodeProperties(encodeProperties(map))).toEqual(map);
      }),
    );
  });

  test('any text can be read, and what was read is stable', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\u0001', '\u0002', '标'), maxLength: 60 });
    check(
      fc.property(text, (wild) => {
        const once = decodeProperties(wild);
        expect(decodeProperties(encodeProperties(once))).toEqual(once);
      }),
    );
  });

  test('any text is read as its entries are one by one', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\u0001', '\u0002', '标'), maxLength: 60 });
    check(
      fc.property(text, (wild) => {
        const pairs = wild.split('\u0002').filter((entry) => /^[^\u0001]+\u0001[^]+$/.test(entry));
        const read = pairs.map((entry): [string, string] => [
          entry.slice(0, entry.indexOf('\u0001')),
          entry.slice(entry.indexOf('\u0001') + 1),
        ]);
        expect(decodeProperties(wild)).toEqual(new Map(read));
      }),
    );
  });
});

describe('batches', () => {
  const member = fc.record({
    flag: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    body: bytes,
    properties: bytes,
  });

  test('come back as they were', () => {
    check(
      fc.property(fc.array(member, { maxLength: 10 }), (members) => {
        expect(decodeBatch(encodeBatch(members), 10)).toEqual(members);
      }),
    );
  });

  test('damage is refused with an error of ours', () => {
    const good = encodeBatch(
      [1, 2, 3].map((flag) => ({ flag, body: Buffer.alloc(9, flag), properties: Buffer.alloc(4) })),
    );
    check(
      fc.property(damaged([good]), (wild) => onlyMqErrors(() => decodeBatch(wild, 100))),
      1000,
    );
  });
});

describe('ids', () => {
  test('offset ids come back as they were', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    check(
      fc.property(address, port, fc.maxSafeNat(), (host, portNumber, physicalOffset) => {
        const encoded = encodeHost(host, portNumber);
        const id = encodeOffsetMessageId(encoded, physicalOffset);
        expect(id).toMatch(encoded.length === 8 ? /^[0-9A-F]{32}$/ : /^[0-9A-F]{56}$/);
        const place = decodeOffsetMessageId(id);
        expect(place).toEqual({ ...decodeHost(encoded, 0, encoded.length === 20), physicalOffset });
        expect(encodeHost(place!.address, portNumber)).toEqual(encoded);
      }),
    );
  });

  test('any text is an id or none', () => {
    check(
      fc.property(
        fc.string({ unit: fc.constantFrom('0', '9', 'A', 'f', 'g', ' '), maxLength: 60 }),
        (text) => {
          const place = decodeOffsetMessageId(text);
          if (place !== undefined) expect(Number.isSafeInteger(place.physicalOffset)).toBe(true);
        },
      ),
    );
  });

  test('unique keys of one generator differ', () => {
    const keys = new UniqueKeyGenerator(
      new ManualClock(),
      new SeededRandom(),
      encodeHost('127.0.0.1', 0),
      4711,
    );
    const made = Array.from({ length: 1000 }, () => keys.next());
    expect(new Set(made).size).toBe(1000);
    for (const key of made) expect(key).toMatch(/^7F000001[0-9A-F]{24}$/);
  });

  test('host:port splits at the last colon', () => {
    check(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 65_535 }), (host, portNumber) => {
        expect(parseHostPort(`${host}:${portNumber}`)).toEqual({ address: host, port: portNumber });
      }),
    );
  });
});

describe('records', () => {
  test('damage is refused with an error of ours', () => {
    check(
      fc.property(damaged(RECORDS), (wild) => onlyMqErrors(() => decodeMessages(wild))),
      2000,
    );
  });

  test('64-bit integers are exact to 2^53 and clamped beyond', () => {
    check(
      fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
        const cell = Buffer.alloc(8);
        cell.writeBigInt64BE(value);
        const exact = BigInt.asIntN(64, value);
        const limit = BigInt(Number.MAX_SAFE_INTEGER);
        const clamped = exact > limit ? limit : exact < -limit ? -limit : exact;
        expect(readInt64(cell, 0)).toBe(Number(clamped));
      }),
    );
    const near = fc.bigInt({ min: -(2n ** 53n) - 2n, max: -(2n ** 53n) + 2n });
    check(
      fc.property(near, (value) => {
        const cell = Buffer.alloc(8);
        cell.writeBigInt64BE(-value);
        expect(Number.isSafeInteger(readInt64(cell, 0))).toBe(true);
      }),
    );
  });
});

describe('bodies', () => {
  test('maps with queues as keys come back as they were', () => {
    const name = fc.string({ unit: 'binary', maxLength: 20 });
    const queue = fc.record({ brokerName: name, queueId: fc.nat(), topic: name });
    check(
      fc.property(fc.array(fc.tuple(queue, fc.nat()), { minLength: 1, maxLength: 8 }), (entries) => {
        expect(mapEntries(parseBody(Buffer.from(objectKeyMap(entries))))).toEqual(entries);
      }),
    );
  });

  test('JSON behind a byte order mark is read as JSON.parse reads it', () => {
    check(
      fc.property(fc.json({ maxDepth: 5 }), (text) => {
        expect(parseBody(Buffer.from(`\uFEFF${text}`))).toEqual(JSON.parse(text));
      }),
    );
  });

  test('garbage is refused with an error of ours', () => {
    const punctuation = fc.string({
      unit: fc.constantFrom(...Array.from('{}[]:,"\'\\0a -.')),
      maxLength: 60,
    });
    check(
      fc.property(punctuation, (text) => onlyMqErrors(() => parseBody(Buffer.from(text)))),
      2000,
    );
    check(fc.property(bytes, (wild) => onlyMqErrors(() => readRegisterBrokerBody(wild, 493))));
  });
});
