import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface RepositoryFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Undefined for binary files. */
  readonly text: string | undefined;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NOT_OURS = new Set(['.git', 'node_modules', 'dist', 'target', 'coverage', '.comet']);
const TEXT_SIZE_MAX_BYTES = 2 * 1024 * 1024;

/** Every file under version control; without git (a source archive) every file that is not generated. */
export function readRepository(): RepositoryFile[] {
  return (trackedPaths() ?? walk('')).filter((path) => existsSync(join(ROOT, path))).map(readRepositoryFile);
}

function trackedPaths(): string[] | undefined {
  try {
    const listing = execFileSync('git', ['ls-files', '-z'], { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' });
    return listing.split('\0').filter((path) => path !== '');
  } catch {
    return undefined;
  }
}

function walk(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    if (NOT_OURS.has(entry.name)) return [];
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? walk(path) : [path];
  });
}

function readRepositoryFile(path: string): RepositoryFile {
  const sizeBytes = statSync(join(ROOT, path)).size;
  if (sizeBytes > TEXT_SIZE_MAX_BYTES) return { path, sizeBytes, text: undefined };
  const bytes = readFileSync(join(ROOT, path));
  return { path, sizeBytes, text: bytes.includes(0) ? undefined : bytes.toString('utf8') };
}
