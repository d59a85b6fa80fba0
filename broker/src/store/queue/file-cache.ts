import type { Disk, DiskFile } from '@cometmq/common/disk/disk';

/** Keeps the most recently used files of thousands of queues open, and not more than that. */
export class FileCache {
  readonly #disk: Disk;
  readonly #capacity: number;
  /** In order of last use. */
  readonly #open = new Map<string, DiskFile>();
  /** Files with an operation under way off the event loop: closing one would hand its descriptor to somebody else. */
  readonly #busy = new Map<string, number>();

  constructor(disk: Disk, capacity: number) {
    this.#disk = disk;
    this.#capacity = capacity;
  }

  /** The file, created when missing. For synchronous use in the same turn: it may be closed once others were opened. */
  open(path: string): DiskFile {
    let file = this.#open.get(path);
    if (file === undefined) {
      if (this.#open.size >= this.#capacity) this.#evict();
      file = this.#disk.openSync(path, 'create');
    } else {
      this.#open.delete(path);
    }
    this.#open.set(path, file);
    return file;
  }

  /** Works on the file off the event loop and keeps it open meanwhile. */
  async use<T>(path: string, work: (file: DiskFile) => Promise<T>): Promise<T> {
    this.#busy.set(path, (this.#busy.get(path) ?? 0) + 1);
    try {
      return await work(this.open(path));
    } finally {
      const left = (this.#busy.get(path) ?? 1) - 1;
      if (left === 0) this.#busy.delete(path);
      else this.#busy.set(path, left);
    }
  }

  /** Closes the file before it is removed. */
  async forget(path: string): Promise<void> {
    const file = this.#open.get(path);
    this.#open.delete(path);
    await file?.close();
  }

  async close(): Promise<void> {
    for (const file of this.#open.values()) await file.close();
    this.#open.clear();
  }

  #evict(): void {
    for (const [path, file] of this.#open) {
      if (this.#busy.has(path)) continue;
      this.#open.delete(path);
      void file.close();
      return;
    }
  }
}
