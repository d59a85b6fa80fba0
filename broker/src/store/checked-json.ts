import { crc32 } from 'node:zlib';
import type { Disk } from '@cometmq/common/disk/disk';
import { readFileSync, writeFileAtomic } from '@cometmq/common/disk/atomic-file';
import { MqError, errorText } from '@cometmq/common/error/mq-error';

/**
 * The content of a small JSON file with its checksum in a second line, or undefined when there is no file.
 * @throws MqError `DATA_DAMAGED` when it is not what was written.
 */
export function readCheckedJson(disk: Disk, path: string): unknown {
  const bytes = readFileSync(disk, path);
  if (bytes === undefined) return undefined;
  try {
    const end = bytes.lastIndexOf('\n');
    if (bytes.toString('latin1', end + 1) !== checkText(bytes.subarray(0, end)))
      throw new Error('the checksum is wrong');
    return JSON.parse(bytes.toString('utf8', 0, end)) as unknown;
  } catch (error) {
    throw new MqError('DATA_DAMAGED', `${path} is damaged: ${errorText(error)}`, {
      cause: error,
      hint: 'restore the file from a backup, or see docs/storage.md for what it holds before you remove it',
    });
  }
}

/** Replaces the whole file; durable when the promise resolves. */
export async function writeCheckedJson(disk: Disk, path: string, value: unknown): Promise<void> {
  const text = Buffer.from(JSON.stringify(value));
  await writeFileAtomic(disk, path, Buffer.concat([text, Buffer.from(`\n${checkText(text)}`)]));
}

function checkText(bytes: Buffer): string {
  return crc32(bytes).toString(16).padStart(8, '0');
}
