import { Limits } from '@cometmq/broker/config/limits';
import type { MqError } from '@cometmq/common/error/mq-error';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { beforeEach, expect, test } from 'vitest';
import { BrokerWorld, sendRequest } from '../support/broker-world.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { SimulatedDisk } from '../support/simulated-disk.ts';

// A disk whose syncs take from 20 ms to 2 s. Time is the test's.

const MIB = 1024 * 1024;
const SEND_EVERY_MS = 10;

let clock: ManualClock;
let disk: SimulatedDisk;
let world: BrokerWorld;
let syncs: number;
let answers: { readonly code: string; readonly latencyMs: number }[];

/** Syncs of the log, and of the segments that are made for it, take this long from now on. */
function slow(syncMs: number): void {
  syncs = 0;
  disk.gate = ({ kind, path }) => {
    if (kind !== 'datasync' || !path.includes('/commitlog/')) return undefined;
    syncs++;
    return new Promise((resolve) => void clock.setTimer(syncMs, resolve));
  };
}

function send(size = 1): void {
  const startMs = world.clock.monotonic();
  const note = (code: string): void =>
    void answers.push({ code, latencyMs: world.clock.monotonic() - startMs });
  world.services.producing.send(sendRequest('orders', {}, { body: Buffer.alloc(size, 1) })).then(
    () => {
      note('OK');
    },
    (error: unknown) => {
      note((error as MqError).kind);
    },
  );
}

beforeEach(async () => {
  clock = new ManualClock();
  disk = new SimulatedDisk();
  // Not so fast that syncing on the event loop would pay.
  slow(2);
  const state = { isOpen: false };
  const opening = BrokerWorld.open({}, { clock, disk, kv: new MemoryKeyValueStore() }).finally(() => {
    state.isOpen = true;
  });
  while (!state.isOpen) await clock.advance(2);
  world = await opening;
  answers = [];
  send();
  await world.clock.advance(100);
  answers = [];
});

test.each([20, 200, 2_000])(
  'syncs of %i ms: fewer and larger groups, everybody is answered',
  async (syncMs) => {
    slow(syncMs);
    const sends = 300;
    for (let index = 0; index < sends; index++) {
      send();
      await world.clock.advance(SEND_EVERY_MS);
    }
    await world.clock.advance(3 * syncMs);
    expect(answers.filter(({ code }) => code === 'OK')).toHaveLength(sends);
    expect(syncs).toBeGreaterThan(1);
    expect(syncs).toBeLessThanOrEqual((sends * SEND_EVERY_MS) / syncMs + 3);
    // One sync may have begun just before: nobody waits for more than two.
    expect(Math.max(...answers.map(({ latencyMs }) => latencyMs))).toBeLessThanOrEqual(
      2 * syncMs + SEND_EVERY_MS,
    );
    expect(world.read('orders')).toHaveLength(sends + 1);
  },
);

test('what waits for a slow disk is bounded: more is refused at once, and accepted again when the disk has caught up', async () => {
  slow(2_000);
  let outstanding = 0;
  for (let index = 0; index < 100; index++) {
    send(MIB);
    await world.clock.advance(5);
    outstanding = Math.max(outstanding, world.store.unsyncedBytes);
  }
  expect(outstanding).toBeLessThan(Limits.unsyncedBytes + 2 * MIB);
  const refused = answers.filter(({ code }) => code === 'SYSTEM_BUSY');
  expect(refused.length).toBeGreaterThan(20);
  expect(Math.max(...refused.map(({ latencyMs }) => latencyMs))).toBeLessThanOrEqual(5);
  await world.clock.advance(12_000);
  expect(answers).toHaveLength(100);
  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['OK', 'SYSTEM_BUSY']));
  expect(world.store.unsyncedBytes).toBe(0);
  answers = [];
  send(MIB);
  await world.clock.advance(2_100);
  expect(answers.map(({ code }) => code)).toEqual(['OK']);
});
