import { join } from 'node:path';
import type { Disk } from '@cometmq/common/disk/disk';
import { readCheckedJson, writeCheckedJson } from './checked-json.ts';

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

  /** @throws MqError `DATA_DAMAGED`: which messages belong to nobody can't be guessed. */
  load(): void {
    for (const [topic, position] of readDroppedTopics(this.#disk, this.#path)) {
      this.positions.set(topic, position);
    }
  }

  /** Durable when the promise resolves. Topics all of whose records left the log are forgotten. */
  async add(topic: string, position: number, logStart: number): Promise<void> {
    this.positions.set(topic, position);
    for (const [name, at] of this.positions) if (at <= logStart) this.positions.delete(name);
    await writeCheckedJson(this.#disk, this.#path, Object.fromEntries(this.positions));
  }
}

/** @throws MqError `DATA_DAMAGED`. */
export function readDroppedTopics(disk: Disk, path: string): ReadonlyMap<string, number> {
  return new Map(Object.entries((readCheckedJson(disk, path) ?? {}) as Record<string, number>));
}
