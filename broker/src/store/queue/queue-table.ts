import { join } from 'node:path';
import type { Disk } from '@cometmq/common/disk/disk';
import { FileCache } from './file-cache.ts';
import { QueueFiles } from './queue-files.ts';
import { StoreQueue } from './store-queue.ts';

/** Descriptors of queue files that stay open. */
const OPEN_FILES_MAX = 512;

/** All queues by topic and number, made on demand. Thousands of idle queues cost a small object each. */
export class QueueTable {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #entriesPerFile: number | undefined;
  readonly #cache: FileCache;
  readonly #topics = new Map<string, Map<number, StoreQueue>>();

  constructor(disk: Disk, directory: string, entriesPerFile?: number) {
    this.#disk = disk;
    this.#directory = directory;
    this.#entriesPerFile = entriesPerFile;
    this.#cache = new FileCache(disk, OPEN_FILES_MAX);
  }

  /** Called with a queue and the offset of an entry in its files that can't be read. */
  onDamage: (queue: StoreQueue, offset: number) => void = () => undefined;

  /**
   * Takes stock of the queues on disk; entries of records at or behind `logOffset` are cut when `isClean` is false.
   * False when a queue's files lack.
   */
  async load(logOffset: number, isClean: boolean): Promise<boolean> {
    let isWhole = true;
    for (const topic of this.#disk.listSync(this.#directory)) {
      for (const name of this.#disk.listSync(join(this.#directory, topic))) {
        const queueId = Number(name);
        if (!Number.isInteger(queueId) || queueId < 0) continue;
        const files = this.#files(topic, queueId);
        if (!files.load()) isWhole = false;
        else if (!isClean) await files.truncateTo(logOffset);
        this.#put(this.#queue(topic, queueId, files));
      }
    }
    return isWhole;
  }

  hasNoFiles(): boolean {
    return this.#disk.listSync(this.#directory).length === 0;
  }

  /** Queues that have files, and the sums of their starts and ends: change whenever a file or entry lacks. */
  census(): { readonly count: number; readonly starts: number; readonly ends: number } {
    let count = 0;
    let starts = 0;
    let ends = 0;
    for (const { flushedStart, flushedEnd } of this.all()) {
      if (flushedEnd > 0) count++;
      starts += flushedStart;
      ends += flushedEnd;
    }
    return { count, starts, ends };
  }

  find(topic: string, queueId: number): StoreQueue | undefined {
    return this.#topics.get(topic)?.get(queueId);
  }

  /** The queue, made when missing. Names must have been validated: they become directory names. */
  get(topic: string, queueId: number): StoreQueue {
    return this.find(topic, queueId) ?? this.#put(this.#queue(topic, queueId, this.#files(topic, queueId)));
  }

  *all(): Generator<StoreQueue> {
    for (const queues of this.#topics.values()) yield* queues.values();
  }

  topics(): string[] {
    return [...this.#topics.keys()];
  }

  /** Forgets a topic at once: nothing can be appended to its queues any more. Their files are still there. */
  detach(topic: string): StoreQueue[] {
    const queues = [...(this.#topics.get(topic)?.values() ?? [])];
    this.#topics.delete(topic);
    for (const queue of queues) queue.detach();
    return queues;
  }

  async removeTopic(topic: string): Promise<void> {
    await this.removeFiles(topic, this.detach(topic));
  }

  /** Removes what `detach` left, durably. */
  async removeFiles(topic: string, queues: readonly StoreQueue[]): Promise<void> {
    for (const queue of queues) await queue.removeFiles();
    await this.#disk.removeTree(join(this.#directory, topic));
    if (this.#disk.existsSync(this.#directory)) await this.#disk.syncDirectory(this.#directory);
  }

  async removeAll(): Promise<void> {
    for (const topic of this.topics()) await this.removeTopic(topic);
    await this.#disk.removeTree(this.#directory);
    this.#disk.makeDirectorySync(this.#directory);
  }

  close(): Promise<void> {
    return this.#cache.close();
  }

  #queue(topic: string, queueId: number, files: QueueFiles): StoreQueue {
    return new StoreQueue(topic, queueId, files, (queue, offset) => {
      this.onDamage(queue, offset);
    });
  }

  #files(topic: string, queueId: number): QueueFiles {
    const directory = join(this.#directory, topic, String(queueId));
    return new QueueFiles(this.#disk, this.#cache, directory, this.#entriesPerFile);
  }

  #put(queue: StoreQueue): StoreQueue {
    let queues = this.#topics.get(queue.topic);
    if (queues === undefined) this.#topics.set(queue.topic, (queues = new Map<number, StoreQueue>()));
    queues.set(queue.queueId, queue);
    return queue;
  }
}
