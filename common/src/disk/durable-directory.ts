import { dirname } from 'node:path';
import type { Disk } from './disk.ts';

/**
 * Makes a directory with all that are missing above it, and makes their names durable. Names that are there already may
 * have been made by a process that died before it could sync them, so those are synced as well, as far as that is
 * allowed.
 */
export async function makeDirectoryDurable(disk: Disk, directory: string): Promise<void> {
  const present: string[] = [];
  const missing: string[] = [];
  for (let path = directory; path !== dirname(path); path = dirname(path))
    (disk.existsSync(path) ? present : missing).push(path);
  disk.makeDirectorySync(directory);
  for (const path of present.reverse()) await syncIfAllowed(disk, dirname(path));
  for (const path of missing.reverse()) await disk.syncDirectory(dirname(path));
}

/** Whoever may not even list a directory did not make what is in it. */
async function syncIfAllowed(disk: Disk, directory: string): Promise<void> {
  try {
    await disk.syncDirectory(directory);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && REFUSALS.has(error.code))) throw error;
  }
}

const REFUSALS: ReadonlySet<unknown> = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL']);
