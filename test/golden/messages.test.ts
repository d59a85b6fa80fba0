// Message records, property texts, batches and ids as the real broker and clients wrote them.
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeBatch, encodeBatch } from '@cometmq/common/message/batch-codec';
import { decodeMessage, decodeMessages, layoutRecord } from '@cometmq/common/message/message-decoder';
import { decodeOffsetMessageId, encodeOffsetMessageId } from '@cometmq/common/message/message-id';
import { encodeHost } from '@cometmq/common/message/host';
import type { StoredMessage } from '@cometmq/common/message/message';
import { decodeProperties, encodeProperties } from '@cometmq/common/message/properties';
import { javaStringHash, tagsCode } from '@cometmq/common/message/tags-code';
import type { GoldenRecord } from '../support/golden.ts';
import {
  bodyOf,
  exchangesOf,
  readConversations,
  readFrames,
  readRecords,
  readStoreFile,
  readStoreLines,
} from '../support/golden.ts';

const EXCHANGES = readConversations().flatMap(exchangesOf);
const RECORDS = readRecords().filter(({ kind }) => !kind.startsWith('blank filler'));

/** Answers and broker calls whose bodies are records back to back. */
const RECORD_ANSWERS = [
  'PULL_MESSAGE',
  'LITE_PULL_MESSAGE',
  'POP_MESSAGE',
  'QUERY_MESSAGE',
  'VIEW_MESSAGE_BY_ID',
];
const RECORD_CALLS = ['CHECK_TRANSACTION_STATE', 'CONSUME_MESSAGE_DIRECTLY'];

function crcOf(bytes: Buffer): number {
  return crc32(bytes) & 0x7fffffff;
}

function addressOf({ address, port }: StoredMessage['bornHost']): string {
  return `${address}:${port}`;
}

describe('delivered records', () => {
  test.each(RECORD_ANSWERS)('%s', (name) => {
    const answers = EXCHANGES.filter(({ request }) => request.codeName === name).flatMap(({ response }) => {
      const body = response && bodyOf(response);
      return body === undefined ? [] : [{ where: response!.where, body, fields: response!.header.extFields }];
    });
    expect(answers.length).toBeGreaterThan(0);
    for (const { where, body, fields } of answers) {
      const messages = decodeMessages(body);
      expect(messages.length, where).toBeGreaterThan(0);
      for (const message of messages) {
        expect(message.bodyCrc, where).toBe(crcOf(message.body));
        expect(addressOf(message.storeHost), where).toBe('127.0.0.1:10911');
      }
      const next = fields?.['nextBeginOffset'];
      if (next !== undefined) expect(messages.at(-1)?.queueOffset, where).toBeLessThan(Number(next));
    }
  });

  test.each(RECORD_CALLS)('%s, to the client', (name) => {
    const calls = EXCHANGES.filter(({ request }) => request.codeName === name && request.dir === 's2c');
    expect(calls.length).toBeGreaterThan(0);
    for (const { request } of calls) {
      const [message, ...others] = decodeMessages(bodyOf(request)!);
      expect(others, request.where).toEqual([]);
      expect(message?.bodyCrc, request.where).toBe(crcOf(message!.body));
    }
  });

  test('a record cut anywhere is refused, not misread', () => {
    const record = Buffer.from(RECORDS[0]!.record, 'base64');
    for (let size = 0; size < record.length; size++) {
      expect(() => layoutRecord(record.subarray(0, size), 0, size)).toThrow('no message record');
    }
  });
});

