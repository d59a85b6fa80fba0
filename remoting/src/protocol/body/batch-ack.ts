import { MqError } from '@cometmq/common/error/mq-error';
import { asArray, asInteger, asObject, asString } from './shape.ts';

/** Acknowledgements of one check point (Java: BatchAck). */
export interface BatchAck {
  readonly consumerGroup: string;
  readonly topic: string;
  readonly queueId: number;
  readonly startOffset: number;
  readonly popTime: number;
  /** `0` for the topic itself, `1` and `2` for the two kinds of retry topics. */
  readonly retry: string;
  /** Queue offsets. */
  readonly offsets: readonly number[];
}

/** Bits that one entry may set: as many as a check point may have offsets between its first and last message. */
const BITS_MAX = 64 * 1024;
/** Entries of one body. */
const ACKS_MAX = 1_024;
/** Messages of one body: its entries name check points, which hold 32 each. A few bytes could name very many. */
const MESSAGES_MAX = 32 * ACKS_MAX;

/**
 * Body of BATCH_ACK_MESSAGE (200151).
 * @throws MqError `INVALID_ARGUMENT` when it names too many messages.
 */
export function readBatchAcks(body: unknown): BatchAck[] {
  const values = asArray(asObject(body)['acks']);
  if (values.length > ACKS_MAX) throw tooMany(`${ACKS_MAX} check points`);
  let left = MESSAGES_MAX;
  return values.map((value) => {
    const members = asObject(value);
    const startOffset = asInteger(members['so'], -1);
    const offsets = offsetsOf(members['b'], startOffset, left);
    left -= offsets.length;
    return {
      consumerGroup: asString(members['c']),
      topic: asString(members['t']),
      queueId: asInteger(members['q'], -1),
      startOffset,
      popTime: asInteger(members['pt']),
      retry: asString(members['r']),
      offsets,
    };
  });
}

/** Offsets whose bits are set (Java: BitSet.toByteArray, little-endian, in base64). */
function offsetsOf(value: unknown, startOffset: number, countMax: number): number[] {
  const bytes = Buffer.from(asString(value), 'base64').subarray(0, BITS_MAX / 8);
  const offsets: number[] = [];
  for (const [at, byte] of bytes.entries()) {
    for (let bit = 0, rest = byte; rest !== 0; bit++, rest >>>= 1) {
      if ((rest & 1) === 0) continue;
      if (offsets.length >= countMax) throw tooMany(`${MESSAGES_MAX} messages`);
      offsets.push(startOffset + at * 8 + bit);
    }
  }
  return offsets;
}

function tooMany(limit: string): MqError {
  return new MqError('INVALID_ARGUMENT', `a batch acknowledges at most ${limit}`, {
    hint: 'acknowledge them in several batches',
  });
}
