import type { Disk, DiskFile, DiskSpace, OpenMode } from '@cometmq/common/disk/disk';
import type { SimulatedDisk } from './simulated-disk.ts';

/** Calls of the `Disk` port that can fail on a real machine. */
export const CALLS = [
  'open',
  'makeDirectory',
  'write',
  'read',
  'datasync',
  'truncate',
  'rename',
  'remove',
  'syncDirectory',
] as const;
export type Call = (typeof CALLS)[number];

/** `short` writes half of the bytes and then finds the disk full. */
export type FaultKind = 'EIO' | 'ENOSPC' | 'short';

export interface Fault {
  /** Counts all calls from 1. */
  readonly number: number;
  readonly kind: FaultKind;
}

export interface Made {
  readonly call: Call;
  readonly path: string;
}

/** A simulated disk of which one call fails, once. Tests set `fault` and look at `calls` and `failed`. */
export class FaultyDisk implements Disk {
  readonly inner: SimulatedDisk;
  readonly #fault: Fault | undefined;
  /** Every call so far, when the calls are only counted. */
  readonly calls: Made[] = [];
  #count = 0;
  failed: Made | undefined;

  constructor(inner: SimulatedDisk, fault: Fault | undefined) {
    this.inner = inner;
    this.#fault = fault;
  }

  openSync(path: string, mode: OpenMode): DiskFile {
    this.#check('open', path);
    return this.#file(path, this.inner.openSync(path, mode));
  }

  listSync(directory: string): string[] {
    return this.inner.listSync(directory);
  }

  existsSync(path: string): boolean {
    return this.inner.existsSync(path);
  }

  makeDirectorySync(directory: string): void {
    if (!this.inner.existsSync(directory)) this.#check('makeDirectory', directory);
    this.inner.makeDirectorySync(directory);
  }

  async syncDirectory(directory: string): Promise<void> {
    await Promise.resolve();
    this.#check('syncDirectory', directory);
    await this.inner.syncDirectory(directory);
  }

  async rename(from: string, to: string): Promise<void> {
    await Promise.resolve();
    this.#check('rename', from);
    await this.inner.rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await Promise.resolve();
    if (this.inner.existsSync(path)) this.#check('remove', path);
    await this.inner.remove(path);
  }

  async removeTree(directory: string): Promise<void> {
    await Promise.resolve();
    if (this.inner.existsSync(directory)) this.#check('remove', directory);
    await this.inner.removeTree(directory);
  }

  space(): Promise<DiskSpace> {
    return this.inner.space();
  }

  #file(path: string, file: DiskFile): DiskFile {
    const writeSync: DiskFile['writeSync'] = (bytes, start, length, position) => {
      this.#check('write', path, () => {
        file.writeSync(bytes, start, length >> 1, position);
      });
      file.writeSync(bytes, start, length, position);
    };
    return {
      writeSync,
      write: async (bytes, start, length, position) => {
        await Promise.resolve();
        this.#check('write', path, () => {
          file.writeSync(bytes, start, length >> 1, position);
        });
        await file.write(bytes, start, length, position);
      },
      readSync: (into, start, length, position) => {
        this.#check('read', path);
        return file.readSync(into, start, length, position);
      },
      read: async (into, start, length, position) => {
        await Promise.resolve();
        this.#check('read', path);
        return file.read(into, start, length, position);
      },
      datasyncSync: () => {
        if (this.#fails('datasync', path)) this.#failNextSync(path);
        file.datasyncSync();
      },
      datasync: async () => {
        await Promise.resolve();
        if (this.#fails('datasync', path)) this.#failNextSync(path);
        await file.datasync();
      },
      truncate: async (sizeBytes) => {
        await Promise.resolve();
        this.#check('truncate', path);
        await file.truncate(sizeBytes);
      },
      sizeSync: () => file.sizeSync(),
      close: () => file.close(),
    };
  }

  #check(call: Call, path: string, writeHalf?: () => void): void {
    if (!this.#fails(call, path)) return;
    if (this.#fault?.kind === 'short') writeHalf?.();
    throw this.#error(call, path);
  }

  #fails(call: Call, path: string): boolean {
    this.#count++;
    if (this.#fault === undefined) {
      this.calls.push({ call, path });
      return false;
    }
    if (this.#count !== this.#fault.number) return false;
    this.failed = { call, path };
    return true;
  }

  /** The disk itself fails, because it then takes what was not synced for clean. */
  #failNextSync(path: string): void {
    this.inner.hook = (operation) => {
      if (operation.kind !== 'datasync' || operation.path !== path) return;
      this.inner.hook = undefined;
      throw this.#error('datasync', path);
    };
  }

  #error(call: Call, path: string): Error {
    const code = this.#fault?.kind === 'EIO' ? 'EIO' : 'ENOSPC';
    return Object.assign(new Error(`${code}: ${call} '${path}'`), { code });
  }
}

/** Which faults a call can meet: a full disk is met by what needs room. */
export function faultsOf({ call }: Made): readonly FaultKind[] {
  if (call === 'write') return ['EIO', 'ENOSPC', 'short'];
  return call === 'open' || call === 'makeDirectory' ? ['EIO', 'ENOSPC'] : ['EIO'];
}
