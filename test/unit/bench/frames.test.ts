import { readFileSync } from 'node:fs';
import { decodeBatch } from '@cometmq/common/message/batch-codec';
import { decodeCommand, encodeCommand } from '@cometmq/remoting/protocol/command-codec';
import { readBatchAcks } from '@cometmq/remoting/protocol/body/batch-ack';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { replyCommand } from '@cometmq/remoting/protocol/remoting-command';
import { describe, expect, it } from 'vitest';
import { readAnswer } from '../../../bench/src/load/answer.ts';
import { putDigits, putHex } from '../../../bench/src/load/digits.ts';
import { ackFrame, batchAckFrame, poppedParts } from '../../../bench/src/load/pop-frame.ts';
import { pullFrame } from '../../../bench/src/load/pull-frame.ts';
import { SendFrame } from '../../../bench/src/load/send-frame.ts';

const OPTIONS = {
  topic: 'Bench',
  group: 'g',
  bodySize: 1024,
  serialization: 'json',
  batchMembers: 0,
  brokerName: 'broker-a',
} as const;

function decode(bytes: Buffer): RemotingCommand {
  const headerEnd = 8 + (bytes.readInt32BE(4) & 0xffffff);
  return decodeCommand(bytes, bytes[4] ?? 0, 8, headerEnd, bytes.length);
}

function written(frame: SendFrame, key = 0xabc): Buffer {
  const bytes = Buffer.alloc(frame.size);
  frame.write(bytes, 0, 1_234_567, 3, 1_795_000_000_123, key);
  return bytes;
}

function keyOf(command: RemotingCommand): string {
  return /UNIQ_KEY\x01([^\x02]*)\x02/.exec(command.extFields?.['i'] ?? '')?.[1] ?? '';
}

describe('send frame', () => {
  it.each(['json', 'binary'] as const)('carries its fields with a %s header', (serialization) => {
    const command = decode(written(new SendFrame({ ...OPTIONS, serialization }, '7F000001')));
    expect(command).toMatchObject({ code: 310, opaque: 1_234_567, version: 493 });
    expect(command.extFields).toMatchObject({ a: 'g', b: 'Bench', e: '3', g: '1795000000123', m: 'false' });
    expect(keyOf(command)).toBe('7F0000010000000000000000000' + '00ABC');
    expect(command.body?.length).toBe(1024);
  });

  it('has the members and their order in common with a recorded frame', () => {
    const recorded = readFileSync(
      new URL('../../fixtures/golden/java-5.4.0/send-sync.jsonl', import.meta.url),
      'utf8',
    )
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { codeName: string; response: boolean; frame: string })
      .find(({ codeName, response }) => codeName === 'SEND_MESSAGE_V2' && !response);
    const names = (frame: Buffer): string[] => {
      const text = frame.toString('utf8', 8, 8 + frame.readInt32BE(4));
      return [...text.matchAll(/"(\w+)":/g)].map(([, name]) => name ?? '');
    };
    expect(names(written(new SendFrame(OPTIONS, '')))).toEqual(
      names(Buffer.from(recorded?.frame ?? '', 'base64')),
    );
  });

  it('gives every message of a batch a key of its own', () => {
    const frame = new SendFrame({ ...OPTIONS, batchMembers: 3 }, '7F000001');
    const command = decode(written(frame, 100));
    const members = decodeBatch(command.body ?? Buffer.alloc(0), 10);
    const keys = members.map(({ properties }) => /UNIQ_KEY\x01(\w+)/.exec(properties.toString())?.[1]);
    expect(command).toMatchObject({ code: 320, extFields: { m: 'true' } });
    expect(members.map(({ body }) => body.length)).toEqual([1024, 1024, 1024]);
    expect(new Set([...keys, keyOf(command)]).size).toBe(4);
    expect([frame.messages, frame.keys]).toEqual([3, 4]);
  });
});

it('a pull frame is a request that a broker reads', () => {
  const bytes = pullFrame({ topic: 'T', group: 'G', queueId: 2, offset: 64, batch: 32, opaque: 7 });
  expect(decode(bytes)).toMatchObject({
    code: 11,
    opaque: 7,
    extFields: { queueId: '2', queueOffset: '64', maxMsgNums: '32' },
  });
});

