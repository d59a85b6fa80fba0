import { FileCache } from '@cometmq/broker/store/queue/file-cache';
import {
  ENTRY_SIZE,
  entryPhysicalOffset,
  isEntryIntact,
  writeEntry,
} from '@cometmq/broker/store/queue/queue-entry';
import { QueueFiles } from '@cometmq/broker/store/queue/queue-files';
import { StoreQueue } from '@cometmq/broker/store/queue/store-queue';
import { beforeEach, describe, expect, test } from 'vitest';
import { SimulatedDisk } from '../../../../support/simulated-disk.ts';

const DIRECTORY = '/consumequeue/orders/0';
const ENTRIES_PER_FILE = 131_072;

let disk: SimulatedDisk;
let damage: number[];

function files(capacity = 8): QueueFiles {
  return new QueueFiles(disk, new FileCache(disk, capacity), DIRECTORY);
}

function open(): StoreQueue {
  const loaded = files();
  loaded.load();
  return new StoreQueue('orders', 0, loaded, (_queue, offset) => damage.push(offset));
}

/** Message n lies at 1000 + n * 100 and was stored at n * 10. */
function fill(queue: StoreQueue, count: number): void {
  for (let index = 0; index < count; index++) {
    const n = queue.assigned;
    queue.append(1_000 + n * 100, 100, n, n * 10);
  }
  queue.publish(queue.assigned);
}

function positions(queue: StoreQueue, from: number, count: number): number[] {
  const view = queue.view(from, count);
  return Array.from({ length: view.count }, (_, index) =>
    entryPhysicalOffset(view.bytes, view.at + index * ENTRY_SIZE),
  );
}

beforeEach(() => {
  disk = new SimulatedDisk();
  damage = [];
});

describe('StoreQueue', () => {
  test('entries become readable when published and wake listeners once', () => {
    const queue = open();
    let woken = 0;
    queue.onArrival(() => woken++);
    queue.append(1_000, 100, 0, 0);
    expect([queue.assigned, queue.max, queue.view(0, 9).count]).toEqual([1, 0, 0]);
    queue.publish(1);
    queue.publish(1);
    expect([woken, queue.view(0, 9).count]).toEqual([1, 1]);
  });

  test('reads across files and memory', async () => {
    const queue = open();
    fill(queue, 700);
    await queue.flush(1_000 + 600 * 100);
    queue.releaseMemory(true);
    expect(queue.flushedEnd).toBe(600);
    expect(positions(queue, 598, 9)).toEqual([60_800, 60_900]);
    expect(positions(queue, 600, 2)).toEqual([61_000, 61_100]);
    expect(positions(queue, 699, 9)).toEqual([70_900]);
    expect(damage).toEqual([]);
  });

  test('flush takes only records before the log offset; a restart finds just those', async () => {
    const queue = open();
    fill(queue, 10);
    await queue.flush(1_000 + 7 * 100);
    expect(queue.isDirty).toBe(true);
    disk = disk.crash({ seed: 0, keep: 1 });
    const again = open();
    expect([again.min, again.max, again.assigned]).toEqual([0, 7, 7]);
  });

  test('searches by time over files and memory', async () => {
    const queue = open();
    fill(queue, 100);
    await queue.flush(1_000 + 50 * 100);
    expect(queue.offsetAtOrAfter(-5)).toBe(0);
    expect(queue.offsetAtOrAfter(250)).toBe(25);
    expect(queue.offsetAtOrAfter(251)).toBe(26);
    expect(queue.offsetAtOrAfter(990)).toBe(99);
    expect(queue.offsetAtOrAfter(991)).toBe(100);
    expect(queue.storeTimestampAt(42)).toBe(420);
    expect(queue.storeTimestampAt(100)).toBeUndefined();
  });

  test('trims to the start of the log', () => {
    const queue = open();
    fill(queue, 20);
    expect(queue.trimTo(1_000 + 5 * 100)).toBe(true);
    expect([queue.min, queue.trimTo(1_000)]).toEqual([5, false]);
    queue.trimTo(10_000);
    expect([queue.min, queue.max]).toEqual([20, 20]);
  });

  test('an idle queue gives its memory back and goes on when it is used again', async () => {
    const queue = open();
    fill(queue, 5);
    await queue.flush(2 ** 40);
    queue.releaseMemory(true);
    fill(queue, 1);
    expect(positions(queue, 4, 5)).toEqual([1_400]);
    expect(positions(queue, 5, 5)).toEqual([1_500]);
  });

  test('keeps what readers near the end want', async () => {
    const queue = open();
    fill(queue, 3_000);
    await queue.flush(2 ** 40);
    queue.releaseMemory(false);
    let reads = 0;
    disk.hook = ({ kind }) => {
      if (kind === 'read') reads++;
    };
    expect(positions(queue, 2_990, 20)).toHaveLength(10);
    expect(reads).toBe(0);
    expect(positions(queue, 0, 20)).toHaveLength(20);
    expect(reads).toBe(1);
  });

  test.each(['a flipped bit', 'a missing file'])(
    'tells of an entry that can not be read: %s',
    async (what) => {
      const queue = open();
      fill(queue, 5);
      await queue.flush(2 ** 40);
      if (what === 'a flipped bit')
        disk.damage(`${DIRECTORY}/${'0'.repeat(20)}`, 3 * ENTRY_SIZE, Buffer.from([1]));
      else disk.cut(`${DIRECTORY}/${'0'.repeat(20)}`, 3 * ENTRY_SIZE);
      const again = queue;
      queue.releaseMemory(true);
      expect(positions(again, 0, 5)).toEqual([1_000, 1_100, 1_200]);
      expect(damage).toEqual([3]);
      expect(again.offsetAtOrAfter(40)).toBe(3);
    },
  );
});

