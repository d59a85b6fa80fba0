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
import type { StoreFinding, VerifiedLog } from './store-files.ts';

/** Checks the entries and slot tables of the key index. */
export function* verifyIndex(disk: Disk, directory: string, log: VerifiedLog): Generator<StoreFinding> {
  const root = join(directory, 'index');
  for (const name of disk.listSync(root)) {
    const file = join(root, name);
    const bytes = readFileSync(disk, file) ?? Buffer.alloc(0);
    if (name.endsWith('.slots') && !areSlotsIntact(bytes)) {
      yield {
        file,
        offset: 0,
        length: bytes.length,
        problem: 'the slot table is damaged; keys of this part are not found',
      };
    } else if (name.endsWith('.entries')) {
      yield* verifyEntries(file, bytes, log);
    }
  }
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
        problem: 'the entry is damaged; older messages with keys of its slot are not found',
      };
    } else if (indexEntryOffset(bytes, offset) >= log.end) {
      yield { file, offset, length, problem: 'the entry leads behind the end of the log' };
    }
  }
}
