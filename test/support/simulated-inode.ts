import type { SeededRandom } from './seeded-random.ts';

/** What a disk writes as a whole. */
export const SECTOR_SIZE = 512;

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

  read(into: Uint8Array, start: number, length: number, position: number): number {
    const count = Math.max(0, Math.min(length, this.#size - position));
    into.set(this.#bytes.subarray(position, position + count), start);
    return count;
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

/** A file without its name: what a reader sees, what is durable, and the changes between the two. */
export class SimulatedInode {
  /** Blocks that were written at least once: what the file takes of the disk. */
  readonly blocks = new Set<number>();
  /** Content of the last sync. Never changed in place: clones share it. */
  #synced: Buffer = Buffer.alloc(0);
  #pending: Change[] = [];
  /** Changes that became durable, ever: marks stay comparable while syncs pass. */
  #dropped = 0;
  /** Undefined in a clone until somebody looks. */
  #view: Content | undefined;

  get size(): number {
    return this.#current.size;
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

  content(): Buffer {
    return this.#current.copy();
  }

  read(into: Uint8Array, start: number, length: number, position: number): number {
    return this.#current.read(into, start, length, position);
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
    if (count === this.#pending.length) {
      this.#synced = this.#current.copy();
    } else {
      const durable = new Content(Buffer.from(this.#synced));
      for (const change of this.#pending.slice(0, count)) durable.apply(change);
      this.#synced = durable.copy();
    }
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
    copy.#pending = [...this.#pending];
    copy.#dropped = this.#dropped;
    for (const block of this.blocks) copy.blocks.add(block);
    return copy;
  }

  /** What is left of it: each unsynced sector survives with this share, the last one perhaps as garbage. */
  crashed(random: SeededRandom, share: number): SimulatedInode {
    const survives = (): boolean => share >= 1 || (share > 0 && random.below(1000) < share * 1000);
    const content = new Content(Buffer.from(this.#synced));
    for (const change of this.#pending) {
      if (change.kind === 'truncate') {
        if (survives()) content.apply(change);
        continue;
      }
      const end = change.position + change.bytes.length;
      for (let at = change.position; at < end;) {
        const next = Math.min(end, (Math.floor(at / SECTOR_SIZE) + 1) * SECTOR_SIZE);
        const bytes = change.bytes.subarray(at - change.position, next - change.position);
        if (survives()) content.apply({ kind: 'write', position: at, bytes });
        at = next;
      }
    }
    this.#addGarbage(content, random, share);
    const copy = new SimulatedInode();
    copy.#synced = content.copy();
    copy.#view = content;
    for (const block of this.blocks) copy.blocks.add(block);
    return copy;
  }

  /** The sector that was being written when the power went. */
  #addGarbage(content: Content, random: SeededRandom, share: number): void {
    const last = this.#pending.at(-1);
    if (last?.kind !== 'write' || share === 0 || share >= 1 || random.below(2) === 0) return;
    const lastByte = last.position + last.bytes.length - 1;
    const position = Math.max(last.position, Math.floor(lastByte / SECTOR_SIZE) * SECTOR_SIZE);
    content.apply({ kind: 'write', position, bytes: random.bytes(lastByte + 1 - position) });
  }

  #apply(change: Change): void {
    this.#current.apply(change);
    this.#pending.push(change);
  }

  get #current(): Content {
    if (this.#view !== undefined) return this.#view;
    const view = new Content(Buffer.from(this.#synced));
    for (const change of this.#pending) view.apply(change);
    this.#view = view;
    return view;
  }
}
