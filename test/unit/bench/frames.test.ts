import { readFileSync } from 'node:fs';
import { decodeBatch } from '@cometmq/common/message/batch-codec';
import { decodeCommand, encodeCommand } from '@cometmq/remoting/protocol/command-codec';
import type { RemotingCommand } from '@cometmq/remoting/protocol/remoting-command';
import { replyCommand } from '@cometmq/remoting/protocol/remoting-command';
import { describe, expect, it } from 'vitest';
import { readAnswer } from '../../../bench/src/load/answer.ts';
import { putDigits, putHex } from '../../../bench/src/load/digits.ts';
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
