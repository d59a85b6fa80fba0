import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk, DiskFile } from '@cometmq/common/disk/disk';
import { MqError } from '@cometmq/common/error/mq-error';
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
  /** Queues that have files, the sum of their ends, and the entries of the key index: files that lack are noticed. */
  readonly queueCount: number;
  readonly queueEnds: number;
  readonly indexEntries: number;
  /** Sum of the starts of queues, and where the log begins; undefined in stores of before these were kept. */
  readonly queueStarts: number | undefined;
  readonly logStart: number | undefined;
}

export const SLOT_SIZE = 512;
const MAGIC = 0x434d4350; // "CMCP"
/** Rises with every change of any file's layout, so that an older broker refuses a newer store. */
export const STORE_FORMAT = 1;

/** The checkpoint file: two slots written in turn, each with a checksum, so that one is always whole. */
export class CheckpointFile {
  readonly #file: DiskFile;
  #sequence = 0;

  constructor(disk: Disk, directory: string) {
    this.#file = disk.openSync(join(directory, 'checkpoint'), 'create');
  }

  /**
   * The newest whole slot, or undefined for a new or destroyed file.
   * @throws MqError `NOT_SUPPORTED` for a store of a newer version.
   */
  read(): CheckpointState | undefined {
    const bytes = Buffer.alloc(2 * SLOT_SIZE);
    this.#file.readSync(bytes, 0, bytes.length, 0);
    const [older, newest] = readSlots(bytes);
    if (newest === undefined) return undefined;
    this.#sequence = newest.sequence;
    // A start writes its own slot before anything else. Without the one before, this may not be the newest.
    const isNewest = older?.sequence === newest.sequence - 1;
    return { ...newest.state, isClean: newest.state.isClean && isNewest };
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
    slot[41] = STORE_FORMAT;
    slot[42] = state.queueStarts === undefined || state.logStart === undefined ? 0 : 1;
    putInt64(slot, 48, state.queueCount);
    putInt64(slot, 56, state.queueEnds);
    putInt64(slot, 64, state.indexEntries);
    putInt64(slot, 72, state.queueStarts ?? 0);
    putInt64(slot, 80, state.logStart ?? 0);
    putInt32(slot, 4, crc32(slot.subarray(8)));
    await this.#file.write(slot, 0, SLOT_SIZE, (this.#sequence % 2) * SLOT_SIZE);
    await this.#file.datasync();
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

interface Slot {
  readonly sequence: number;
  readonly state: CheckpointState;
}

/** The whole slots of a checkpoint file: the older and the newest. */
export function readSlots(bytes: Buffer): readonly [older: Slot | undefined, newest: Slot | undefined] {
  const [first, second] = [readSlot(bytes, 0), readSlot(bytes, SLOT_SIZE)];
  if (first === undefined || second === undefined) return [undefined, first ?? second];
  return first.sequence < second.sequence ? [first, second] : [second, first];
}

export function newerFormat(format: number): MqError {
  return new MqError('NOT_SUPPORTED', `the store has format ${format}, this version knows ${STORE_FORMAT}`, {
    hint: 'start the version that wrote it, or a newer one',
  });
}

export function isSlotIntact(bytes: Buffer, at: number): boolean {
  const isWhole = bytes.length >= at + SLOT_SIZE && getUint32(bytes, at) === MAGIC;
  if (!isWhole || getUint32(bytes, at + 4) !== crc32(bytes.subarray(at + 8, at + SLOT_SIZE))) return false;
  // A copy of the other slot is whole, too.
  return (getInt64(bytes, at + 8) % 2) * SLOT_SIZE === at;
}

function readSlot(bytes: Buffer, at: number): Slot | undefined {
  if (!isSlotIntact(bytes, at)) return undefined;
  const format = bytes[at + 41] ?? 0;
  if (format > STORE_FORMAT) throw newerFormat(format);
  const hasStarts = bytes[at + 42] === 1;
  return {
    sequence: getInt64(bytes, at + 8),
    state: {
      logOffset: getInt64(bytes, at + 16),
      link: getUint32(bytes, at + 24),
      epoch: getUint32(bytes, at + 28),
      storeTimestamp: getInt64(bytes, at + 32),
      isClean: bytes[at + 40] === 1,
      queueCount: getInt64(bytes, at + 48),
      queueEnds: getInt64(bytes, at + 56),
      indexEntries: getInt64(bytes, at + 64),
      queueStarts: hasStarts ? getInt64(bytes, at + 72) : undefined,
      logStart: hasStarts ? getInt64(bytes, at + 80) : undefined,
    },
  };
}
