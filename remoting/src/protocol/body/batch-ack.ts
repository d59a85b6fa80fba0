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

/** Body of BATCH_ACK_MESSAGE (200151). */
export function readBatchAcks(body: unknown): BatchAck[] {
  return asArray(asObject(body)['acks']).map((value) => {
    const members = asObject(value);
    const startOffset = asInteger(members['so'], -1);
    return {
      consumerGroup: asString(members['c']),
      topic: asString(members['t']),
      queueId: asInteger(members['q'], -1),
      startOffset,
      popTime: asInteger(members['pt']),
      retry: asString(members['r']),
      offsets: bitsOf(members['b']).map((bit) => startOffset + bit),
    };
  });
}

/** Numbers of the bits that are set (Java: BitSet.toByteArray, little-endian, in base64). */
function bitsOf(value: unknown): number[] {
  const bytes = Buffer.from(asString(value), 'base64');
  const bits: number[] = [];
  for (let bit = 0; bit < Math.min(bytes.length * 8, BITS_MAX); bit++) {
    if (((bytes[bit >>> 3] ?? 0) & (1 << (bit & 7))) !== 0) bits.push(bit);
  }
  return bits;
}
