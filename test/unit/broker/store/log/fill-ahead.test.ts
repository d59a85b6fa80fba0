import { expect, test } from 'vitest';
import { FillAhead } from '@cometmq/broker/store/log/fill-ahead';
import type { DiskFile } from '@cometmq/common/disk/disk';
import { silentLogger } from '@cometmq/common/logging/logger';
import { ManualClock } from '../../../../support/manual-clock.ts';
import { SimulatedDisk } from '../../../../support/simulated-disk.ts';

const SEGMENT_SIZE = 1024 * 1024;
const STEP = 256 * 1024;
const BASE = 4 * SEGMENT_SIZE;

interface World {
  readonly clock: ManualClock;
  readonly disk: SimulatedDisk;
  readonly file: DiskFile;
  readonly filling: FillAhead;
  /** Where the log has got to in the segment. */
  written: number;
}

async function open(capacityBytes?: number, written = 0): Promise<World> {
  const clock = new ManualClock();
  const disk = new SimulatedDisk();
  disk.capacityBytes = capacityBytes;
  disk.makeDirectorySync('/log');
  const file = disk.openSync('/log/segment', 'create');
  await file.truncate(SEGMENT_SIZE);
  const world = { clock, disk, file, written };
  const filling = new FillAhead(
    clock,
    silentLogger,
    { base: BASE, file },
    SEGMENT_SIZE,
    () => BASE + world.written,
  );
  return Object.assign(world, { filling });
}

async function used({ disk }: World): Promise<number> {
  const { totalBytes, freeBytes } = await disk.space();
  return totalBytes - freeBytes;
}

test('fills the segment step by step and then rests', async () => {
  const world = await open();
  expect(await used(world)).toBe(STEP);
  await world.clock.advance(20);
  expect(await used(world)).toBe(SEGMENT_SIZE);
  expect(world.clock.timerCount).toBe(0);
  expect(world.filling.reach(BASE + SEGMENT_SIZE)).toBe(true);
});

test('never writes over what the log wrote, not even within a step', async () => {
  const world = await open(undefined, 1_000);
  world.file.writeSync(Buffer.alloc(1_000, 7), 0, 1_000, 0);
  await world.clock.advance(20);
  const content = world.disk.files().get('/log/segment');
  expect(content?.subarray(0, 1_000).every((byte) => byte === 7)).toBe(true);
  expect(await used(world)).toBe(SEGMENT_SIZE);
});

test('a log that is faster than the filling waits for it, not for the timer', async () => {
  const world = await open();
  expect(world.filling.reach(BASE + 3 * STEP - 5)).toBe(true);
  expect(await used(world)).toBe(3 * STEP);
});

test('on a full disk the log gets as far as there is room, and further when there is more', async () => {
  const world = await open(2 * STEP + 4096);
  await world.clock.advance(20);
  expect(world.filling.fault).toMatch(/ENOSPC/);
  expect(world.filling.reach(BASE + 2 * STEP)).toBe(true);
  expect(world.filling.reach(BASE + 2 * STEP + 1)).toBe(false);
  const before = world.disk.operations;
  for (let send = 0; send < 1_000; send++) world.filling.reach(BASE + 3 * STEP);
  expect(world.disk.operations).toBe(before);
  await world.clock.advance(5_000);
  expect(world.filling.reach(BASE + 3 * STEP)).toBe(false);
  world.disk.capacityBytes = undefined;
  await world.clock.advance(1_100);
  expect(world.filling.fault).toBeUndefined();
  expect(world.filling.reach(BASE + SEGMENT_SIZE)).toBe(true);
});

test('stopped, it holds nobody up', async () => {
  const world = await open(STEP);
  await world.clock.advance(20);
  expect(world.filling.reach(BASE + 2 * STEP)).toBe(false);
  world.filling.stop();
  expect(world.filling.reach(BASE + 2 * STEP)).toBe(true);
  expect(world.clock.timerCount).toBe(0);
});
