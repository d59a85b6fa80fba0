import { silentLogger } from '@cometmq/common/logging/logger';
import { beforeEach, describe, expect, test } from 'vitest';
import { CommitLog } from '@cometmq/broker/store/log/commit-log';
import type { Durability } from '@cometmq/broker/store/log/durability';
import { whenDurable } from '@cometmq/broker/store/log/durability';
import { FRAME_HEADER_SIZE, frameSize } from '@cometmq/broker/store/log/log-frame';
import { LogScanner } from '@cometmq/broker/store/log/log-recovery';
import { LogSegments } from '@cometmq/broker/store/log/log-segments';
import { LogTail } from '@cometmq/broker/store/log/log-tail';
import { ManualClock } from '../../../../support/manual-clock.ts';
import { SimulatedDisk } from '../../../../support/simulated-disk.ts';

const DIRECTORY = '/log';
const SEGMENT_SIZE = 16 * 1024;

let clock: ManualClock;
let disk: SimulatedDisk;
let segments: LogSegments;
let log: CommitLog;
let events: string[];

async function open(segmentSize = SEGMENT_SIZE, chunkSize = 64 * 1024): Promise<void> {
  clock = new ManualClock();
  disk = new SimulatedDisk();
  events = [];
  segments = new LogSegments({ disk, clock, log: silentLogger, directory: DIRECTORY, segmentSize });
  segments.open();
  await disk.syncDirectory('/');
  await segments.createFirst(0, segmentSize);
  segments.prepareSpare(() => 0);
  await clock.advance(50);
  log = new CommitLog({
    clock,
    log: silentLogger,
    segments,
    tail: new LogTail(chunkSize, 4),
    epoch: 1,
    end: { offset: 0, link: 0 },
    syncIntervalMs: 100,
  });
}

function append(size: number, durability: Durability = 'synced', name = ''): number {
  const at = log.reserve(size);
  log.buffer.fill(0x61, log.position, log.position + size);
  log.group(durability).join({
    durable: () => void events.push(`${name} ${durability}`),
    failed: (error) => void events.push(`${name} ${error.kind}`),
  });
  return at;
}

/** Makes every datasync wait; returns what lets the oldest one pass. */
function holdSyncs(): () => void {
  const waiting: (() => void)[] = [];
  disk.gate = ({ kind }) =>
    kind === 'datasync' ? new Promise((resolve) => waiting.push(resolve)) : undefined;
  return () => waiting.shift()?.();
}

function scanned(): { payloads: number[]; end: number } {
  const payloads: number[] = [];
  const fresh = new LogSegments({
    disk,
    clock,
    log: silentLogger,
    directory: DIRECTORY,
    segmentSize: segments.segmentSize,
  });
  fresh.open();
  const scanner = new LogScanner(fresh, (_bytes, from, to) => payloads.push(to - from));
  return { payloads, end: scanner.scan(0, undefined, { offset: 0, link: 0 }).end.offset };
}

beforeEach(() => open());

describe('group commit', () => {
  test('releases a synced group only after its sync, the written group before', async () => {
    const release = holdSyncs();
    append(100, 'synced', 'a');
    append(100, 'written', 'b');
    await clock.settle();
    expect(events).toEqual(['b written']);
    expect(log.syncedEnd.offset).toBe(0);
    release();
    await clock.settle();
    expect(events).toEqual(['b written', 'a synced']);
    expect(log.syncedEnd.offset).toBe(log.writtenOffset);
  });

  test('what comes during a sync waits for the next one, in order', async () => {
    const release = holdSyncs();
    append(100, 'synced', 'a');
    await clock.settle();
    append(100, 'synced', 'b');
    await clock.settle();
    append(100, 'synced', 'c');
    await clock.settle();
    release();
    await clock.settle();
    expect(events).toEqual(['a synced']);
    release();
    await clock.settle();
    expect(events).toEqual(['a synced', 'b synced', 'c synced']);
  });

  test('one turn is one write and one sync however many records there are', async () => {
    const before = disk.operations;
    for (let index = 0; index < 50; index++) append(100, 'synced');
    await clock.settle();
    expect(disk.operations - before).toBe(2);
    expect(scanned().payloads).toEqual([5_000]);
  });

  test('written records are synced after the interval without anybody waiting', async () => {
    append(100, 'written', 'a');
    await clock.settle();
    expect(log.syncedEnd.offset).toBe(0);
    await clock.advance(100);
    expect(log.syncedEnd.offset).toBe(512);
  });

  test('sync() resolves when all is on the disk and close() leaves nothing open', async () => {
    append(100, 'written');
    await log.sync();
    expect(log.unsyncedBytes).toBe(0);
    append(100, 'written');
    await log.close();
    expect(
      disk
        .crash({ seed: 0, keep: 0 })
        .files()
        .get(`${DIRECTORY}/${'0'.repeat(20)}`)
        ?.subarray(512, 516)
        .toString(),
    ).toBe('CMQ1');
  });
});

