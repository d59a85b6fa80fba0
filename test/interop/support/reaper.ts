import { spawn, type ChildProcess } from 'node:child_process';

/**
 * Kills our children when this process has gone, however it went: a shell holds the newest list of process ids and
 * acts when its stdin closes.
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
      const script = 'while read -r line; do pids=$line; done; [ -z "$pids" ] || kill -9 $pids';
      this.#shell = spawn('sh', ['-c', script], { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
      this.#shell.unref();
      (this.#shell.stdin as unknown as { unref(): void }).unref();
    }
    this.#shell.stdin?.write(`${[...this.#pids].join(' ')}\n`);
  }
}

export const reaper = new Reaper();
