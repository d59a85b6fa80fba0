import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Jars, binaries and logs; prepare.sh uses the same place. */
export const cacheFolder = process.env['COMET_INTEROP_CACHE'] ?? join(tmpdir(), 'cometmq-interop');
export const interopFolder = resolve(import.meta.dirname, '..');
export const repositoryFolder = resolve(interopFolder, '../..');

export function logFile(name: string): string {
  const folder = join(cacheFolder, 'logs');
  mkdirSync(folder, { recursive: true });
  return join(folder, `${name}.log`);
}
