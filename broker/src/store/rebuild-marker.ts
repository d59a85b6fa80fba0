import { dirname, join } from 'node:path';
import type { Disk } from '@cometmq/common/disk/disk';
import { readCheckedJson, writeCheckedJson } from './checked-json.ts';

const FILE_NAME = 'rebuilding.json';

/** Ends of queues by topic and queue id. */
export type QueueEnds = Map<string, Map<number, number>>;

/**
 * Says that queues and index are being rebuilt, and how far those queues had counted whose messages expired: the log no
 * longer tells. Written before anything is removed, so that a crash in the middle repeats the rebuild.
 */
export class RebuildMarker {
  readonly #disk: Disk;
  readonly #path: string;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#path = join(directory, FILE_NAME);
  }

  /** What a rebuild that did not finish had noted. */
  read(): QueueEnds | undefined {
    const content = readCheckedJson(this.#disk, this.#path);
    if (content === undefined) return undefined;
    const topics = content as Record<string, Record<string, number>>;
    return new Map(
      Object.entries(topics).map(([topic, queues]) => [
        topic,
        new Map(Object.entries(queues).map(([queueId, end]) => [Number(queueId), end])),
      ]),
    );
  }

  async write(ends: QueueEnds): Promise<void> {
    const topics = Object.fromEntries(
      [...ends].map(([topic, queues]) => [topic, Object.fromEntries(queues)]),
    );
    await writeCheckedJson(this.#disk, this.#path, topics);
  }

  /** The rebuilt files are durable. */
  async remove(): Promise<void> {
    if (!this.#disk.existsSync(this.#path)) return;
    await this.#disk.remove(this.#path);
    await this.#disk.syncDirectory(dirname(this.#path));
  }
}
