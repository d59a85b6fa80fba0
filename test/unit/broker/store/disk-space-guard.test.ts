import { beforeEach, expect, test } from 'vitest';
import { DiskSpaceGuard } from '@cometmq/broker/store/disk-space-guard';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import type { DiskSpace } from '@cometmq/common/disk/disk';
import type { Logger } from '@cometmq/common/logging/logger';
import { silentLogger } from '@cometmq/common/logging/logger';
import { ManualClock } from '../../../support/manual-clock.ts';
import { StoreWorld } from '../../../support/store-world.ts';

const GIB = 2 ** 30;
const LIMITS = { warnPercent: 75, fullPercent: 90 };

let clock: ManualClock;
let lines: string[];
let space: DiskSpace;
let isBroken: boolean;

class FakeDisk extends NodeDisk {
  override space(): Promise<DiskSpace> {
    return isBroken ? Promise.reject(new Error('EIO')) : Promise.resolve(space);
  }
}

async function open(diskSpace = LIMITS): Promise<DiskSpaceGuard> {
  const log: Logger = {
    ...silentLogger,
    info: (_fields, text) => void lines.push(`info ${text.slice(0, 25)}`),
    warn: (_fields, text) => void lines.push(`warn ${text.slice(0, 25)}`),
    error: (_fields, text) => void lines.push(`error ${text.slice(0, 25)}`),
  };
  const guard = new DiskSpaceGuard({ disk: new FakeDisk(), clock, log, directory: '/data', diskSpace });
  await guard.start();
  return guard;
}

function used(percent: number, totalBytes = 64 * 2 ** 20): void {
  space = { totalBytes, freeBytes: Math.round((totalBytes * (100 - percent)) / 100) };
}

beforeEach(() => {
  clock = new ManualClock();
  lines = [];
  isBroken = false;
  used(10);
});

test('warns, refuses, and accepts again, each told once', async () => {
  const guard = await open();
  const seen: string[] = [];
  for (const percent of [74, 75, 76, 74, 73, 89, 90, 95, 89, 88, 87.5, 86.9, 90, 50]) {
    used(percent);
    await clock.advance(1_000);
    seen.push(`${percent} ${guard.refusal === undefined ? 'accepts' : 'refuses'}`);
  }
  expect(seen).toEqual([
    ...['74 accepts', '75 accepts', '76 accepts', '74 accepts', '73 accepts', '89 accepts'],
    ...['90 refuses', '95 refuses', '89 refuses', '88 refuses', '87.5 refuses', '86.9 accepts'],
    ...['90 refuses', '50 accepts'],
  ]);
  expect(lines).toEqual([
    'warn the disk is filling up',
    'error the disk is nearly full; ',
    'info the disk has room again; ',
    'error the disk is nearly full; ',
    'info the disk has room again; ',
  ]);
  guard.stop();
  expect(clock.timerCount).toBe(0);
});

test('the refusal has the figures, and how to get out of it', async () => {
  used(95);
  const { refusal } = await open();
  expect(refusal).toMatchObject({ kind: 'SERVICE_NOT_AVAILABLE', retryable: true });
  expect(refusal?.message).toBe(
    'the disk of /data is 95.0 % full, 3.2 of 64.0 MiB are free; messages are refused from 90 % on',
  );
  expect(refusal?.hint).toContain('below 87 %');
});

test('a tenth of a large disk is no reason to refuse', async () => {
  used(97, 2_000 * GIB);
  const guard = await open();
  expect(guard.refusal).toBeUndefined();
  used(99.5, 2_000 * GIB);
  await clock.advance(1_000);
  expect(guard.refusal?.message).toContain('99.5 % full');
});

test('100 switches it off, and a disk that does not say leaves things as they are', async () => {
  used(99.9);
  expect((await open({ warnPercent: 100, fullPercent: 100 })).refusal).toBeUndefined();
  const guard = await open();
  isBroken = true;
  await clock.advance(3_000);
  expect(guard.refusal).toBeDefined();
});

test('a store on such a disk refuses to append and goes on reading', async () => {
  const world = new StoreWorld({ diskSpace: LIMITS });
  world.disk.capacityBytes = 64 * 2 ** 20;
  await world.open();
  await world.send({ body: 'before' });
  await world.clock.advance(100);
  const { totalBytes, freeBytes } = await world.disk.space();
  world.disk.capacityBytes = Math.round((totalBytes - freeBytes) * 1.05);
  await world.clock.advance(1_100);
  expect(() => world.append({ body: 'refused' })).toThrow(
    expect.objectContaining({ kind: 'SERVICE_NOT_AVAILABLE' }),
  );
  expect(world.bodies()).toEqual(['before']);
  world.disk.capacityBytes = 64 * 2 ** 20;
  await world.clock.advance(1_100);
  await world.send({ body: 'after' });
  expect(world.bodies()).toEqual(['before', 'after']);
});
