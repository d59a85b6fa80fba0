import { execFileSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';

const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs (in memory: a sync costs nothing here)'],
  [0x794c7630, 'overlay'],
]);

/** What a reader must know to compare figures. */
export function machineFacts(dataDir: string): Readonly<Record<string, string>> {
  const [cpu] = cpus();
  const type = statfsSync(dataDir).type;
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' ') + ' UTC',
    revision: gitRevision(),
    cpu: `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${process.platform} ${release()}`,
    node: process.version,
    'file system': FILE_SYSTEMS.get(type) ?? `type 0x${type.toString(16)}`,
    'load before': loadavg()
      .map((load) => load.toFixed(1))
      .join(' '),
  };
}

function gitRevision(): string {
  try {
    const git = (...args: string[]): string =>
      execFileSync('git', args, {
        cwd: import.meta.dirname,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    const changed = git('status', '--porcelain', '--untracked-files=no').split('\n').filter(Boolean).length;
    return git('rev-parse', '--short', 'HEAD') + (changed === 0 ? '' : ` and ${changed} changed files`);
  } catch {
    return 'unknown';
  }
}
