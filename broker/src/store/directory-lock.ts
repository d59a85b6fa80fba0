import { dirname, join } from 'node:path';
import type { Disk } from '@cometmq/common/disk/disk';
import { readFileSync, writeFileAtomic } from '@cometmq/common/disk/atomic-file';
import { MqError } from '@cometmq/common/error/mq-error';
import type { ProcessTable } from '@cometmq/common/process/process-table';

const FILE_NAME = 'lock';

/** Keeps a second broker off a data folder. A lock of a process that died is taken over. */
export class DirectoryLock {
  readonly #disk: Disk;
  readonly #path: string;
  readonly #processes: ProcessTable;

  constructor(disk: Disk, directory: string, processes: ProcessTable) {
    this.#disk = disk;
    this.#path = join(directory, FILE_NAME);
    this.#processes = processes;
  }

  /** @throws MqError `SERVICE_NOT_AVAILABLE` when another live process holds the folder. */
  async take(): Promise<void> {
    const holder = Number(readFileSync(this.#disk, this.#path)?.toString('utf8') ?? 0);
    if (holder > 0 && holder !== this.#processes.ownId && this.#processes.isAlive(holder)) {
      throw new MqError(
        'SERVICE_NOT_AVAILABLE',
        `process ${holder} is using the data folder ${dirname(this.#path)}`,
        {
          retryable: false,
          hint: 'stop it, or choose another data folder',
        },
      );
    }
    await writeFileAtomic(this.#disk, this.#path, Buffer.from(String(this.#processes.ownId)));
  }

  release(): Promise<void> {
    return this.#disk.remove(this.#path);
  }
}
