import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MIB = 1024 * 1024;

/** A file system of a few MiB in memory. */
export class SmallDisk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** A text says why there can't be one on this machine. */
  static mount(sizeMib: number): SmallDisk | string {
    const folder = mkdtempSync(join(tmpdir(), 'cometmq-disk-'));
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', folder], { stdio: 'pipe' });
      return new SmallDisk(folder);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      return `a tmpfs can not be mounted here: ${error instanceof Error ? error.message.split('\n')[0] : ''}`;
    }
  }

  /** Takes room away: `sizeMib`, or all that is left. */
  take(name: string, sizeMib = Infinity): void {
    const file = openSync(join(this.folder, name), 'w');
    const zeros = Buffer.alloc(MIB);
    let step = MIB;
    for (let left = sizeMib * MIB; left > 0 && step >= 512;) {
      try {
        left -= writeSync(file, zeros, 0, Math.min(step, left));
      } catch {
        step /= 2;
      }
    }
    closeSync(file);
  }

  giveBack(name: string): void {
    rmSync(join(this.folder, name));
  }

  unmount(): void {
    execFileSync('umount', [this.folder], { stdio: 'pipe' });
    rmSync(this.folder, { recursive: true, force: true });
  }
}
