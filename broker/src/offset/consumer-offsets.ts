import { MqError } from '@cometmq/common/error/mq-error';
import { Limits } from '../config/limits.ts';
import type { KeyValueStore } from '../store/kv/key-value-store.ts';

const KEY_PREFIX = 'offset/';
/** Neither topics nor groups can hold it (Java uses it, too). */
const SEPARATOR = '@';

/** Told when somebody moved a group, rather than it moved by consuming. */
export type OffsetMoved = (group: string, topic: string, queueId: number, offset: number) => void;
/** Told when the offsets of a topic or a group were removed: all pairs that match. */
export type OffsetsRemoved = (matches: (topic: string, group: string) => boolean) => void;

/**
 * How far each group has consumed each queue. Kept in memory, changed ones written in one batch every second: a crash
 * repeats up to a second of messages, it never skips one.
 */
export class ConsumerOffsets {
  readonly #kv: KeyValueStore;
  /** `topic@group` to offsets by queue. */
  readonly #table = new Map<string, Map<number, number>>();
  /** `topic@group` to offsets that the group's clients have not heard of yet. */
  readonly #resets = new Map<string, Map<number, number>>();
  readonly #dirty = new Set<string>();
  /** Written by which flush, and perhaps not on the disk. */
  readonly #unsynced = new Map<string, number>();
  #flushes = 0;
  readonly #movedListeners: OffsetMoved[] = [];
  readonly #removedListeners: OffsetsRemoved[] = [];

  constructor(kv: KeyValueStore) {
    this.#kv = kv;
  }

