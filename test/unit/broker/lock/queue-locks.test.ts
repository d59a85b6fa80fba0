import { QueueLocks } from '@cometmq/broker/lock/queue-locks';
import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../../support/manual-clock.ts';

let clock: ManualClock;
let locks: QueueLocks;

beforeEach(() => {
  clock = new ManualClock();
  locks = new QueueLocks(clock);
});

test('one holder a queue and group', () => {
  expect(locks.lock('G', 'q', 'a')).toBe(true);
  expect(locks.lock('G', 'q', 'a')).toBe(true);
  expect(locks.lock('G', 'q', 'b')).toBe(false);
  expect(locks.lock('G', 'r', 'b')).toBe(true);
  expect(locks.lock('H', 'q', 'b')).toBe(true);
});

test('a lock that is not renewed for more than 60 s is free', async () => {
  locks.lock('G', 'q', 'a');
  await clock.advance(40_000);
  locks.lock('G', 'q', 'a');
  await clock.advance(60_000);
  expect(locks.lock('G', 'q', 'b')).toBe(false);
  expect(locks.isHeld('G')).toBe(true);
  await clock.advance(1);
  expect(locks.isHeld('G')).toBe(false);
  expect(locks.lock('G', 'q', 'b')).toBe(true);
});

test('only the holder frees it; a client that goes frees all', () => {
  locks.lock('G', 'q', 'a');
  locks.lock('G', 'r', 'a');
  locks.unlock('G', 'q', 'b');
  expect(locks.lock('G', 'q', 'b')).toBe(false);
  locks.unlockAll('G', 'a');
  expect(locks.isHeld('G')).toBe(false);
  expect(locks.lock('G', 'q', 'b')).toBe(true);
});

test('a step of the wall clock changes nothing', () => {
  locks.lock('G', 'q', 'a');
  clock.stepWallClock(-7_200_000);
  clock.stepWallClock(14_400_000);
  expect(locks.lock('G', 'q', 'b')).toBe(false);
});
