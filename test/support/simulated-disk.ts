import { hash } from 'node:crypto';
import type { Disk, DiskFile, DiskSpace, OpenMode } from '@cometmq/common/disk/disk';
import { randomSurvival, subsetSurvival } from './crash-survival.ts';
import { BLOCK_SIZE, SimulatedInode } from './simulated-inode.ts';
import { SimulatedNames, parentOf } from './simulated-names.ts';

export type DiskOperationKind =
  | 'create'
  | 'write'
  | 'datasync'
  | 'truncate'
  | 'makeDirectory'
  | 'syncDirectory'
  | 'rename'
  | 'remove'
  | 'open'
  | 'read';

/** What is about to happen; a hook that throws makes it fail. */
export interface DiskOperation {
  /** Counts all operations that change something, from 1. */
  readonly number: number;
  readonly kind: DiskOperationKind;
  readonly path: string;
  /** Bytes that are read or written. */
  readonly size: number;
}

/** What survives. The same choice gives the same disk. */
export type CrashChoice =
  | {
      readonly seed: number;
      /** Share of unsynced sectors and names that survive, 0 to 1; by default the seed decides. */
      readonly keep?: number;
    }
  /** Bit for bit the pieces of `unsyncedPieces` that survive; with the bit behind them a sector is torn. */
  | { readonly subset: number };

const CHANGING: ReadonlySet<DiskOperationKind> = new Set<DiskOperationKind>([
  'create',
  'write',
  'datasync',
  'truncate',
  'makeDirectory',
  'syncDirectory',
  'rename',
  'remove',
]);

/**
 * A disk in memory that knows what is durable: file content after `datasync`, names after `syncDirectory`. `crash`
 * gives the disk as a machine finds it after a power cut. Deterministic.
 */
export class SimulatedDisk implements Disk {
  #names = new SimulatedNames();
  #operations = 0;
  #openFiles = 0;
  /** Called before each operation; throwing makes it fail. */
  hook: ((operation: DiskOperation) => void) | undefined;
  /** Asynchronous operations that wait for this. Undefined lets them pass. */
  gate: ((operation: DiskOperation) => Promise<void> | undefined) | undefined;
  /** Undefined: endless. */
  capacityBytes: number | undefined;

  /** Operations so far that changed something. */
  get operations(): number {
    return this.#operations;
  }

  /** Files that are open now. */
  get openFiles(): number {
    return this.#openFiles;
  }

  /** Makes the operation `count` from now fail once with `code`; only operations of `kinds` count, if given. */
  failNext(count: number, code: 'EIO' | 'ENOSPC', kinds?: readonly DiskOperationKind[]): void {
    let left = count;
    this.hook = (operation) => {
      if (!(kinds?.includes(operation.kind) ?? CHANGING.has(operation.kind))) return;
      if (--left === 0) throw diskError(code, operation);
    };
  }

  /** The disk after the power went. What was not synced survives in part, at the grain of sectors. */
  crash(choice: CrashChoice): SimulatedDisk {
    const survival =
      'subset' in choice
        ? subsetSurvival(choice.subset, this.unsyncedPieces)
        : randomSurvival(choice.seed, choice.keep);
    const after = new SimulatedDisk();
    after.capacityBytes = this.capacityBytes;
    after.#names = this.#names.crashed(survival);
    return after;
  }

