import { join } from 'node:path';
import { readFileSync, writeFileAtomic } from '@cometmq/common/disk/atomic-file';
import type { Disk } from '@cometmq/common/disk/disk';
import { errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { MessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import { objectKeyMap, readMessageQueue } from '@cometmq/remoting/protocol/body/message-queue';
import { asInteger, asObject } from '@cometmq/remoting/protocol/body/shape';
import { mapEntries, parseBody } from '@cometmq/remoting/protocol/body/tolerant-json';
import { queueKey } from '../route/topic-queues.ts';
import type { OffsetStore } from './offset-store.ts';

/**
 * Progress of one broadcast member, in a file of Java's format (LocalFileOffsetStore) below `directory`, or in memory
 * without one.
 */
export class LocalOffsetStore implements OffsetStore {
  readonly #disk: Disk;
  readonly #log: Logger;
  readonly #directory: string | undefined;
  readonly #progress = new Map<string, { readonly queue: MessageQueue; readonly offset: number }>();
  #changed = false;
  #writing: Promise<void> = Promise.resolve();

  constructor(disk: Disk, log: Logger, directory: string | undefined, group: string) {
    this.#disk = disk;
    this.#log = log;
    this.#directory = directory === undefined ? undefined : join(directory, group);
    if (this.#directory !== undefined) this.#read(this.#directory);
  }

  load(queue: MessageQueue): Promise<number | undefined> {
    return Promise.resolve(this.current(queue));
  }

  update(queue: MessageQueue, offset: number): void {
    if (this.current(queue) === offset) return;
    this.#progress.set(queueKey(queue), { queue, offset });
    this.#changed = true;
  }

  current(queue: MessageQueue): number | undefined {
    return this.#progress.get(queueKey(queue))?.offset;
  }

  persist(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Queues stay: all members read all of them, so one that vanished from a route comes back here. */
  forget(): void {
    this.#changed = true;
  }

  async #write(): Promise<void> {
    if (!this.#changed || this.#directory === undefined) return;
    this.#changed = false;
    const entries = [...this.#progress.values()].map(({ queue, offset }) => [queue, offset] as const);
    try {
      this.#disk.makeDirectorySync(this.#directory);
      await writeFileAtomic(
        this.#disk,
        this.#file(this.#directory),
        Buffer.from(`{"offsetTable":${objectKeyMap(entries)}}`),
      );
    } catch (error) {
      this.#changed = true;
      this.#log.warn({ directory: this.#directory, reason: errorText(error) }, 'offsets not written');
    }
  }

  #read(directory: string): void {
    const content = readFileSync(this.#disk, this.#file(directory));
    if (content === undefined) return;
    for (const [key, offset] of mapEntries(asObject(parseBody(content))['offsetTable'])) {
      const queue = readMessageQueue(key);
      this.#progress.set(queueKey(queue), { queue, offset: asInteger(offset) });
    }
  }

  #file(directory: string): string {
    return join(directory, 'offsets.json');
  }
}
