import { hash } from 'node:crypto';
import type { Survival } from './crash-survival.ts';

/** What a disk writes as a whole. */
export const SECTOR_SIZE = 512;
/** What a file system gives to files. */
export const BLOCK_SIZE = 4096;

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly size: number };

/** Bytes that grow on demand; what was never written is zero. */
class Content {
  #bytes: Buffer;
  #size: number;

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#bytes = bytes;
    this.#size = bytes.length;
  }

  get size(): number {
    return this.#size;
  }

  copy(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#size));
  }

  /** The bytes themselves; nothing may be applied afterwards. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }

  read(into: Uint8Array, start: number, length: number, position: number): number {
    return readBytes(this.#bytes, this.#size, into, start, length, position);
  }

  apply(change: Change): void {
    if (change.kind === 'truncate') {
      this.#resize(change.size);
      return;
    }
    const end = change.position + change.bytes.length;
    if (end > this.#size) this.#resize(end);
    this.#bytes.set(change.bytes, change.position);
  }

  #resize(size: number): void {
    if (size < this.#size) this.#bytes.fill(0, size, this.#size);
    if (size > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(size, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#size);
      this.#bytes = larger;
    }
    this.#size = size;
  }
}

const EMPTY = Buffer.alloc(0);
/** Digests of synced contents, which never change. */
const digests = new WeakMap<Buffer, string>();

/** A file without its name: what a reader sees, what is durable, and the changes between the two. */
export class SimulatedInode {
  /** Blocks that were written at least once: what the file takes of the disk. Shared until it changes. */
  #blocks: ReadonlySet<number> = new Set<number>();
  /** Content of the last sync. Never changed in place: clones share it. */
  #synced: Buffer = EMPTY;
  #pending: Change[] = [];
  /** Changes that became durable, ever: marks stay comparable while syncs pass. */
  #dropped = 0;
  /** Undefined while nothing was changed, and in a clone until somebody looks. */
  #view: Content | undefined;
  /** A sync failed: readers see what no later sync will write, because the system takes those pages for clean. */
  #hasLost = false;

  get size(): number {
    return this.#current?.size ?? this.#synced.length;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  get pendingMark(): number {
    return this.#dropped + this.#pending.length;
  }

  get droppedMark(): number {
    return this.#dropped;
  }

  get usedBytes(): number {
    return this.#blocks.size * BLOCK_SIZE;
  }

  /** Unsynced pieces that survive a crash or not, each by itself. */
  get unsyncedPieces(): number {
    let pieces = 0;
    for (const change of this.#pending) {
      pieces +=
        change.kind === 'truncate' ? 1 : sectorsIn(change.position, change.position + change.bytes.length);
    }
    return pieces;
  }