  /** Sectors, truncations and changes of names that a crash now may take, each by itself. */
  get unsyncedPieces(): number {
    let pieces = this.#names.changeCount;
    for (const node of this.#names.nodes()) pieces += node.unsyncedPieces;
    return pieces;
  }

  /** Tells images apart; only of a disk that comes from a crash, before anything is changed. */
  get imageDigest(): string {
    const files: string[] = [];
    for (const [path, node] of this.#names.entries())
      files.push(node === 'directory' ? path : `${path} ${node.digest}`);
    return hash('sha1', files.sort().join('\n'), 'base64');
  }

  /** The same disk with the same unsynced changes, to crash or to go on from later. */
  clone(): SimulatedDisk {
    const copy = new SimulatedDisk();
    copy.#names = this.#names.clone();
    copy.capacityBytes = this.capacityBytes;
    return copy;
  }

  /** All files with their content as a reader sees it. */
  files(): Map<string, Buffer> {
    const files = new Map<string, Buffer>();
    for (const [path, node] of this.#names.entries())
      if (node !== 'directory') files.set(path, node.content());
    return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Changes bytes behind the store's back, durably. */
  damage(path: string, position: number, bytes: Uint8Array): void {
    this.#inode(path).overwrite(position, bytes);
  }

  /** Cuts a file behind the store's back, durably. */
  cut(path: string, sizeBytes: number): void {
    this.#inode(path).cut(sizeBytes);
  }

  /** Removes a file or a directory behind the store's back, durably. */
  lose(path: string): void {
    this.#names.lose(path);
  }

  openSync(path: string, mode: OpenMode): DiskFile {
    const present = this.#names.get(path);
    if (present === 'directory') throw diskError('EISDIR', { kind: 'open', path });
    let inode = present;
    if (inode === undefined) {
      if (mode !== 'create') throw diskError('ENOENT', { kind: 'open', path });
      this.#requireDirectory(parentOf(path));
      this.#begin('create', path);
      inode = new SimulatedInode();
      this.#names.change({ kind: 'set', path, node: inode });
    } else {
      this.#begin('open', path);
    }
    this.#openFiles++;
    return this.#file(path, inode, mode);
  }

  listSync(directory: string): string[] {
    return this.#names.list(directory);
  }

  existsSync(path: string): boolean {
    return this.#names.has(path);
  }

  makeDirectorySync(directory: string): void {
    if (this.#names.has(directory)) return;
    this.makeDirectorySync(parentOf(directory));
    this.#begin('makeDirectory', directory);
    this.#names.change({ kind: 'set', path: directory, node: 'directory' });
  }

  async syncDirectory(directory: string): Promise<void> {
    this.#requireDirectory(directory);
    await this.#beginLater('syncDirectory', directory);
    this.#names.sync(directory);
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#beginLater('rename', from);
    const node = this.#names.get(from);
    if (node === undefined || node === 'directory') throw diskError('ENOENT', { kind: 'rename', path: from });
    this.#names.change({ kind: 'rename', from, to, node });
  }

  async remove(path: string): Promise<void> {
    if (!this.#names.has(path)) return;
    await this.#beginLater('remove', path);
    this.#names.change({ kind: 'delete', path });
  }

  async removeTree(directory: string): Promise<void> {
    for (const path of this.#names.inside(directory).sort().reverse()) await this.remove(path);
  }

  space(): Promise<DiskSpace> {
    const total = this.capacityBytes ?? 2 ** 40;
    return Promise.resolve({ totalBytes: total, freeBytes: Math.max(0, total - this.#usedBytes()) });
  }

  #file(path: string, inode: SimulatedInode, mode: OpenMode): DiskFile {
    let isOpen = true;
    const check = (): void => {
      if (!isOpen) throw diskError('EBADF', { kind: 'write', path });
    };
    const write = (bytes: Uint8Array, start: number, length: number, position: number): void => {
      if (mode === 'read') throw diskError('EBADF', { kind: 'write', path });
      this.#allocate(inode, position, length, path);
      inode.write(position, bytes.subarray(start, start + length));
    };
    return {
      writeSync: (bytes, start, length, position) => {
        check();
        this.#begin('write', path, length);
        write(bytes, start, length, position);
      },
      write: async (bytes, start, length, position) => {
        check();
        await this.#beginLater('write', path, length);
        write(bytes, start, length, position);
      },
      readSync: (into, start, length, position) => {
        check();
        this.#begin('read', path, length);
        return inode.read(into, start, length, position);
      },
      read: async (into, start, length, position) => {
        check();
        await this.#beginLater('read', path, length);
        return inode.read(into, start, length, position);
      },
      datasyncSync: () => {
        check();
        try {
          this.#begin('datasync', path);
        } catch (error) {
          inode.failSync(inode.pendingCount);
          throw error;
        }
        inode.sync(inode.pendingCount);
      },
      datasync: async () => {
        check();
        const covered = inode.pendingMark;
        try {
          await this.#beginLater('datasync', path);
        } catch (error) {
          inode.failSync(covered - inode.droppedMark);
          throw error;
        }
        inode.sync(covered - inode.droppedMark);
      },
      truncate: async (sizeBytes) => {
        check();
        await this.#beginLater('truncate', path);
        inode.truncate(sizeBytes);
      },
      sizeSync: () => {
        check();
        return inode.size;
      },
      close: () => {
        if (isOpen) this.#openFiles--;
        isOpen = false;
        return Promise.resolve();
      },
    };
  }

  #begin(kind: DiskOperationKind, path: string, size = 0): DiskOperation {
    const operation = { number: this.#operations + 1, kind, path, size };
    this.hook?.(operation);
    if (CHANGING.has(kind)) this.#operations++;
    return operation;
  }

  async #beginLater(kind: DiskOperationKind, path: string, size = 0): Promise<void> {
    const waiting = this.gate?.({ number: this.#operations + 1, kind, path, size });
    await waiting;
    this.#begin(kind, path, size);
  }

  #requireDirectory(path: string): void {
    if (this.#names.get(path) !== 'directory') throw diskError('ENOENT', { kind: 'open', path });
  }

  #inode(path: string): SimulatedInode {
    const node = this.#names.get(path);
    if (node === undefined || node === 'directory') throw new Error(`no file ${path}`);
    return node;
  }

  #allocate(inode: SimulatedInode, position: number, length: number, path: string): void {
    const fresh = inode.newBlocks(position, length);
    if (fresh.length === 0) return;
    if (
      this.capacityBytes !== undefined &&
      this.#usedBytes() + fresh.length * BLOCK_SIZE > this.capacityBytes
    ) {
      throw diskError('ENOSPC', { kind: 'write', path });
    }
    inode.takeBlocks(fresh);
  }

  #usedBytes(): number {
    let bytes = 0;
    for (const node of new Set([...this.#names.entries()].map(([, node]) => node)))
      if (node !== 'directory') bytes += node.usedBytes;
    return bytes;
  }
}

function diskError(code: string, { kind, path }: Pick<DiskOperation, 'kind' | 'path'>): Error {
  return Object.assign(new Error(`${code}: ${kind} '${path}'`), { code });
}
