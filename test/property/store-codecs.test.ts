import { PropertyScan, PropertyTrait } from '@cometmq/broker/store/property-scan';
import { recordSize, writeRecord } from '@cometmq/broker/store/record-writer';
import { encodeHost } from '@cometmq/common/message/host';
import { decodeMessage } from '@cometmq/common/message/message-decoder';
import { decodeProperties } from '@cometmq/common/message/properties';
import { tagsCode } from '@cometmq/common/message/tags-code';
import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { StoreWorld, appendRequest } from '../support/store-world.ts';

const NAMES = [
  'TAGS',
  'KEYS',
  'UNIQ_KEY',
  'DELAY',
  'WAIT',
  'TRAN_MSG',
  'TIMER_DELAY_SEC',
  'TIMER_DELAY_MS',
  'TIMER_DELIVER_MS',
  '__STARTDELIVERTIME',
  'TAGS2',
  'x',
  '',
];
const value = fc.oneof(
  fc.constantFrom('', 'false', 'true', 'A', '订'),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
/** Text as clients send it, and as they should not. */
const text = fc
  .array(
    fc.oneof(
      fc.tuple(fc.constantFrom(...NAMES), value).map(([n, v]) => `${n}\u0001${v}\u0002`),
      fc.string({ maxLength: 4 }),
      fc.constantFrom('\u0001', '\u0002'),
    ),
  )
  .map((parts) => parts.join(''));

test('the property scan finds what the decoder finds', () => {
  const scan = new PropertyScan();
  fc.assert(
    fc.property(text, (stored) => {
      const bytes = Buffer.from(`junk${stored}junk`);
      const [start, end] = [4, bytes.length - 4];
      scan.scan(bytes, start, end);
      const decoded = decodeProperties(bytes.toString('utf8', start, end));
      const at = (from: number, to: number): string | undefined =>
        from < 0 ? undefined : bytes.toString('utf8', from, to);
      expect(at(scan.tagStart, scan.tagEnd)).toBe(decoded.get('TAGS'));
      expect(at(scan.keysStart, scan.keysEnd)).toBe(decoded.get('KEYS'));
      expect(at(scan.uniqKeyStart, scan.uniqKeyEnd)).toBe(decoded.get('UNIQ_KEY'));
      expect(scan.tagsCode(bytes)).toBe(tagsCode(decoded.get('TAGS')));
      const has = (trait: number): boolean => (scan.traits & trait) !== 0;
      expect(has(PropertyTrait.DELAYED)).toBe(decoded.has('DELAY'));
      expect(has(PropertyTrait.TRANSACTION)).toBe(decoded.has('TRAN_MSG'));
    }),
    { numRuns: 2_000 },
  );
});

let world: StoreWorld;
beforeAll(async () => {
  world = new StoreWorld();
  await world.open();
});

test('a written record is read back as it was', () => {
  const host = fc.tuple(fc.constantFrom('10.1.2.3', '255.255.255.255', '2001:db8::1'), fc.nat(65_535));
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      text,
      host,
      host,
      fc.integer(),
      fc.nat(2 ** 20),
      fc.maxSafeNat(),
      fc.constantFrom('t', 'T'.repeat(127), 'T'.repeat(128), 'T'.repeat(255)),
      (body, properties, born, stored, flag, times, time, topic) => {
        const [bornHost, storeHost] = [encodeHost(...born), encodeHost(...stored)];
        const sysFlag = (bornHost.length > 8 ? 1 << 4 : 0) | (storeHost.length > 8 ? 1 << 5 : 0);
        const queue = world.store.queues.get(topic, 3);
        const request = appendRequest(queue, Buffer.from(body), Buffer.from(properties));
        Object.assign(request, { bornHost, sysFlag, flag, reconsumeTimes: times, bornTimestamp: time });
        const size = recordSize(request, storeHost);
        const target = Buffer.alloc(size + 20, 0x55);
        writeRecord(target, 10, request, size, time, 77, time, storeHost);
        expect(
          target.subarray(0, 10).every((b) => b === 0x55) &&
            target.subarray(size + 10).every((b) => b === 0x55),
        ).toBe(true);
        expect(decodeMessage(target, 10, 10 + size)).toMatchObject({
          topic,
          queueId: 3,
          queueOffset: time,
          physicalOffset: 77,
          flag,
          sysFlag,
          storeSize: size,
          bornTimestamp: time,
          storeTimestamp: time,
          reconsumeTimes: times,
          body: Buffer.from(body),
          properties: decodeProperties(properties),
          bornHost: { port: born[1] },
          storeHost: { port: stored[1] },
        });
      },
    ),
    { numRuns: 500 },
  );
});
