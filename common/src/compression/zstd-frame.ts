import { Decompress } from 'fzstd';

/**
 * Reads ZSTD frames.
 * @throws Error when they are damaged or hold more than `sizeMax` bytes.
 */
export function decompressZstd(bytes: Uint8Array, sizeMax: number): Buffer {
  const parts: Uint8Array[] = [];
  let size = 0;
  const stream = new Decompress((part) => {
    size += part.length;
    if (size > sizeMax) throw new Error(`more than ${sizeMax} bytes`);
    parts.push(part);
  });
  stream.push(bytes, true);
  return Buffer.concat(parts, size);
}