describe('QueueFiles', () => {
  function entries(from: number, count: number): Buffer {
    const bytes = Buffer.alloc(count * ENTRY_SIZE);
    for (let index = 0; index < count; index++) {
      writeEntry(bytes, index * ENTRY_SIZE, from + index, (from + index) * 100, 100, 0, 0);
    }
    return bytes;
  }

  test('goes on in a further file, reads over the border, removes old ones but the last', async () => {
    const queue = files();
    queue.load();
    await queue.append(entries(0, ENTRIES_PER_FILE + 10), 0, 0, ENTRIES_PER_FILE + 10);
    await queue.sync();
    const into = Buffer.alloc(6 * ENTRY_SIZE);
    expect(queue.readSync(into, 0, ENTRIES_PER_FILE - 3, 6)).toBe(6);
    for (let index = 0; index < 6; index++) {
      expect(isEntryIntact(into, index * ENTRY_SIZE, ENTRIES_PER_FILE - 3 + index)).toBe(true);
    }
    await queue.removeBefore(ENTRIES_PER_FILE + 10);
    const again = files();
    expect([again.load(), again.start, again.end]).toEqual([true, ENTRIES_PER_FILE, ENTRIES_PER_FILE + 10]);
  });

  test('notices a file that lacks or is too short', async () => {
    const queue = files();
    await queue.append(entries(0, ENTRIES_PER_FILE + 10), 0, 0, ENTRIES_PER_FILE + 10);
    await queue.sync();
    disk.cut(`${DIRECTORY}/${'0'.repeat(20)}`, 100 * ENTRY_SIZE);
    expect(files().load()).toBe(false);
  });

  test('a file that lacks between others neither hangs a search nor gives another entry', async () => {
    const small = (): QueueFiles => new QueueFiles(disk, new FileCache(disk, 8), DIRECTORY, 4);
    const queue = small();
    await queue.append(entries(0, 14), 0, 0, 14);
    await queue.sync();
    disk.lose(`${DIRECTORY}/${'4'.padStart(20, '0')}`);
    const gapped = small();
    expect(gapped.load()).toBe(false);
    expect(gapped.newest()).toEqual({ queueOffset: 3, physicalOffset: 300 });
    expect(gapped.readSync(Buffer.alloc(4 * ENTRY_SIZE), 0, 4, 4)).toBe(0);
    await gapped.repair(entries(4, 4), 4);
    expect(disk.listSync(DIRECTORY)).toHaveLength(3);
  });

  test('cuts back over damaged entries at the end and over whole files', async () => {
    const queue = files();
    await queue.append(entries(0, ENTRIES_PER_FILE + 10), 0, 0, ENTRIES_PER_FILE + 10);
    await queue.truncateTo(1_000 * 100);
    expect(queue.end).toBe(1_000);
    expect(disk.listSync(DIRECTORY)).toHaveLength(1);
    await queue.truncateTo(0);
    expect(queue.end).toBe(0);
  });
});

describe('FileCache', () => {
  test('keeps no more open than its capacity, and never closes one that is in use', async () => {
    disk.makeDirectorySync('/q');
    const cache = new FileCache(disk, 3);
    let finish: (() => void) | undefined;
    const using = cache.use('/q/busy', () => new Promise<void>((resolve) => (finish = resolve)));
    for (let index = 0; index < 10; index++) cache.open(`/q/${index}`);
    expect(disk.openFiles).toBe(3);
    expect(cache.open('/q/busy').sizeSync()).toBe(0);
    finish?.();
    await using;
    await cache.forget('/q/busy');
    await cache.close();
    expect(disk.openFiles).toBe(0);
  });
});