describe('records that belong together', () => {
  function appendTogether(sizes: readonly number[]): void {
    log.reserveTogether(sizes.reduce((sum, size) => sum + size, 0));
    for (const size of sizes) append(size);
  }

  test('share a frame that would have been written between them', async () => {
    await open(1024 * 1024, 1024 * 1024);
    append(255 * 1024);
    appendTogether([2 * 1024, 1024]);
    append(100);
    await clock.settle();
    expect(scanned().payloads).toEqual([258 * 1024, 100]);
  });

  test('go to the next segment together', async () => {
    append(SEGMENT_SIZE - 3 * 1024);
    await clock.settle();
    appendTogether([1024, 1024]);
    await clock.settle();
    expect(scanned().payloads).toEqual([SEGMENT_SIZE - 3 * 1024, 2 * 1024]);
    expect(log.endOffset).toBe(SEGMENT_SIZE + frameSize(2 * 1024));
  });

  test('are refused as a whole when they do not fit a frame, or there is no room', async () => {
    expect(() => appendTogether([SEGMENT_SIZE / 2, SEGMENT_SIZE / 2])).toThrow('do not fit');
    await open(128 * 1024, 64 * 1024);
    expect(() => appendTogether([32 * 1024, 32 * 1024])).toThrow('do not fit');
    expect(log.endOffset).toBe(0);
  });
});

describe('segments', () => {
  test('rolls when full, with an end frame, and goes on in the next one', async () => {
    const positions: number[] = [];
    for (let index = 0; index < 40; index++) {
      positions.push(append(1_000));
      if (index % 10 === 9) await clock.advance(50);
    }
    expect(segments.count).toBe(3);
    expect(scanned().payloads.reduce((a, b) => a + b)).toBe(40_000);
    for (const position of positions) {
      expect(Math.floor(position / SEGMENT_SIZE)).toBe(Math.floor((position + 999) / SEGMENT_SIZE));
    }
  }, 10_000);

  test('nothing in a new segment is released before its name is durable', async () => {
    let named: (() => void) | undefined;
    disk.gate = ({ kind, path }) =>
      kind === 'rename' && path.endsWith('spare') ? new Promise((resolve) => (named = resolve)) : undefined;
    append(15_000, 'synced', 'a');
    append(2_000, 'synced', 'b');
    await clock.settle();
    expect(segments.count).toBe(2);
    expect(events).toEqual([]);
    named?.();
    await clock.settle();
    expect(events).toEqual(['a synced', 'b synced']);
  });

  test.each([0, 1, 511, 512, 513, 1_024])(
    'a frame that leaves %i bytes never goes beyond the segment',
    async (left) => {
      const largest = SEGMENT_SIZE - 2 * 512 - FRAME_HEADER_SIZE + 512 - left;
      append(Math.max(1, largest - 300));
      append(300);
      await clock.settle();
      append(700);
      await clock.settle();
      for (const [path, bytes] of disk.files()) {
        if (!path.endsWith('preparing')) expect(bytes.length, path).toBe(SEGMENT_SIZE);
      }
      expect(scanned().payloads.reduce((a, b) => a + b)).toBe(Math.max(1, largest - 300) + 300 + 700);
    },
  );

  test('a chunk that ends just before the segment does not push the end frame out of it', async () => {
    for (let filled = 6_000; filled < 8_100; filled += 61) {
      await open(16 * 1024, 8 * 1024);
      append(7_000);
      await clock.settle();
      append(200);
      append(filled);
      append(400);
      append(900);
      await clock.settle();
      append(900);
      await clock.settle();
      for (const [path, bytes] of disk.files()) {
        if (!path.endsWith('preparing')) expect(bytes.length, `${path} at ${filled}`).toBe(16 * 1024);
      }
      expect(scanned().end).toBe(log.writtenOffset);
    }
  });

  test('SYSTEM_BUSY while the next segment is being prepared, and nothing is lost by it', async () => {
    append(15_000);
    append(15_000);
    expect(() => append(15_000)).toThrow(expect.objectContaining({ kind: 'SYSTEM_BUSY', retryable: true }));
    await clock.advance(50);
    append(15_000);
    await clock.settle();
    expect(scanned().payloads).toEqual([15_000, 15_000, 15_000]);
  });

  test('SERVICE_NOT_AVAILABLE with the reason while the disk is full; resumes by itself', async () => {
    disk.capacityBytes = 2 * SEGMENT_SIZE + 4_096;
    append(15_000);
    append(15_000);
    await clock.advance(50);
    expect(() => append(15_000)).toThrow(/no room.*needs .* MiB and the disk of \/log has/);
    await clock.advance(5_000);
    expect(() => append(15_000)).toThrow(expect.objectContaining({ kind: 'SERVICE_NOT_AVAILABLE' }));
    for (let index = 0; index < 20; index++) expect(() => append(15_000)).toThrow();
    await clock.advance(3_000);
    expect(clock.timerCount).toBe(1);
    expect(disk.openFiles).toBe(2);
    disk.capacityBytes = undefined;
    await clock.advance(1_500);
    append(15_000);
    await clock.settle();
    expect(log.failure).toBeUndefined();
    expect(scanned().payloads).toHaveLength(3);
  });

  test('a record that fits no segment is refused and the log goes on', async () => {
    const largest = SEGMENT_SIZE - frameSize(0) - FRAME_HEADER_SIZE;
    expect(() => append(largest + 1)).toThrow(expect.objectContaining({ kind: 'MESSAGE_ILLEGAL' }));
    append(largest);
    await clock.settle();
    expect(scanned().payloads).toEqual([largest]);
  });

  test('a 4 MiB record', async () => {
    await open(6 * 1024 * 1024, 8 * 1024 * 1024);
    append(4 * 1024 * 1024 + 40_000);
    append(4 * 1024 * 1024 + 40_000);
    await clock.settle();
    expect(scanned().payloads).toEqual([4 * 1024 * 1024 + 40_000, 4 * 1024 * 1024 + 40_000]);
  });

  test('a large open frame is written early', async () => {
    await open(1024 * 1024, 2 * 1024 * 1024);
    for (let index = 0; index < 9; index++) append(60_000);
    expect(log.writtenOffset).toBeGreaterThan(256 * 1024);
    await clock.settle();
    expect(scanned().payloads.reduce((a, b) => a + b)).toBe(540_000);
  });
});

