import fs from 'node:fs';
import { dirname } from 'node:path';
import type { Disk, DiskFile, DiskSpace, OpenMode } from './disk.ts';

const FLAGS: Readonly<Record<OpenMode, number>> = {
  read: fs.constants.O_RDONLY,
  update: fs.constants.O_RDWR,
  create: fs.constants.O_RDWR | fs.constants.O_CREAT,
};

class NodeDiskFile implements DiskFile {
  readonly #descriptor: number;
  readonly #path: string;

  constructor(descriptor: number, path: string) {
    this.#descriptor = descriptor;
    this.#path = path;
  }

  writeSync(bytes: Uint8Array, start: number, length: number, position: number): void {
    let written = 0;
    while (written < length) {
      const count = fs.writeSync(
        this.#descriptor,
        bytes,
        start + written,
        length - written,
        position + written,
      );
      if (count === 0) throw this.#noProgress();
      written += count;
    }
  }

  async write(bytes: Uint8Array, start: number, length: number, position: number): Promise<void> {
    let written = 0;
    while (written < length) {
      const from = start + written;
      const count = await new Promise<number>((resolve, reject) => {
        fs.write(this.#descriptor, bytes, from, length - written, position + written, (error, n) => {
          if (error) reject(error);
          else resolve(n);
        });
      });
      if (count === 0) throw this.#noProgress();
      written += count;
    }
  }

  readSync(into: Uint8Array, start: number, length: number, position: number): number {
    let total = 0;
    while (total < length) {
      const count = fs.readSync(this.#descriptor, into, start + total, length - total, position + total);
      if (count === 0) break;
      total += count;
    }
    return total;
  }

  async read(into: Uint8Array, start: number, length: number, position: number): Promise<number> {
    let total = 0;
    while (total < length) {
      const from = start + total;
      const count = await new Promise<number>((resolve, reject) => {
        fs.read(this.#descriptor, into, from, length - total, position + total, (error, n) => {
          if (error) reject(error);
          else resolve(n);
        });
      });
      if (count === 0) break;
      total += count;
    }
    return total;
  }

  datasyncSync(): void {
    fs.fdatasyncSync(this.#descriptor);
  }

  datasync(): Promise<void> {
    return settle((done) => {
      fs.fdatasync(this.#descriptor, done);
    });
  }

  truncate(sizeBytes: number): Promise<void> {
    return settle((done) => {
      fs.ftruncate(this.#descriptor, sizeBytes, done);
    });
  }

  sizeSync(): number {
    return fs.fstatSync(this.#descriptor).size;
  }

  close(): Promise<void> {
    return settle((done) => {
      fs.close(this.#descriptor, done);
    });
  }

  #noProgress(): Error {
    return new Error(`write to ${this.#path} made no progress`);
  }
}

function settle(start: (done: (error: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** The machine's real disk. */
export class NodeDisk implements Disk {
  openSync(path: string, mode: OpenMode): DiskFile {
    return new NodeDiskFile(fs.openSync(path, FLAGS[mode], 0o640), path);
  }

  listSync(directory: string): string[] {
    return fs.existsSync(directory) ? fs.readdirSync(directory).sort() : [];
  }

  existsSync(path: string): boolean {
    return fs.existsSync(path);
  }

  makeDirectorySync(directory: string): void {
    // Not Node's `recursive`: it never returns below /proc, and says ENOENT for a read-only file system.
    if (fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory() === true) return;
    if (dirname(directory) !== directory) this.makeDirectorySync(dirname(directory));
    try {
      fs.mkdirSync(directory, { mode: 0o750 });
    } catch (error) {
      // Somebody else made it meanwhile.
      if (fs.statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) throw error;
    }
  }

  async syncDirectory(directory: string): Promise<void> {
    const handle = await fs.promises.open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  rename(from: string, to: string): Promise<void> {
    return fs.promises.rename(from, to);
  }

  remove(path: string): Promise<void> {
    return fs.promises.rm(path, { force: true });
  }

  removeTree(directory: string): Promise<void> {
    return fs.promises.rm(directory, { force: true, recursive: true });
  }

  async space(path: string): Promise<DiskSpace> {
    const stats = await fs.promises.statfs(path);
    return { totalBytes: stats.blocks * stats.bsize, freeBytes: stats.bavail * stats.bsize };
  }
}
