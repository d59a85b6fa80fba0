import { dirname } from 'node:path';
import type { Disk, DiskFile, DiskSpace, OpenMode } from '@cometmq/common/disk/disk';

/** Small files in memory. `crash` keeps only what a real disk would: synced content under synced names. */
export class FakeDisk implements Disk {
  readonly files = new Map<string, Content>();
  #durable = new Map<string, Buffer>();
  /** The next writes fail with this. */
  failure: Error | undefined;

  openSync(path: string, mode: OpenMode): DiskFile {
    let content = this.files.get(path);
    if (content === undefined) {
      if (mode !== 'create') throw new Error(`ENOENT: ${path}`);
      content = new Content(this);
      this.files.set(path, content);
    }
    return content;
  }

  listSync(directory: string): string[] {
    return [...this.files.keys()].filter((path) => dirname(path) === directory).sort();
  }

  existsSync(path: string): boolean {
    return this.files.has(path);
  }

  makeDirectorySync(): void {}

  syncDirectory(directory: string): Promise<void> {
    for (const path of [...this.#durable.keys()]) if (dirname(path) === directory) this.#durable.delete(path);
    for (const [path, content] of this.files) {
      if (dirname(path) === directory) this.#durable.set(path, content.synced);
    }
    return Promise.resolve();
  }

  rename(from: string, to: string): Promise<void> {
    const content = this.files.get(from);
    if (content === undefined) return Promise.reject(new Error(`ENOENT: ${from}`));
    this.files.delete(from);
    this.files.set(to, content);
    return Promise.resolve();
  }

  remove(path: string): Promise<void> {
    this.files.delete(path);
    return Promise.resolve();
  }

  removeTree(): Promise<void> {
    return Promise.reject(new Error('not needed'));
  }

  space(): Promise<DiskSpace> {
    return Promise.resolve({ totalBytes: 1e9, freeBytes: 1e9 });
  }

  crash(): void {
    this.files.clear();
    for (const [path, bytes] of this.#durable) this.put(path, bytes);
  }

  put(path: string, bytes: Buffer): void {
    const content = new Content(this);
    content.bytes = bytes;
    content.synced = bytes;
    this.files.set(path, content);
  }

  text(path: string): string {
    return this.files.get(path)?.bytes.toString('utf8') ?? '';
  }
}

class Content implements DiskFile {
  readonly #disk: FakeDisk;
  bytes: Buffer = Buffer.alloc(0);
  synced: Buffer = Buffer.alloc(0);

  constructor(disk: FakeDisk) {
    this.#disk = disk;
  }

  writeSync(bytes: Uint8Array, start: number, length: number, position: number): void {
    if (this.#disk.failure) throw this.#disk.failure;
    const grown = Buffer.alloc(Math.max(this.bytes.length, position + length));
    this.bytes.copy(grown);
    Buffer.from(bytes.subarray(start, start + length)).copy(grown, position);
    this.bytes = grown;
  }

  write(bytes: Uint8Array, start: number, length: number, position: number): Promise<void> {
    return Promise.resolve().then(() => this.writeSync(bytes, start, length, position));
  }

  readSync(into: Uint8Array, start: number, length: number, position: number): number {
    const part = this.bytes.subarray(position, position + length);
    into.set(part, start);
    return part.length;
  }

  read(into: Uint8Array, start: number, length: number, position: number): Promise<number> {
    return Promise.resolve(this.readSync(into, start, length, position));
  }

  datasyncSync(): void {
    this.synced = this.bytes;
  }

  datasync(): Promise<void> {
    this.datasyncSync();
    return Promise.resolve();
  }

  truncate(sizeBytes: number): Promise<void> {
    this.bytes = this.bytes.subarray(0, sizeBytes);
    return Promise.resolve();
  }

  sizeSync(): number {
    return this.bytes.length;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
