// eslint-disable-next-line @typescript-eslint/triple-slash-reference -- lz4js has no types of its own
/// <reference path="./lz4js.d.ts" />
import { decompress, decompressBound } from 'lz4js';

/**
 * Reads LZ4 frames (Java: LZ4FrameInputStream).
 * @throws Error when they are damaged or hold more than `sizeMax` bytes.
 */
export function decompressLz4(bytes: Uint8Array, sizeMax: number): Buffer {
  const bound = decompressBound(bytes);
  if (bound > sizeMax + LZ4_BLOCK_SIZE_MAX) throw new Error(`more than ${sizeMax} bytes`);
  return Buffer.from(decompress(bytes, bound));
}

/** Without a content size in the frame the bound is rounded up to whole blocks. */
const LZ4_BLOCK_SIZE_MAX = 4 * 1024 * 1024;
