import { inflateSync } from 'node:zlib';
import { MqError, errorText } from '../error/mq-error.ts';
import { SysFlag } from '../message/sys-flag.ts';
import { decompressLz4 } from './lz4-frame.ts';
import { decompressZstd } from './zstd-frame.ts';

/**
 * The body as its producer gave it; `sysFlag` says whether and how it is compressed (no type means zlib, as in 4.x).
 * @throws MqError `DATA_DAMAGED` when it can't be read or would be larger than `sizeMax` bytes.
 */
export function decompressBody(body: Buffer, sysFlag: number, sizeMax: number): Buffer {
  if ((sysFlag & SysFlag.COMPRESSED) === 0) return body;
  try {
    switch (sysFlag & SysFlag.COMPRESSION_MASK) {
      case SysFlag.COMPRESSION_LZ4:
        return decompressLz4(body, sizeMax);
      case SysFlag.COMPRESSION_ZSTD:
        return decompressZstd(body, sizeMax);
      case 0:
      case SysFlag.COMPRESSION_ZLIB:
        return inflateSync(body, { maxOutputLength: sizeMax });
      default:
        throw new Error('unknown compression');
    }
  } catch (error) {
    throw new MqError('DATA_DAMAGED', `the body can't be decompressed: ${errorText(error)}`, {
      cause: error,
    });
  }
}
