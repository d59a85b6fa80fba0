import { dirname } from 'node:path';
import type { Disk } from './disk.ts';

/** Makes a directory with all that are missing above it, and makes their names durable. */
export async function makeDirectoryDurable(disk: Disk, directory: string): Promise<void> {
  const missing: string[] = [];
  for (let path = directory; !disk.existsSync(path) && path !== dirname(path); path = dirname(path))
    missing.push(path);
  disk.makeDirectorySync(directory);
  for (const path of missing.reverse()) await disk.syncDirectory(dirname(path));
}
