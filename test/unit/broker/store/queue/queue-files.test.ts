import { expect, test } from 'vitest';
import { FileCache } from '@cometmq/broker/store/queue/file-cache';
import { ENTRY_SIZE, isEntryIntact, writeEntry } from '@cometmq/broker/store/queue/queue-entry';
import { QueueFiles } from '@cometmq/broker/store/queue/queue-files';
import { SimulatedDisk } from '../../../../support/simulated-disk.ts';

const DIRECTORY = '/queues/orders/0';
const ENTRIES_PER_FILE = 4;

function entries(from: number, count: number): Buffer {
  const bytes = Buffer.alloc(count * ENTRY_SIZE);
  for (let index = 0; index < count; index++) {
    writeEntry(bytes, index * ENTRY_SIZE, from + index, (from + index) * 100, 100, 7, 1_000);
  }
  return bytes;
}

function open(disk: SimulatedDisk): QueueFiles {
  const files = new QueueFiles(disk, new FileCache(disk, 8), DIRECTORY, ENTRIES_PER_FILE);
  files.load();
  return files;
}

/** Entries that a reader finds whole. */
function whole(files: QueueFiles): number {
  const bytes = Buffer.alloc(64 * ENTRY_SIZE);
  const read = files.readSync(bytes, 0, files.start, 64);
  let count = 0;
  while (count < read && isEntryIntact(bytes, count * ENTRY_SIZE, files.start + count)) count++;
  return count;
}

test.each(['write', 'datasync', 'create', 'syncDirectory', 'makeDirectory'] as const)(
  'after a failed %s the entries count as not there, and are durable once appended again',
  async (kind) => {
    const disk = new SimulatedDisk();
    disk.makeDirectorySync('/queues');
    await disk.syncDirectory('/');
    const files = open(disk);
    disk.failNext(1, 'EIO', [kind]);
    await expect(files.append(entries(0, 6), 0, 0, 6)).rejects.toThrow('EIO');
    expect(files.end).toBe(0);
    await files.append(entries(0, 6), 0, 0, 6);
    expect(files.end).toBe(6);
    const after = open(disk.crash({ seed: 1, keep: 0 }));
    expect(after.end).toBe(6);
    expect(whole(after)).toBe(6);
  },
);

test('a failure in a further file takes back what it added, and nothing else', async () => {
  const disk = new SimulatedDisk();
  disk.makeDirectorySync('/queues');
  await disk.syncDirectory('/');
  const files = open(disk);
  await files.append(entries(0, 3), 0, 0, 3);
  disk.failNext(2, 'ENOSPC', ['write']);
  await expect(files.append(entries(3, 4), 0, 3, 4)).rejects.toThrow('ENOSPC');
  expect(files.end).toBe(3);
  await files.append(entries(3, 8), 0, 3, 8);
  const after = open(disk.crash({ seed: 1, keep: 0 }));
  expect([after.end, whole(after)]).toEqual([11, 11]);
});
