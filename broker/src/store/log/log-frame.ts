import { crc32 } from 'node:zlib';
import { getInt32, getInt64, getUint32, putInt32, putInt64 } from '../bytes.ts';

/**
 * The unit of the log: what one group commit wrote. RocketMQ's record checksum covers the body only; a frame's covers
 * every byte, links it to the frame before, and tells how much of the log was durable when it was written. Recovery
 * needs all three to tell a torn tail from damage. Layout in docs/storage.md.
 */
export interface FrameHeader {
  /** Position of the frame in the log. Also marks stale frames of a recycled segment. */
  readonly baseOffset: number;
  readonly payloadSize: number;
  readonly recordCount: number;
  readonly payloadCrc: number;
  /** Link of the frame before this one. */
  readonly previousLink: number;
  /** The log was durable up to here before this frame was written. */
  readonly syncedOffset: number;
  /** Rises by one at each start of the broker. */
  readonly epoch: number;
  readonly kind: number;
  /** Checksum of the header and, through `payloadCrc`, of the whole frame. The next frame carries it. */
  readonly link: number;
}

export const FRAME_HEADER_SIZE = 48;
/**
 * Frames start at multiples of the sector size and are padded to it: a torn write of one frame can't touch a sector of
 * an acknowledged one.
 */
export const FRAME_ALIGNMENT = 512;

export const FrameKind = { RECORDS: 1, SEGMENT_END: 2 } as const;

const MAGIC = 0x434d5131; // "CMQ1"

/** Size on disk of a frame with this payload. */
export function frameSize(payloadSize: number): number {
  return Math.ceil((FRAME_HEADER_SIZE + payloadSize) / FRAME_ALIGNMENT) * FRAME_ALIGNMENT;
}

/** Completes the frame at `at`, whose payload is in place; zeroes its padding. Returns its link. */
export function sealFrame(
  bytes: Buffer,
  at: number,
  header: Omit<FrameHeader, 'payloadCrc' | 'link'>,
): number {
  const payloadAt = at + FRAME_HEADER_SIZE;
  const payloadEnd = payloadAt + header.payloadSize;
  bytes.fill(0, payloadEnd, at + frameSize(header.payloadSize));
  putInt32(bytes, at, MAGIC);
  putInt64(bytes, at + 8, header.baseOffset);
  putInt32(bytes, at + 16, header.payloadSize);
  putInt32(bytes, at + 20, header.recordCount);
  putInt32(bytes, at + 24, crc32(bytes.subarray(payloadAt, payloadEnd)));
  putInt32(bytes, at + 28, header.previousLink);
  putInt64(bytes, at + 32, header.syncedOffset);
  putInt32(bytes, at + 40, header.epoch);
  putInt32(bytes, at + 44, header.kind);
  const link = crc32(bytes.subarray(at + 8, payloadAt));
  putInt32(bytes, at + 4, link);
  return link;
}

/** Reads a header and checks it; undefined when there is none for this place. */
export function readFrameHeader(bytes: Buffer, at: number, expectedOffset: number): FrameHeader | undefined {
  if (bytes.length - at < FRAME_HEADER_SIZE || getInt32(bytes, at) !== MAGIC) return undefined;
  const link = getUint32(bytes, at + 4);
  if (crc32(bytes.subarray(at + 8, at + FRAME_HEADER_SIZE)) !== link) return undefined;
  const baseOffset = getInt64(bytes, at + 8);
  if (baseOffset !== expectedOffset) return undefined;
  return {
    baseOffset,
    payloadSize: getUint32(bytes, at + 16),
    recordCount: getUint32(bytes, at + 20),
    payloadCrc: getUint32(bytes, at + 24),
    previousLink: getUint32(bytes, at + 28),
    syncedOffset: getInt64(bytes, at + 32),
    epoch: getUint32(bytes, at + 40),
    kind: getInt32(bytes, at + 44),
    link,
  };
}

/** True when the payload behind the header at `at` has its checksum and the padding is clean. */
export function isPayloadIntact(bytes: Buffer, at: number, header: FrameHeader): boolean {
  const payloadAt = at + FRAME_HEADER_SIZE;
  const payloadEnd = payloadAt + header.payloadSize;
  const frameEnd = at + frameSize(header.payloadSize);
  if (frameEnd > bytes.length || crc32(bytes.subarray(payloadAt, payloadEnd)) !== header.payloadCrc)
    return false;
  for (let index = payloadEnd; index < frameEnd; index++) if (bytes[index] !== 0) return false;
  return true;
}
