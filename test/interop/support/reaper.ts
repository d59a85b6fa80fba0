import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { cacheFolder } from './paths.ts';

/** The start of the names of this run's data folders. */
export const runFolders = join(cacheFolder, `run-${process.pid}-`);

/**
 * Kills our children and removes their data when this process has gone, however it went: a shell holds the newest list
 * of process ids and acts when its stdin closes. COMET_INTEROP_KEEP=1 keeps the data.
 */
class Reaper {
  readonly #pids = new Set<number>();
  #shell: ChildProcess | undefined;

  watch(child: ChildProcess): void {
    const { pid } = child;
    if (pid === undefined) return;
    this.#pids.add(pid);
    this.#tell();
    child.once('exit', () => {
      this.#pids.delete(pid);
      this.#tell();
    });
  }

  #tell(): void {
    if (this.#shell === undefined) {
      const kill = 'while read -r line; do pids=$line; done; [ -z "$pids" ] || kill -9 $pids';
      const remove = process.env['COMET_INTEROP_KEEP'] === '1' ? '' : '; sleep 1; rm -rf "$0"*';
      const args = ['-c', `${kill}${remove}`, runFolders];
      this.#shell = spawn('sh', args, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
      this.#shell.unref();
      (this.#shell.stdin as unknown as { unref(): void }).unref();
    }
    this.#shell.stdin?.write(`${[...this.#pids].join(' ')}\n`);
  }
}

export const reaper = new Reaper();
