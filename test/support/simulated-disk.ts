import { dirname } from 'node:path';
import type { Disk, DiskFile, DiskSpace, OpenMode } from '@cometmq/common/disk/disk';
import { SeededRandom } from './seeded-random.ts';
import { SimulatedInode } from './simulated-inode.ts';

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

/** A change of names that a directory sync makes durable. */
type NameChange =
  | { readonly kind: 'set'; readonly path: string; readonly node: SimulatedInode | 'directory' }
  | { readonly kind: 'delete'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly node: SimulatedInode };

export interface CrashOptions {
  /** Decides what survives; the same seed gives the same disk. */
  readonly seed: number;
  /** Share of unsynced sectors and names that survive, 0 to 1; by default the seed decides. */
  readonly keep?: number;
}

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
const BLOCK_SIZE = 4096;

/**
 * A disk in memory that knows what is durable: file content after `datasync`, names after `syncDirectory`. `crash`
 * gives the disk as a machine finds it after a power cut. Deterministic.
 */
export class SimulatedDisk implements Disk {
  #names = new Map<string, SimulatedInode | 'directory'>([['/', 'directory']]);
  #durableNames = new Map(this.#names);
  #nameChanges: NameChange[] = [];
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
  crash({ seed, keep }: CrashOptions): SimulatedDisk {
    const random = new SeededRandom(seed * 7919 + 17);
    const share = keep ?? [0, 1, 0.5, random.below(100) / 100][seed % 4] ?? 0.5;
    const survives = (): boolean => random.below(1000) < share * 1000;
    const after = new SimulatedDisk();
    after.capacityBytes = this.capacityBytes;
    const names = new Map(this.#durableNames);
    for (const change of this.#nameChanges) if (survives()) applyName(names, change);
    const copies = new Map<SimulatedInode, SimulatedInode>();
    for (const [path, node] of names) {
      if (!hasParents(names, path)) continue;
      let copy = node;
      if (node !== 'directory') {
        copy = copies.get(node) ?? node.crashed(random, share);
        copies.set(node, copy);
      }
      after.#names.set(path, copy);
      after.#durableNames.set(path, copy);
    }
    return after;
  }

  /** The same disk with the same unsynced changes, to crash or to go on from later. */
  clone(): SimulatedDisk {
    const copy = new SimulatedDisk();
    const copies = new Map<SimulatedInode, SimulatedInode>();
    const of = <T extends SimulatedInode | 'directory'>(node: T): T => {
      if (node === 'directory') return node;
      let made = copies.get(node);
      if (made === undefined) copies.set(node, (made = node.clone()));
      return made as T;
    };
    copy.#names = new Map([...this.#names].map(([path, node]) => [path, of(node)]));
    copy.#durableNames = new Map([...this.#durableNames].map(([path, node]) => [path, of(node)]));
    copy.#nameChanges = this.#nameChanges.map(
      (change) => ('node' in change ? { ...change, node: of(change.node) } : change) as NameChange,
    );
    copy.capacityBytes = this.capacityBytes;
    return copy;
  }

  /** All files with their content as a reader sees it. */
  files(): Map<string, Buffer> {
    const files = new Map<string, Buffer>();
    for (const [path, node] of this.#names) if (node !== 'directory') files.set(path, node.content());
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
    for (const names of [this.#names, this.#durableNames]) {
      for (const name of [...names.keys()])
        if (name === path || name.startsWith(`${path}/`)) names.delete(name);
    }
    this.#nameChanges = this.#nameChanges.filter(
      (change) => !pathsOf(change).some((p) => p === path || p.startsWith(`${path}/`)),
    );
  }

  openSync(path: string, mode: OpenMode): DiskFile {
    const present = this.#names.get(path);
    if (present === 'directory') throw diskError('EISDIR', { kind: 'open', path });
    let inode = present;
    if (inode === undefined) {
      if (mode !== 'create') throw diskError('ENOENT', { kind: 'open', path });
      this.#requireDirectory(dirname(path));
      this.#begin('create', path);
      inode = new SimulatedInode();
      this.#change({ kind: 'set', path, node: inode });
    } else {
      this.#begin('open', path);
    }
    this.#openFiles++;
    return this.#file(path, inode, mode);
  }

  listSync(directory: string): string[] {
    const prefix = directory === '/' ? '/' : `${directory}/`;
    const names: string[] = [];
    for (const path of this.#names.keys()) {
      if (path !== '/' && path.startsWith(prefix) && !path.slice(prefix.length).includes('/'))
        names.push(path.slice(prefix.length));
    }
    return names.sort();
  }

  existsSync(path: string): boolean {
    return this.#names.has(path);
  }

  makeDirectorySync(directory: string): void {
    if (this.#names.has(directory)) return;
    this.makeDirectorySync(dirname(directory));
    this.#begin('makeDirectory', directory);
    this.#change({ kind: 'set', path: directory, node: 'directory' });
  }

  async syncDirectory(directory: string): Promise<void> {
    this.#requireDirectory(directory);
    await this.#beginLater('syncDirectory', directory);
    const left: NameChange[] = [];
    for (const change of this.#nameChanges) {
      if (pathsOf(change).some((path) => dirname(path) === directory)) applyName(this.#durableNames, change);
      else left.push(change);
    }
    this.#nameChanges = left;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#beginLater('rename', from);
    const node = this.#names.get(from);
    if (node === undefined || node === 'directory') throw diskError('ENOENT', { kind: 'rename', path: from });
    this.#change({ kind: 'rename', from, to, node });
  }

  async remove(path: string): Promise<void> {
    if (!this.#names.has(path)) return;
    await this.#beginLater('remove', path);
    this.#change({ kind: 'delete', path });
  }

  async removeTree(directory: string): Promise<void> {
    const inside = [...this.#names.keys()].filter(
      (path) => path === directory || path.startsWith(`${directory}/`),
    );
    for (const path of inside.sort().reverse()) await this.remove(path);
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
        this.#begin('datasync', path);
        inode.sync(inode.pendingCount);
      },
      datasync: async () => {
        check();
        const covered = inode.pendingMark;
        await this.#beginLater('datasync', path);
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

  #change(change: NameChange): void {
    applyName(this.#names, change);
    this.#nameChanges.push(change);
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
    const fresh: number[] = [];
    for (let block = Math.floor(position / BLOCK_SIZE); block * BLOCK_SIZE < position + length; block++) {
      if (!inode.blocks.has(block)) fresh.push(block);
    }
    if (fresh.length === 0) return;
    if (
      this.capacityBytes !== undefined &&
      this.#usedBytes() + fresh.length * BLOCK_SIZE > this.capacityBytes
    ) {
      throw diskError('ENOSPC', { kind: 'write', path });
    }
    for (const block of fresh) inode.blocks.add(block);
  }

  #usedBytes(): number {
    let blocks = 0;
    for (const node of new Set(this.#names.values())) if (node !== 'directory') blocks += node.blocks.size;
    return blocks * BLOCK_SIZE;
  }
}

function applyName(names: Map<string, SimulatedInode | 'directory'>, change: NameChange): void {
  if (change.kind === 'rename') {
    names.delete(change.from);
    names.set(change.to, change.node);
  } else if (change.kind === 'set') names.set(change.path, change.node);
  else names.delete(change.path);
}

function pathsOf(change: NameChange): string[] {
  return change.kind === 'rename' ? [change.from, change.to] : [change.path];
}

function hasParents(names: ReadonlyMap<string, unknown>, path: string): boolean {
  for (let parent = dirname(path); parent !== '/'; parent = dirname(parent))
    if (!names.has(parent)) return false;
  return true;
}

function diskError(code: string, { kind, path }: Pick<DiskOperation, 'kind' | 'path'>): Error {
  return Object.assign(new Error(`${code}: ${kind} '${path}'`), { code });
}
