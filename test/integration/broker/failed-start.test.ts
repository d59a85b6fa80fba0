import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Broker } from '@cometmq/broker/broker';
import type { KeyValueStore } from '@cometmq/broker/store/kv/key-value-store';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { SystemClock } from '@cometmq/common/clock/system-clock';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import { silentLogger } from '@cometmq/common/logging/logger';
import { NodeNet } from '@cometmq/common/net/node-net';
import { SeededRandom } from '../../support/seeded-random.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cometmq-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function newBroker(port: number, openKeyValueStore = (): KeyValueStore => new MemoryKeyValueStore()): Broker {
  return new Broker({
    net: new NodeNet(),
    clock: new SystemClock(),
    disk: new NodeDisk(),
    random: new SeededRandom(),
    // Whoever wrote another process number into the lock is alive.
    processes: { ownId: process.pid, isAlive: () => true, identityOf: () => undefined },
    log: silentLogger,
    dataDir: folder,
    openKeyValueStore,
    config: { port, segmentSizeBytes: 16 * 1024 * 1024 },
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

test('a broker that can not open its settings gives back its port and its folder', async () => {
  const port = await freePort();
  const broken = new MemoryKeyValueStore();
  broken.open = () => Promise.reject(new Error('damaged'));
  await expect(newBroker(port, () => broken).start()).rejects.toThrow('damaged');
  const second = newBroker(port);
  await second.start();
  await second.stop();
});

test('a taken port is named, and the folder is free afterwards', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  await expect(newBroker(port).start()).rejects.toThrow(`can't listen on 127.0.0.1:${port}`);
  await new Promise((resolve) => taken.close(resolve));
  const second = newBroker(port);
  await second.start();
  await second.stop();
});

test('a folder that another process uses is refused and left alone', async () => {
  writeFileSync(join(folder, 'lock'), '4711');
  await expect(newBroker(0).start()).rejects.toThrow('process 4711 is using the data folder');
  writeFileSync(join(folder, 'lock'), String(process.pid));
  const second = newBroker(0);
  await second.start();
  await second.stop();
});
