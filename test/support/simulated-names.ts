import { posix } from 'node:path';
import type { Survival } from './crash-survival.ts';
import type { SimulatedInode } from './simulated-inode.ts';

export type SimulatedNode = SimulatedInode | 'directory';

/** A change of names that a directory sync makes durable. */
export type NameChange =
  | { readonly kind: 'set'; readonly path: string; readonly node: SimulatedNode }
  | { readonly kind: 'delete'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string; readonly node: SimulatedInode };

/** Folders of paths that were asked for: a run asks for the same few again and again. */
const parents = new Map<string, string>();

export function parentOf(path: string): string {
  let parent = parents.get(path);
  if (parent === undefined) parents.set(path, (parent = posix.dirname(path)));
  return parent;
}

/** The directory tree: what a reader sees, what is durable, and the changes between the two. */
export class SimulatedNames {
  #names = new Map<string, SimulatedNode>([['/', 'directory']]);
  #durable = new Map(this.#names);
  #changes: NameChange[] = [];

  get(path: string): SimulatedNode | undefined {
    return this.#names.get(path);
  }

  has(path: string): boolean {
    return this.#names.has(path);
  }

  entries(): IterableIterator<[string, SimulatedNode]> {
    return this.#names.entries();
  }

  /** Paths in a directory and below it, with its own. */
  inside(directory: string): string[] {
    return [...this.#names.keys()].filter((path) => path === directory || path.startsWith(`${directory}/`));
  }

  /** Names in a directory, sorted. */
  list(directory: string): string[] {
    const names: string[] = [];
    for (const path of this.#names.keys()) {
      if (path !== '/' && parentOf(path) === directory) names.push(path.slice(path.lastIndexOf('/') + 1));
    }
    return names.sort();
  }

  change(change: NameChange): void {
    apply(this.#names, change);
    this.#changes.push(change);
  }

  /** Makes the changes in a directory durable. */
  sync(directory: string): void {
    const left: NameChange[] = [];
    for (const change of this.#changes) {
      if (pathsOf(change).some((path) => parentOf(path) === directory)) apply(this.#durable, change);
      else left.push(change);
    }
    this.#changes = left;
  }

  /** Removes a file or a directory durably. */
  lose(path: string): void {
    const isLost = (name: string): boolean => name === path || name.startsWith(`${path}/`);
    for (const names of [this.#names, this.#durable])
      for (const name of [...names.keys()]) if (isLost(name)) names.delete(name);
    this.#changes = this.#changes.filter((change) => !pathsOf(change).some(isLost));
  }

  /** All files that are seen or durable. */
  nodes(): Set<SimulatedInode> {
    const nodes = new Set<SimulatedInode>();
    for (const names of [this.#durable, this.#names])
      for (const node of names.values()) if (node !== 'directory') nodes.add(node);
    return nodes;
  }

  get changeCount(): number {
    return this.#changes.length;
  }

  clone(): SimulatedNames {
    const copies = new Map<SimulatedInode, SimulatedInode>();
    const of = <T extends SimulatedNode>(node: T): T => {
      if (node === 'directory') return node;
      let made = copies.get(node);
      if (made === undefined) copies.set(node, (made = node.clone()));
      return made as T;
    };
    const copy = new SimulatedNames();
    copy.#names = new Map();
    for (const [path, node] of this.#names) copy.#names.set(path, of(node));
    copy.#durable = new Map();
    for (const [path, node] of this.#durable) copy.#durable.set(path, of(node));
    copy.#changes = this.#changes.map(
      (change) => ('node' in change ? { ...change, node: of(change.node) } : change) as NameChange,
    );
    return copy;
  }

  /** What a crash leaves: names that were not synced survive or not, each by itself, then the content of the files. */
  crashed(survival: Survival): SimulatedNames {
    const names = new Map(this.#durable);
    for (const change of this.#changes) if (survival.survives()) apply(names, change);
    const copies = new Map<SimulatedInode, SimulatedInode>();
    const after = new SimulatedNames();
    for (const [path, node] of names) {
      if (!hasParents(names, path)) continue;
      let copy = node;
      if (node !== 'directory') {
        copy = copies.get(node) ?? node.crashed(survival);
        copies.set(node, copy);
      }
      after.#names.set(path, copy);
    }
    after.#durable = new Map(after.#names);
    return after;
  }
}

function apply(names: Map<string, SimulatedNode>, change: NameChange): void {
  if (change.kind === 'rename') {
    names.delete(change.from);
    names.set(change.to, change.node);
  } else if (change.kind === 'set') names.set(change.path, change.node);
  else names.delete(change.path);
}

function pathsOf(change: NameChange): string[] {
  return change.kind === 'rename' ? [change.from, change.to] : [change.path];
}

function hasParents(names: ReadonlyMap<string, SimulatedNode>, path: string): boolean {
  for (let parent = parentOf(path); parent !== '/'; parent = parentOf(parent))
    if (!names.has(parent)) return false;
  return true;
}
