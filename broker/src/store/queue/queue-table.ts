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
  readonly #cache: FileCache;
  readonly #topics = new Map<string, Map<number, StoreQueue>>();

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
    this.#cache = new FileCache(disk, OPEN_FILES_MAX);
  }

  /** Takes stock of the queues on disk; entries of records at or behind `logOffset` are cut when `isClean` is false. */
  async load(logOffset: number, isClean: boolean): Promise<void> {
    for (const topic of this.#disk.listSync(this.#directory)) {
      for (const name of this.#disk.listSync(join(this.#directory, topic))) {
        const queueId = Number(name);
        if (!Number.isInteger(queueId) || queueId < 0) continue;
        const files = this.#files(topic, queueId);
        files.load();
        if (!isClean) await files.truncateTo(logOffset);
        this.#put(new StoreQueue(topic, queueId, files));
      }
    }
  }

  find(topic: string, queueId: number): StoreQueue | undefined {
    return this.#topics.get(topic)?.get(queueId);
  }

  /** The queue, made when missing. Names must have been validated: they become directory names. */
  get(topic: string, queueId: number): StoreQueue {
    return (
      this.find(topic, queueId) ?? this.#put(new StoreQueue(topic, queueId, this.#files(topic, queueId)))
    );
  }

  *all(): Generator<StoreQueue> {
    for (const queues of this.#topics.values()) yield* queues.values();
  }

  topics(): string[] {
    return [...this.#topics.keys()];
  }

  async removeTopic(topic: string): Promise<void> {
    const queues = this.#topics.get(topic);
    this.#topics.delete(topic);
    for (const queue of queues?.values() ?? []) await queue.removeAll();
    await this.#disk.removeTree(join(this.#directory, topic));
  }

  async removeAll(): Promise<void> {
    for (const topic of this.topics()) await this.removeTopic(topic);
    await this.#disk.removeTree(this.#directory);
  }

  close(): Promise<void> {
    return this.#cache.close();
  }

  #files(topic: string, queueId: number): QueueFiles {
    return new QueueFiles(this.#disk, this.#cache, join(this.#directory, topic, String(queueId)));
  }

  #put(queue: StoreQueue): StoreQueue {
    let queues = this.#topics.get(queue.topic);
    if (queues === undefined) this.#topics.set(queue.topic, (queues = new Map<number, StoreQueue>()));
    queues.set(queue.queueId, queue);
    return queue;
  }
}
