import { dirname, join } from 'node:path';
import type { Disk } from '@cometmq/common/disk/disk';
import { readFileSync, writeFileAtomic } from '@cometmq/common/disk/atomic-file';
import { MqError } from '@cometmq/common/error/mq-error';
import type { ProcessTable } from '@cometmq/common/process/process-table';

const FILE_NAME = 'lock';

/**
 * The live process that a lock names, or undefined. Its id alone is not enough: after a restart of the machine or of a
 * container another process may have it.
 */
export function liveHolder(lock: Buffer | undefined, processes: ProcessTable): number | undefined {
  const [id = '', identity] = (lock?.toString('latin1') ?? '').trim().split(' ');
  const holder = Number(id);
  if (!(holder > 0) || !processes.isAlive(holder)) return undefined;
  const present = processes.identityOf(holder);
  const isOther = identity !== undefined && present !== undefined && identity !== present;
  return isOther ? undefined : holder;
}

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
    const { ownId } = this.#processes;
    const holder = liveHolder(readFileSync(this.#disk, this.#path), this.#processes);
    if (holder !== undefined && holder !== ownId) {
      throw new MqError(
        'SERVICE_NOT_AVAILABLE',
        `process ${holder} is using the data folder ${dirname(this.#path)}`,
        {
          retryable: false,
          hint: 'stop it, or choose another data folder',
        },
      );
    }
    const identity = this.#processes.identityOf(ownId);
    await writeFileAtomic(
      this.#disk,
      this.#path,
      Buffer.from(identity === undefined ? `${ownId}` : `${ownId} ${identity}`),
    );
  }

  release(): Promise<void> {
    return this.#disk.remove(this.#path);
  }
}
