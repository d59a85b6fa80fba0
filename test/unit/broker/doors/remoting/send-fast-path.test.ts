import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { SendFastPath } from '@cometmq/broker/doors/remoting/send-fast-path';
import { sendHandlers } from '@cometmq/broker/doors/remoting/send-handlers';
import { silentLogger } from '@cometmq/common/logging/logger';
import type { StoredMessage } from '@cometmq/common/message/message';
import type { ByteStream } from '@cometmq/common/net/net';
import { decodeCommand, encodeCommand } from '@cometmq/remoting/protocol/command-codec';
import { FRAME_PREFIX_SIZE } from '@cometmq/remoting/protocol/frame';
import { FrameReader } from '@cometmq/remoting/protocol/frame-reader';
import type { ExtFields, RemotingCommand, SerializeType } from '@cometmq/remoting/protocol/remoting-command';
import { requestCommand } from '@cometmq/remoting/protocol/remoting-command';
import { RequestCode } from '@cometmq/remoting/protocol/request-code';
import { RemotingChannel } from '@cometmq/remoting/transport/remoting-channel';
import { BrokerWorld } from '../../../../support/broker-world.ts';

const UNIQUE_KEY = 'C0A8000100002A9F0000000000000001';

/** The header of a send as the Java client writes it. */
const HEADER: Readonly<Record<string, string>> = {
  a: 'PG',
  b: 'orders',
  c: 'TBW102',
  d: '4',
  e: '2',
  f: '0',
  g: '1700000000000',
  h: '7',
  i: `KEYS\u0001A1\u0002UNIQ_KEY\u0001${UNIQUE_KEY}\u0002TAGS\u0001paid\u0002WAIT\u0001true\u0002`,
  j: '0',
  k: 'false',
  m: 'false',
  n: 'broker-a',
};

let world: BrokerWorld;
let channel: RemotingChannel;
let fastPath: SendFastPath;
let answers: RemotingCommand[];

beforeEach(async () => {
  world = await BrokerWorld.open();
  answers = [];
  const reader = new FrameReader((...frame) => answers.push(decodeCommand(...frame)));
  const stream: ByteStream = {
    remoteAddress: '10.0.0.7',
    remotePort: 50_123,
    localAddress: '127.0.0.1',
    localPort: 10_911,
    bufferedBytes: 0,
    write: (bytes) => {
      reader.feed(Buffer.from(bytes));
    },
    pause: () => undefined,
    resume: () => undefined,
    end: () => undefined,
    destroy: () => undefined,
  };
  const handlers = new Map(sendHandlers(world.services.producing, world.services.sendBack));
  channel = new RemotingChannel(stream, {
    clock: world.clock,
    log: silentLogger,
    handleRequest: (request, from) => handlers.get(request.code)?.(request, from),
  });
  fastPath = new SendFastPath(world.services.direct);
  // The topic must exist: making it is the ordinary way's business.
  await world.services.creation.forSend('orders', 'TBW102', 4);
});

afterEach(async () => {
  await world.close();
});

function frameOf(
  header: Record<string, string>,
  opaque: number,
  serialize: SerializeType = 'JSON',
  oneway = false,
): Buffer {
  const request = {
    code: RequestCode.SEND_MESSAGE_V2,
    extFields: header as ExtFields,
    body: Buffer.from('hello'),
    serialize,
  };
  return encodeCommand(requestCommand(request, opaque, oneway));
}

function fast(frame: Buffer): boolean {
  const headerEnd = FRAME_PREFIX_SIZE + frame.readUIntBE(5, 3);
  return fastPath.handle(channel, frame, frame[4] ?? 0, FRAME_PREFIX_SIZE, headerEnd, frame.length);
}

/** What must be the same whichever way a message took. */
function comparable({ queueOffset: _o, physicalOffset: _p, ...message }: StoredMessage): unknown {
  return { ...message, properties: Object.fromEntries(message.properties) };
}

/** Lets group commits and answers happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await world.clock.advance(1);
}

describe('the fast path', () => {
  test.each(['JSON', 'ROCKETMQ'] as const)(
    'stores and answers exactly as the ordinary way (%s header)',
    async (serialize) => {
      expect(fast(frameOf(HEADER, 5, serialize))).toBe(true);
      channel.data(frameOf(HEADER, 6, serialize));
      await settle();
      const [first, second, ...others] = world.read('orders', 2);
      expect(others).toEqual([]);
      expect(comparable(first as StoredMessage)).toEqual(comparable(second as StoredMessage));
      const [quick, ordinary] = answers.toSorted((a, b) => a.opaque - b.opaque);
      expect(quick?.opaque).toBe(5);
      expect(quick?.code).toBe(0);
      expect(quick?.extFields).toEqual({
        ...ordinary?.extFields,
        queueOffset: '0',
        msgId: quick?.extFields?.['msgId'],
      });
      expect(quick?.extFields).toMatchObject({
        queueId: '2',
        transactionId: UNIQUE_KEY,
        durability: 'synced',
      });
      expect(quick?.extFields?.['msgId']).toMatch(/^7F00000100002A9F[0-9A-F]{16}$/);
    },
  );

  test('answers only when the group commit is on the disk, and nothing is readable before', async () => {
    fast(frameOf(HEADER, 5));
    expect(world.read('orders', 2)).toEqual([]);
    expect(answers).toEqual([]);
    await settle();
    expect(answers).toHaveLength(1);
    expect(world.read('orders', 2)).toHaveLength(1);
  });

  test('does not answer a one-way send', async () => {
    expect(fast(frameOf(HEADER, 5, 'JSON', true))).toBe(true);
    await settle();
    expect(answers).toEqual([]);
    expect(world.read('orders', 2)).toHaveLength(1);
  });

  test.each([
    ['an unknown topic', { b: 'unknown' }],
    ['a retry topic', { b: '%RETRY%g' }],
    ['a forbidden topic', { b: 'SCHEDULE_TOPIC_XXXX' }],
    ['a batch', { m: 'true' }],
    ['a batch of the C++ client', { m: '1' }],
    ['a queue that does not exist', { e: '4' }],
    ['a transaction', { f: '4' }],
    ['a transactional property', { i: `${HEADER['i'] ?? ''}TRAN_MSG\u0001true\u0002` }],
    ['a delay', { i: `${HEADER['i'] ?? ''}DELAY\u00013\u0002` }],
    ['a timer', { i: `${HEADER['i'] ?? ''}TIMER_DELIVER_MS\u00011\u0002` }],
    ['no unique key', { i: 'KEYS\u0001A1\u0002' }],
    ['properties over the limit', { i: `${HEADER['i'] ?? ''}x\u0001${'y'.repeat(32_767)}\u0002` }],
    ['a number that is none', { g: 'soon' }],
    ['a flag beyond 32 bits', { h: '4294967296' }],
  ])('leaves %s to the ordinary way', async (_name, change) => {
    expect(fast(frameOf({ ...HEADER, ...change }, 5))).toBe(false);
    await settle();
    expect(answers).toEqual([]);
    expect(world.read('orders', 2)).toEqual([]);
  });

  test('leaves a header without a required field to the ordinary way, which names the field', async () => {
    const { c: _template, ...header } = HEADER;
    expect(fast(frameOf(header, 5))).toBe(false);
    channel.data(frameOf(header, 5));
    await settle();
    expect(answers[0]).toMatchObject({ code: 1, remark: 'the custom field <c> is null' });
  });
});