describe('failures', () => {
  test('what is written to a new segment is acknowledged when the segment has its name', async () => {
    append(15_000, 'written', 'a');
    await clock.settle();
    const state: { rename?: () => void } = {};
    disk.gate = ({ kind }) =>
      kind === 'rename' ? new Promise((resolve) => (state.rename = resolve)) : undefined;
    append(5_000, 'written', 'b');
    await clock.settle();
    expect(events).toEqual(['a written']);
    append(100, 'written', 'c');
    await clock.settle();
    state.rename?.();
    await clock.settle();
    expect(events).toEqual(['a written', 'b written', 'c written']);
  });

  test.each(['rename', 'syncDirectory'] as const)(
    'a failed %s at a roll poisons the log at once, with a sync or without',
    async (kind) => {
      append(15_000, 'written', 'a');
      await clock.settle();
      disk.failNext(1, 'EIO', [kind]);
      append(5_000, 'written', 'b');
      await clock.settle();
      expect(events).toEqual(['a written', 'b STORE_FAILED']);
      expect(() => append(1)).toThrow(expect.objectContaining({ kind: 'STORE_FAILED' }));
    },
  );

  test('a failed sync tells all who wait and poisons the log', async () => {
    const release = holdSyncs();
    append(100, 'synced', 'a');
    await clock.settle();
    append(100, 'synced', 'b');
    await clock.settle();
    disk.failNext(1, 'EIO', ['datasync']);
    release();
    await clock.settle();
    expect(events).toEqual(['a STORE_FAILED', 'b STORE_FAILED']);
    expect(() => append(1)).toThrow(expect.objectContaining({ kind: 'STORE_FAILED' }));
    await expect(log.sync()).rejects.toMatchObject({ kind: 'STORE_FAILED' });
    await expect(whenDurable(log.group('synced'))).rejects.toMatchObject({ kind: 'STORE_FAILED' });
  });

  test('a failed write while a sync is under way: the sync still counts, if it succeeds', async () => {
    const release = holdSyncs();
    append(100, 'synced', 'a');
    await clock.settle();
    disk.failNext(1, 'EIO', ['write']);
    append(100, 'written', 'b');
    await clock.settle();
    expect(events).toEqual(['b STORE_FAILED']);
    release();
    await clock.settle();
    expect(events).toEqual(['b STORE_FAILED', 'a synced']);
  });

  test('a failed write and then a failed sync: nobody waits for ever', async () => {
    const release = holdSyncs();
    append(100, 'synced', 'a');
    await clock.settle();
    disk.failNext(1, 'EIO', ['write']);
    append(100, 'written', 'b');
    await clock.settle();
    disk.failNext(1, 'EIO', ['datasync']);
    release();
    await clock.settle();
    expect(events).toEqual(['b STORE_FAILED', 'a STORE_FAILED']);
  });

  test('a failed inline sync', async () => {
    for (let index = 0; index < 20; index++) {
      append(10, 'synced', 'ok');
      await clock.settle();
    }
    expect(events).toHaveLength(20);
    disk.failNext(1, 'EIO', ['datasync']);
    append(10, 'synced', 'last');
    await clock.settle();
    expect(events.at(-1)).toBe('last STORE_FAILED');
  });

  test('a name that can not be made durable poisons the log', async () => {
    append(15_000, 'synced', 'a');
    await clock.settle();
    disk.failNext(1, 'EIO', ['rename']);
    append(15_000, 'synced', 'b');
    await clock.settle();
    expect(events).toEqual(['a synced', 'b STORE_FAILED']);
  });
});