describe('the recorded store', () => {
  test.each(RECORDS.map((record) => [`${record.file}@${record.offset}, ${record.kind}`, record] as const))(
    '%s',
    (_name, record) => {
      const bytes = Buffer.from(record.record, 'base64');
      const message = decodeMessage(bytes, 0, bytes.length);
      expect(message).toMatchObject(plainFields(record));
      expect(addressOf(message.bornHost)).toBe(record.bornHost);
      expect(addressOf(message.storeHost)).toBe(record.storeHost);
      expect(message.body.toString('base64')).toBe(record.body);
      expect(message.storeSize).toBe(record.totalSize);
      expect(Object.fromEntries(message.properties)).toEqual(record.properties);
    },
  );

  test('the whole log decodes record after record', () => {
    const log = readStoreFile('commitlog/00000000000000000000');
    const inFirstFile = RECORDS.filter(({ file }) => file.endsWith('/00000000000000000000'));
    let position = 0;
    for (const { offset, queueOffset, topic } of inFirstFile) {
      expect(position).toBe(offset);
      const message = decodeMessage(log, position, log.length);
      expect(message).toMatchObject({ physicalOffset: offset, queueOffset, topic });
      position += message.storeSize;
    }
  });

  test('hashes of the consume queue are those of the tags', () => {
    const entries = readStoreLines('consumequeue.jsonl') as {
      topic: string;
      tags: string | null;
      tagsCode: string;
    }[];
    expect(entries.length).toBeGreaterThan(50);
    for (const { topic, tags, tagsCode: recorded } of entries) {
      // The delay topic holds the due time there.
      if (topic !== 'SCHEDULE_TOPIC_XXXX') expect(String(tagsCode(tags ?? undefined))).toBe(recorded);
    }
  });

  test('hashes of the key index are those of the keys', () => {
    const [file] = JSON.parse(readStoreFile('index.json').toString()) as [
      { entries: { key: string; keyHash: number }[] },
    ];
    expect(file.entries).toHaveLength(180);
    for (const { key, keyHash } of file.entries) expect(Math.abs(javaStringHash(key))).toBe(keyHash);
  });
});

function plainFields(record: GoldenRecord): Partial<StoredMessage> {
  const { topic, queueId, queueOffset, physicalOffset, flag, sysFlag, bornTimestamp, storeTimestamp } =
    record;
  const { reconsumeTimes, preparedTransactionOffset, bodyCRC } = record;
  const times = { bornTimestamp, storeTimestamp, reconsumeTimes, preparedTransactionOffset };
  return { topic, queueId, queueOffset, physicalOffset, flag, sysFlag, bodyCrc: bodyCRC, ...times };
}

describe('property texts', () => {
  test('of stored records', () => {
    for (const { propertiesText, properties, kind } of RECORDS) {
      const decoded = decodeProperties(propertiesText);
      expect(Object.fromEntries(decoded), kind).toEqual(properties);
      expect(encodeProperties(decoded), kind).toBe(propertiesText);
    }
  });

  test('of send headers: 4.9.8 leaves out the last separator, automatic batches have empty values', () => {
    const texts = readFrames().flatMap(({ where, header: { extFields: fields }, response }) => {
      const text = fields?.['i'] ?? fields?.['properties'];
      return response || typeof text !== 'string' ? [] : [{ where, text }];
    });
    expect(texts.length).toBeGreaterThan(300);
    for (const { where, text } of texts) {
      const again = encodeProperties(decodeProperties(text));
      const ended = text === '' || text.endsWith('\u0002') ? text : `${text}\u0002`;
      expect(again, where).toBe(ended.replace('KEYS\u0001\u0002', ''));
    }
  });
});

describe('batches', () => {
  test('bodies of SEND_BATCH_MESSAGE', () => {
    const batches = readFrames().filter(({ codeName }) => codeName === 'SEND_BATCH_MESSAGE');
    expect(batches).toHaveLength(7);
    for (const frame of batches) {
      const body = bodyOf(frame)!;
      const members = decodeBatch(body, 1000);
      expect(members.length, frame.where).toBeGreaterThan(1);
      for (const { properties } of members)
        expect(decodeProperties(properties.toString()).size).toBeGreaterThan(0);
      expect(encodeBatch(members).equals(body), frame.where).toBe(true);
    }
  });

  test('the body of a stored inner batch', () => {
    const batch = RECORDS.find(({ kind }) => kind.startsWith('inner batch'))!;
    const body = Buffer.from(batch.body, 'base64');
    expect(decodeBatch(body, 1000)).toHaveLength(Number(batch.properties['INNER_NUM']));
  });
});

describe('ids', () => {
  test('message ids of send answers lead to the stored place and back', () => {
    const ids = EXCHANGES.filter(({ request }) => request.codeName.startsWith('SEND_MESSAGE')).flatMap(
      ({ response }) => {
        const id = response?.header.extFields?.['msgId'];
        return typeof id === 'string' ? [id] : [];
      },
    );
    expect(ids.length).toBeGreaterThan(200);
    for (const id of ids) {
      const place = decodeOffsetMessageId(id)!;
      expect(place).toMatchObject({ address: '127.0.0.1', port: 10_911 });
      expect(encodeOffsetMessageId(encodeHost(place.address, place.port), place.physicalOffset)).toBe(id);
    }
  });

  test('a unique key is no place that we would look up', () => {
    for (const { properties } of RECORDS) {
      const place = decodeOffsetMessageId(properties['UNIQ_KEY'] ?? '');
      if (place !== undefined) expect(place.port).not.toBe(10_911);
    }
  });
});