  async load(): Promise<void> {
    for (const [key, text] of await this.#kv.entries(KEY_PREFIX)) {
      const queues = Object.entries(JSON.parse(text) as Record<string, number>);
      this.#table.set(
        key.slice(KEY_PREFIX.length),
        new Map(queues.map(([queue, offset]) => [Number(queue), offset])),
      );
    }
  }

  /**
   * Moves offsets that are behind the end of their queue to it, and tells how many. A broker that does not sync loses
   * messages in a power cut that groups have consumed; what takes their places must not be skipped.
   */
  limitTo(endOf: (topic: string, queueId: number) => number): number {
    let moved = 0;
    for (const [key, queues] of this.#table) {
      const [topic] = split(key);
      for (const [queueId, offset] of queues) {
        const end = endOf(topic, queueId);
        if (offset <= end) continue;
        this.#set(key, queueId, end);
        moved++;
      }
    }
    return moved;
  }

  find(group: string, topic: string, queueId: number): number | undefined {
    const key = keyOf(topic, group);
    return this.#resets.get(key)?.get(queueId) ?? this.#table.get(key)?.get(queueId);
  }

  /** All queues of a topic that the group has offsets for. */
  ofTopic(group: string, topic: string): ReadonlyMap<number, number> {
    return this.#table.get(keyOf(topic, group)) ?? NONE;
  }

  /** Negative offsets mean nothing and are ignored: ali-ons commits them. Ignored, too, while a reset waits. */
  commit(group: string, topic: string, queueId: number, offset: number): boolean {
    if (offset < 0) return true;
    const key = keyOf(topic, group);
    if (this.#resets.get(key)?.has(queueId) === true) return false;
    this.#set(key, queueId, offset);
    return true;
  }

  onMoved(listener: OffsetMoved): void {
    this.#movedListeners.push(listener);
  }

  onRemoved(listener: OffsetsRemoved): void {
    this.#removedListeners.push(listener);
  }

  /** Moves a group that has no members whose commits could undo it. */
  move(group: string, topic: string, queueId: number, offset: number): void {
    if (this.commit(group, topic, queueId, offset)) this.#tellMoved(group, topic, queueId, offset);
  }

  /** Moves a group. Its next pull of the queue is told, and commits are ignored until then. */
  reset(group: string, topic: string, queueId: number, offset: number): void {
    const key = keyOf(topic, group);
    this.#set(key, queueId, offset);
    this.#tellMoved(group, topic, queueId, offset);
    let pending = this.#resets.get(key);
    if (pending === undefined) this.#resets.set(key, (pending = new Map<number, number>()));
    pending.set(queueId, offset);
  }

  /** Takes the reset that the next pull of a queue must be told. */
  takeReset(group: string, topic: string, queueId: number): number | undefined {
    if (this.#resets.size === 0) return undefined;
    const key = keyOf(topic, group);
    const pending = this.#resets.get(key);
    const offset = pending?.get(queueId);
    if (offset === undefined) return undefined;
    pending?.delete(queueId);
    if (pending?.size === 0) this.#resets.delete(key);
    return offset;
  }

  topicsOf(group: string): string[] {
    return this.#namesWhere((_topic, other) => other === group, 0);
  }

  groupsOf(topic: string): string[] {
    return this.#namesWhere((other) => other === topic, 1);
  }

  /** All pairs as `topic@group`. */
  all(): ReadonlyMap<string, ReadonlyMap<number, number>> {
    return this.#table;
  }

  async removeTopic(topic: string): Promise<void> {
    await this.#removeWhere((other) => other === topic);
  }

  async removeGroup(group: string): Promise<void> {
    await this.#removeWhere((_topic, other) => other === group);
  }

  /** Writes what changed. With `sync` all offsets are on the disk when the promise resolves. */
  async flush(sync: boolean): Promise<void> {
    const dirty = [...(sync ? new Set([...this.#dirty, ...this.#unsynced.keys()]) : this.#dirty)];
    const changes = dirty.map((key) => ({
      key: KEY_PREFIX + key,
      value: JSON.stringify(Object.fromEntries(this.#table.get(key) ?? [])),
    }));
    this.#dirty.clear();
    const flush = ++this.#flushes;
    for (const key of dirty) this.#unsynced.set(key, flush);
    try {
      await this.#kv.write(changes, sync);
      if (sync) for (const key of dirty) if (this.#unsynced.get(key) === flush) this.#unsynced.delete(key);
    } catch (error) {
      for (const key of dirty) if (this.#table.has(key)) this.#dirty.add(key);
      throw error;
    }
  }

  #set(key: string, queueId: number, offset: number): void {
    let queues = this.#table.get(key);
    if (queues === undefined) {
      if (this.#table.size >= Limits.groupTopicPairs) {
        throw new MqError(
          'SYSTEM_BUSY',
          `offsets of ${this.#table.size} pairs of group and topic are kept, the limit`,
          {
            hint: 'delete groups that are no longer used, with their offsets',
          },
        );
      }
      this.#table.set(key, (queues = new Map<number, number>()));
    }
    if (queues.get(queueId) === offset) return;
    queues.set(queueId, offset);
    this.#dirty.add(key);
  }

  #tellMoved(group: string, topic: string, queueId: number, offset: number): void {
    for (const listener of this.#movedListeners) listener(group, topic, queueId, offset);
  }

  #namesWhere(matches: (topic: string, group: string) => boolean, part: 0 | 1): string[] {
    const names: string[] = [];
    for (const key of this.#table.keys()) {
      const pair = split(key);
      if (matches(...pair)) names.push(pair[part]);
    }
    return names;
  }

  async #removeWhere(matches: (topic: string, group: string) => boolean): Promise<void> {
    for (const listener of this.#removedListeners) listener(matches);
    const keys = [...this.#table.keys()].filter((key) => matches(...split(key)));
    const removed = keys.map((key) => [key, this.#table.get(key) ?? new Map<number, number>()] as const);
    for (const key of keys) {
      this.#table.delete(key);
      this.#resets.delete(key);
      this.#dirty.delete(key);
      this.#unsynced.delete(key);
    }
    try {
      await this.#kv.write(
        keys.map((key) => ({ key: KEY_PREFIX + key, value: undefined })),
        true,
      );
    } catch (error) {
      // Still in the store of settings; who asks again must find them.
      for (const [key, queues] of removed) if (!this.#table.has(key)) this.#table.set(key, queues);
      throw error;
    }
  }
}

const NONE: ReadonlyMap<number, number> = new Map();

function keyOf(topic: string, group: string): string {
  return topic + SEPARATOR + group;
}

function split(key: string): [topic: string, group: string] {
  const at = key.indexOf(SEPARATOR);
  return [key.slice(0, at), key.slice(at + 1)];
}
