import { join } from 'node:path';
import type { Disk } from '@cometmq/common/disk/disk';
import { readFileSync, writeFileAtomic } from '@cometmq/common/disk/atomic-file';

const FILE_NAME = 'dropped-topics.json';

/**
 * Remembers up to which log position records of a deleted topic belong to nobody: recovery reads such records again and
 * must not put them into a new topic of the same name.
 */
export class DroppedTopics {
  readonly #disk: Disk;
  readonly #path: string;
  readonly positions = new Map<string, number>();

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#path = join(directory, FILE_NAME);
  }

  load(): void {
    const content = readFileSync(this.#disk, this.#path);
    if (content === undefined) return;
    for (const [topic, position] of Object.entries(
      JSON.parse(content.toString('utf8')) as Record<string, number>,
    )) {
      this.positions.set(topic, position);
    }
  }

  /** Durable when the promise resolves. Topics all of whose records left the log are forgotten. */
  async add(topic: string, position: number, logStart: number): Promise<void> {
    this.positions.set(topic, position);
    for (const [name, at] of this.positions) if (at <= logStart) this.positions.delete(name);
    const text = JSON.stringify(Object.fromEntries(this.positions));
    await writeFileAtomic(this.#disk, this.#path, Buffer.from(text));
  }
}
