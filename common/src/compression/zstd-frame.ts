import { Decompress } from 'fzstd';

/** Encoders use windows up to this size also for small content. */
const WINDOW_SIZE_MAX = 8 * 1024 * 1024;
/** Magic, descriptor and the longest window, dictionary and content size fields. */
const HEADER_SIZE_MAX = 18;

/**
 * Reads ZSTD frames.
 * @throws Error when they are damaged or hold more than `sizeMax` bytes.
 */
export function decompressZstd(bytes: Buffer, sizeMax: number): Buffer {
  if (windowSize(bytes) > Math.max(sizeMax, WINDOW_SIZE_MAX)) throw new Error(`more than ${sizeMax} bytes`);
  const parts: Uint8Array[] = [];
  let size = 0;
  const stream = new Decompress((part) => {
    size += part.length;
    if (size > sizeMax) throw new Error(`more than ${sizeMax} bytes`);
    parts.push(part);
  });
  stream.push(bytes, true);
  if (size === 0) throw new Error('no content');
  return Buffer.concat(parts, size);
}

/** The buffer the first frame demands (RFC 8878, 3.1.1.1): its header is a claim, not a fact. */
function windowSize(bytes: Buffer): number {
  const header = Buffer.concat([bytes.subarray(0, HEADER_SIZE_MAX), Buffer.alloc(HEADER_SIZE_MAX)]);
  const descriptor = header.readUInt8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  if (!isSingleSegment) {
    const exponent = header.readUInt8(5) >> 3;
    return 2 ** (10 + exponent) * (1 + (header.readUInt8(5) & 7) / 8);
  }
  const contentSizeAt = 5 + ([0, 1, 2, 4][descriptor & 3] ?? 0);
  switch (descriptor >> 6) {
    case 0:
      return header.readUInt8(contentSizeAt);
    case 1:
      return header.readUInt16LE(contentSizeAt) + 256;
    case 2:
      return header.readUInt32LE(contentSizeAt);
    default:
      return Number(header.readBigUInt64LE(contentSizeAt));
  }
}