  /** Tells contents apart; only of a file without unsynced changes. */
  get digest(): string {
    let digest = digests.get(this.#synced);
    if (digest === undefined) digests.set(this.#synced, (digest = hash('sha1', this.#synced, 'base64')));
    return digest;
  }

  content(): Buffer {
    return this.#current?.copy() ?? Buffer.from(this.#synced);
  }

  read(into: Uint8Array, start: number, length: number, position: number): number {
    const current = this.#current;
    if (current !== undefined) return current.read(into, start, length, position);
    return readBytes(this.#synced, this.#synced.length, into, start, length, position);
  }

  /** Blocks that a write would take in addition. */
  newBlocks(position: number, length: number): number[] {
    const fresh: number[] = [];
    for (let block = Math.floor(position / BLOCK_SIZE); block * BLOCK_SIZE < position + length; block++) {
      if (!this.#blocks.has(block)) fresh.push(block);
    }
    return fresh;
  }

  takeBlocks(fresh: readonly number[]): void {
    if (fresh.length > 0) this.#blocks = new Set([...this.#blocks, ...fresh]);
  }

  write(position: number, bytes: Uint8Array): void {
    this.#apply({ kind: 'write', position, bytes: Buffer.from(bytes) });
  }

  truncate(size: number): void {
    this.#apply({ kind: 'truncate', size });
  }

  /** Makes the oldest `count` changes durable. */
  sync(count: number): void {
    if (count <= 0) return;
    if (count === this.#pending.length && !this.#hasLost) {
      this.#synced = this.#current?.take() ?? this.#synced;
    } else {
      const durable = new Content(Buffer.from(this.#synced));
      for (const change of this.#pending.slice(0, count)) durable.apply(change);
      this.#synced = durable.take();
    }
    this.#pending = this.#pending.slice(count);
    if (this.#pending.length === 0 && !this.#hasLost) this.#view = undefined;
    this.#dropped += count;
  }

  /** A sync of the oldest `count` changes failed: they stay readable, and only a new write of the same makes them durable. */
  failSync(count: number): void {
    if (count <= 0 || this.#current === undefined) return;
    this.#hasLost = true;
    this.#pending = this.#pending.slice(count);
    this.#dropped += count;
  }

  overwrite(position: number, bytes: Uint8Array): void {
    this.write(position, bytes);
    this.sync(this.#pending.length);
  }

  cut(size: number): void {
    this.truncate(size);
    this.sync(this.#pending.length);
  }

  clone(): SimulatedInode {
    const copy = new SimulatedInode();
    copy.#synced = this.#synced;
    copy.#pending = this.#pending.length === 0 ? [] : [...this.#pending];
    copy.#dropped = this.#dropped;
    copy.#blocks = this.#blocks;
    copy.#hasLost = this.#hasLost;
    if (this.#hasLost) copy.#view = new Content(this.content());
    return copy;
  }

  /** What is left of it: each unsynced sector survives or not, the one that was being written perhaps as garbage. */
  crashed(survival: Survival): SimulatedInode {
    const copy = new SimulatedInode();
    copy.#blocks = this.#blocks;
    copy.#synced = this.#synced;
    if (this.#pending.length === 0) return copy;
    const content = new Content(Buffer.from(this.#synced));
    for (const change of this.#pending) {
      if (change.kind === 'truncate') {
        if (survival.survives()) content.apply(change);
        continue;
      }
      const end = change.position + change.bytes.length;
      for (let at = change.position; at < end;) {
        const next = Math.min(end, (Math.floor(at / SECTOR_SIZE) + 1) * SECTOR_SIZE);
        const bytes = change.bytes.subarray(at - change.position, next - change.position);
        if (survival.survives()) content.apply({ kind: 'write', position: at, bytes });
        at = next;
      }
    }
    this.#addGarbage(content, survival);
    copy.#synced = content.take();
    return copy;
  }

  /** The sector that was being written when the power went: all of it may be anything. */
  #addGarbage(content: Content, survival: Survival): void {
    const last = this.#pending.at(-1);
    if (last?.kind !== 'write' || last.bytes.length === 0 || !survival.isTorn()) return;
    const sectors = sectorsIn(last.position, last.position + last.bytes.length);
    const first = Math.floor(last.position / SECTOR_SIZE);
    const position = (first + survival.below(sectors)) * SECTOR_SIZE;
    const end = Math.min(position + SECTOR_SIZE, Math.max(content.size, last.position + last.bytes.length));
    content.apply({ kind: 'write', position, bytes: survival.garbage(end - position) });
  }

  #apply(change: Change): void {
    this.#pending.push(change);
    if (this.#view !== undefined) this.#view.apply(change);
  }

  /** What readers see when it differs from what is synced. */
  get #current(): Content | undefined {
    if (this.#view !== undefined || this.#pending.length === 0) return this.#view;
    const view = new Content(Buffer.from(this.#synced));
    for (const change of this.#pending) view.apply(change);
    this.#view = view;
    return view;
  }
}

function sectorsIn(start: number, end: number): number {
  return end <= start ? 0 : Math.floor((end - 1) / SECTOR_SIZE) - Math.floor(start / SECTOR_SIZE) + 1;
}

function readBytes(
  bytes: Buffer,
  size: number,
  into: Uint8Array,
  start: number,
  length: number,
  position: number,
): number {
  const count = Math.max(0, Math.min(length, size - position));
  into.set(bytes.subarray(position, position + count), start);
  return count;
}
