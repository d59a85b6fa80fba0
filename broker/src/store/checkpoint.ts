import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from '@cometmq/common/disk/disk';
import { getInt64, getUint32, putInt32, putInt64 } from './bytes.ts';

/** Up to where everything that is derived from the log is durable. */
export interface CheckpointState {
  /** Border of a frame. */
  readonly logOffset: number;
  /** Link of the frame before it. */
  readonly link: number;
  readonly epoch: number;
  /** Newest store time, so that it never goes back over a restart, ms. */
  readonly storeTimestamp: number;
  /** The broker stopped in order: nothing lies behind `logOffset`. */
  readonly isClean: boolean;
}

const SLOT_SIZE = 512;
const MAGIC = 0x434d4350; // "CMCP"

/** The checkpoint file: two slots written in turn, each with a checksum, so that one is always whole. */
export class CheckpointFile {
  readonly #file: DiskFile;
  #sequence = 0;

  constructor(disk: Disk, directory: string) {
    this.#file = disk.openSync(join(directory, 'checkpoint'), 'create');
  }

  /** The newest whole slot, or undefined for a new or destroyed file. */
  read(): CheckpointState | undefined {
    const bytes = Buffer.alloc(2 * SLOT_SIZE);
    this.#file.readSync(bytes, 0, bytes.length, 0);
    let newest: CheckpointState | undefined;
    for (const at of [0, SLOT_SIZE]) {
      if (
        getUint32(bytes, at) !== MAGIC ||
        getUint32(bytes, at + 4) !== crc32(bytes.subarray(at + 8, at + SLOT_SIZE))
      ) {
        continue;
      }
      const sequence = getInt64(bytes, at + 8);
      if (sequence <= this.#sequence) continue;
      this.#sequence = sequence;
      newest = {
        logOffset: getInt64(bytes, at + 16),
        link: getUint32(bytes, at + 24),
        epoch: getUint32(bytes, at + 28),
        storeTimestamp: getInt64(bytes, at + 32),
        isClean: bytes[at + 40] === 1,
      };
    }
    return newest;
  }

  async write(state: CheckpointState): Promise<void> {
    const slot = Buffer.alloc(SLOT_SIZE);
    this.#sequence++;
    putInt32(slot, 0, MAGIC);
    putInt64(slot, 8, this.#sequence);
    putInt64(slot, 16, state.logOffset);
    putInt32(slot, 24, state.link);
    putInt32(slot, 28, state.epoch);
    putInt64(slot, 32, state.storeTimestamp);
    slot[40] = state.isClean ? 1 : 0;
    putInt32(slot, 4, crc32(slot.subarray(8)));
    await this.#file.write(slot, 0, SLOT_SIZE, (this.#sequence % 2) * SLOT_SIZE);
    await this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
