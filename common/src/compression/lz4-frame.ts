// eslint-disable-next-line @typescript-eslint/triple-slash-reference -- lz4js has no types of its own
/// <reference path="./lz4js.d.ts" />
import { decompressBound, decompressFrame } from 'lz4js';

/**
 * Reads LZ4 frames (Java: LZ4FrameInputStream).
 * @throws Error when they are damaged or hold more than `sizeMax` bytes.
 */
export function decompressLz4(bytes: Uint8Array, sizeMax: number): Buffer {
  const bound = decompressBound(bytes);
  if (!(bound >= 0 && bound <= sizeMax + BOUND_SLACK)) throw new Error(`more than ${sizeMax} bytes`);
  const content = Buffer.alloc(bound);
  const size = decompressFrame(bytes, content);
  if (size > Math.min(bound, sizeMax)) throw new Error(`${size} bytes, more than allowed or announced`);
  return content.subarray(0, size);
}

/** Without a content size in the frame the bound counts whole blocks of up to 4 MiB, the end mark included. */
const BOUND_SLACK = 2 * 4 * 1024 * 1024;
