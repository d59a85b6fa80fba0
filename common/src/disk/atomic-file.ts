import { dirname } from 'node:path';
import type { Disk } from './disk.ts';

/**
 * Replaces the whole content of a small file. After a crash at any point the file has either its old or its new
 * content; when the promise resolves the new one is durable.
 */
export async function writeFileAtomic(disk: Disk, path: string, content: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  await disk.remove(temporary);
  const file = disk.openSync(temporary, 'create');
  try {
    await file.write(content, 0, content.length, 0);
    await file.datasync();
  } finally {
    await file.close();
  }
  await disk.rename(temporary, path);
  await disk.syncDirectory(dirname(path));
}

/** The whole content of a small file, or undefined when it does not exist. */
export function readFileSync(disk: Disk, path: string): Buffer | undefined {
  if (!disk.existsSync(path)) return undefined;
  const file = disk.openSync(path, 'read');
  const content = Buffer.alloc(file.sizeSync());
  file.readSync(content, 0, content.length, 0);
  void file.close();
  return content;
}