describe('answer', () => {
  const frameOf = (code: number, remark: string | undefined, serialize: 'JSON' | 'ROCKETMQ'): Buffer =>
    encodeCommand(replyCommand({ code, remark, extFields: { msgId: 'X' } }, 1_000_042, serialize));

  it.each(['JSON', 'ROCKETMQ'] as const)('tells code, opaque and remark of a %s header', (serialize) => {
    const refused = frameOf(2, 'system busy', serialize);
    const taken = frameOf(0, undefined, serialize);
    expect(readAnswer(refused, 0, refused.length)).toMatchObject({
      code: 2,
      opaque: 1_000_042,
      remark: 'system busy',
    });
    expect(readAnswer(taken, 0, taken.length)).toMatchObject({ code: 0, opaque: 1_000_042 });
  });

  it('does not take a code that begins with 0 in a later member for a success', () => {
    const text = '{"remark":"{\\"code\\":0,","flag":1,"opaque":5,"code":14}';
    const bytes = Buffer.alloc(8 + text.length);
    bytes.writeInt32BE(4 + text.length, 0);
    bytes.writeInt32BE(text.length, 4);
    bytes.write(text, 8);
    expect(readAnswer(bytes, 0, bytes.length)).toMatchObject({ code: 14, opaque: 5 });
  });

  it('knows a request of the broker from an answer', () => {
    const bytes = pullFrame({ topic: 'T', group: 'G', queueId: 0, offset: 0, batch: 1, opaque: 1 });
    expect(readAnswer(bytes, 0, bytes.length)).toBeUndefined();
  });
});

it('numbers are written with leading zeros', () => {
  const bytes = Buffer.alloc(13, '.');
  putDigits(bytes, 0, 42, 5);
  putHex(bytes, 5, 0x1_0000_00fe, 8);
  expect(bytes.toString()).toBe('00042000000FE');
  putHex(bytes, 0, 0x12_3456_789a, 10);
  expect(bytes.toString('latin1', 0, 10)).toBe('123456789A');
});

describe('properties of a sent message', () => {
  const propertiesOf = (frame: SendFrame, key?: number): string =>
    decode(written(frame, key)).extFields?.['i'] ?? '';

  it('count from 0 to 9 in each of four queues', () => {
    const frame = new SendFrame({ ...OPTIONS, digit: 'rank', properties: 'region\x01eu\x02' }, '');
    const ranks = Array.from(
      { length: 48 },
      (_, key) => /rank\x01(\d)\x02/.exec(propertiesOf(frame, key))?.[1],
    );
    for (let queueId = 0; queueId < 4; queueId++)
      expect(ranks.filter((_, key) => key % 4 === queueId).join('')).toBe('012345678901');
    expect(propertiesOf(frame)).toContain('region\x01eu\x02');
  });

  it('name the time of delivery', () => {
    const frame = new SendFrame({ ...OPTIONS, deliverAfterMs: 3_600_000 }, '');
    expect(propertiesOf(frame)).toContain('TIMER_DELIVER_MS\x011795003600123\x02');
  });

  it('make it the first half of a transaction', () => {
    const frame = new SendFrame({ ...OPTIONS, isHalf: true }, '7F000001');
    expect(propertiesOf(frame)).toContain('TRAN_MSG\x01true\x02PGROUP\x01g\x02');
    expect(decode(written(frame)).extFields?.['f']).toBe('4');
    expect(keyOf(decode(written(frame, 0xabc)))).toBe(frame.keyText(0xabc));
  });
});

describe('acknowledgements of a pop', () => {
  const place = { topic: 'GoldPop', group: 'CGpop', brokerName: 'broker-a' };
  const answer = {
    invisibleTime: '60000',
    startOffsetInfo: '0 1 7;0 0 3',
    msgOffsetInfo: '0 1 7;0 0 3,4,12',
    popTime: '1795214696316',
    reviveQid: '2',
  };
  const parts = poppedParts(answer);

  it('know the places of the messages', () => {
    expect(parts).toEqual([
      { queueId: 1, startOffset: 7, offsets: [7] },
      { queueId: 0, startOffset: 3, offsets: [3, 4, 12] },
    ]);
  });

  it('carry a handle as Java makes it', () => {
    const [, part = { queueId: 0, startOffset: 0, offsets: [] }] = parts;
    expect(decode(ackFrame(place, answer, part, 4, 1_000_000))).toMatchObject({
      code: 200_051,
      extFields: { queueId: '0', offset: '4', extraInfo: '3 1795214696316 60000 2 0 broker-a 0 4' },
    });
  });

  it('name all messages of a pop in one request', () => {
    const { code, body } = decode(batchAckFrame(place, answer, parts, 1_000_000));
    expect(code).toBe(200_151);
    const acks = readBatchAcks(JSON.parse(body?.toString() ?? ''));
    expect(acks.map(({ queueId, offsets, retry }) => ({ queueId, offsets, retry }))).toEqual([
      { queueId: 1, offsets: [7], retry: '0' },
      { queueId: 0, offsets: [3, 4, 12], retry: '0' },
    ]);
  });
});
