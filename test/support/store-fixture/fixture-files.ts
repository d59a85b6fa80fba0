// A data folder as a fixture: every file compressed by itself, so that segments full of zeros take nothing.
import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';

const SUFFIX = '.gz';
/** RocksDB's own log and the options it once ran with: it reads neither, and both tell paths of the machine. */
const LEFT_OUT = /[/\\](?:LOG(?:\.old\.\d+)?|OPTIONS-\d+)$/;

export function packFolder(folder: string, fixture: string): void {
  rmSync(fixture, { recursive: true, force: true });
  for (const path of filesIn(folder)) {
    if (LEFT_OUT.test(path)) continue;
    const target = join(fixture, relative(folder, path) + SUFFIX);
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, gzipSync(readFileSync(path), { level: 9 }));
  }
}

export function unpackFolder(fixture: string, folder: string): void {
  for (const path of filesIn(fixture)) {
    const target = join(folder, relative(fixture, path).slice(0, -SUFFIX.length));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, gunzipSync(readFileSync(path)));
  }
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, String(name)))
    .filter((path) => statSync(path).isFile())
    .sort();
}
