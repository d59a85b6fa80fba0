import { join } from 'node:path';
import type { Disk } from '@cometmq/common/disk/disk';
import { readFileSync } from '@cometmq/common/disk/atomic-file';
import {
  INDEX_ENTRY_SIZE,
  areSlotsIntact,
  indexEntryOffset,
  indexEntryPrevious,
  isIndexEntryIntact,
} from '../index/index-segment.ts';
import type { CheckpointState } from '../checkpoint.ts';
import type { StoreFinding, VerifiedLog } from './store-files.ts';

/** Checks the entries and slot tables of the key index. */
export function* verifyIndex(
  disk: Disk,
  directory: string,
  log: VerifiedLog,
  checkpoint: CheckpointState | undefined,
): Generator<StoreFinding> {
  const root = join(directory, 'index');
  yield* verifyCount(disk, root, checkpoint);
  for (const name of disk.listSync(root)) {
    const file = join(root, name);
    const bytes = readFileSync(disk, file) ?? Buffer.alloc(0);
    if (name.endsWith('.slots') && !areSlotsWhole(disk, file, bytes)) {
      yield {
        file,
        offset: 0,
        length: bytes.length,
        problem: 'the slot table is damaged; it is made anew when it is read',
      };
    } else if (name.endsWith('.entries')) {
      yield* verifyEntries(file, bytes, log);
    }
  }
}

function fileName(number: number, kind: 'entries' | 'slots'): string {
  return `${String(number).padStart(20, '0')}.${kind}`;
}

/** A table belongs to as many entries as it has slots for. */
function areSlotsWhole(disk: Disk, file: string, slots: Buffer): boolean {
  const entries = readFileSync(disk, file.replace(/slots$/, 'entries'))?.length ?? 0;
  return areSlotsIntact(slots, Math.floor(entries / INDEX_ENTRY_SIZE));
}

/** Entries that the checkpoint counts and no file has. */
function* verifyCount(
  disk: Disk,
  root: string,
  checkpoint: CheckpointState | undefined,
): Generator<StoreFinding> {
  const present = disk.listSync(root);
  const numbers = [...new Set(present.map((name) => parseInt(name, 10)))].sort((a, b) => a - b);
  const sizes = new Map(
    numbers.map((number) => [number, readFileSync(disk, join(root, fileName(number, 'entries')))?.length]),
  );
  const full = Math.max(0, ...numbers.slice(0, -1).map((number) => sizes.get(number) ?? 0));
  const [first = 1, last = 1] = [numbers[0], numbers.at(-1)];
  const end =
    full === 0
      ? last
      : Math.max(last, Math.ceil(((checkpoint?.indexEntries ?? 0) * INDEX_ENTRY_SIZE) / full));
  for (let number = first; number <= end; number++) {
    const expected = number < end ? full : lastSize(checkpoint, full, number);
    const size = sizes.get(number) ?? 0;
    if (size < expected) {
      const file = join(root, fileName(number, 'entries'));
      const problem = 'entries are missing; the next start makes the index anew';
      yield { file, offset: size, length: expected - size, problem };
    }
    const slots = fileName(number, 'slots');
    if (number < end && !present.includes(slots))
      yield {
        file: join(root, slots),
        offset: 0,
        length: 0,
        problem: 'the slots are missing; the next start makes them',
      };
  }
}

/** Bytes that the newest segment must have. */
function lastSize(checkpoint: CheckpointState | undefined, full: number, sequence: number): number {
  const entries = (checkpoint?.indexEntries ?? 0) - ((sequence - 1) * full) / INDEX_ENTRY_SIZE;
  return entries * INDEX_ENTRY_SIZE;
}

function* verifyEntries(file: string, bytes: Buffer, log: VerifiedLog): Generator<StoreFinding> {
  for (let number = 1; number * INDEX_ENTRY_SIZE <= bytes.length; number++) {
    const offset = (number - 1) * INDEX_ENTRY_SIZE;
    const length = INDEX_ENTRY_SIZE;
    if (!isIndexEntryIntact(bytes, offset, number) || indexEntryPrevious(bytes, offset) >= number) {
      yield {
        file,
        offset,
        length,
        problem: 'the entry is damaged; it is made anew when it is read',
      };
    } else if (indexEntryOffset(bytes, offset) >= log.end) {
      yield { file, offset, length, problem: 'the entry leads behind the end of the log' };
    }
  }
}
