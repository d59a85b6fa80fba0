import { expect, test } from 'vitest';
import { nodeProcesses } from '@cometmq/common/process/node-processes';
import type { ProcessTable } from '@cometmq/common/process/process-table';
import { DirectoryLock, liveHolder } from '@cometmq/broker/store/directory-lock';
import { SimulatedDisk } from '../../../support/simulated-disk.ts';

/** A machine on which process 7 lives; `identity` tells which one that is. */
function machine(ownId: number, identity: string | undefined): ProcessTable {
  return { ownId, isAlive: (id) => id === 7, identityOf: () => identity };
}

async function lockedBy(
  processes: ProcessTable,
): Promise<{ disk: SimulatedDisk; take: (by: ProcessTable) => Promise<void> }> {
  const disk = new SimulatedDisk();
  disk.makeDirectorySync('/data');
  await new DirectoryLock(disk, '/data', processes).take();
  return { disk, take: (by) => new DirectoryLock(disk, '/data', by).take() };
}

test('a folder that a live process uses is refused', async () => {
  const { take } = await lockedBy(machine(7, 'boot/1'));
  await expect(take(machine(9, 'boot/1'))).rejects.toThrow('process 7 is using the data folder /data');
});

test('a lock of a dead process is taken over', async () => {
  const { take } = await lockedBy(machine(8, 'boot/1'));
  await take(machine(9, 'boot/2'));
});

test('a lock is taken over when its process id belongs to another process now', async () => {
  const { take } = await lockedBy(machine(7, 'boot/1'));
  await take(machine(9, 'boot/2'));
});

test('where nobody knows which process it is, the id decides', async () => {
  const { take } = await lockedBy(machine(7, undefined));
  await expect(take(machine(9, 'boot/1'))).rejects.toThrow('process 7');
  expect(liveHolder(Buffer.from('7'), machine(9, 'boot/1'))).toBe(7);
});

test.each(['', 'nonsense', '-7', '0', '7.5e'])('the lock %j names nobody', (text) => {
  expect(liveHolder(Buffer.from(text), machine(9, 'boot/1'))).toBeUndefined();
});

test.runIf(process.platform === 'linux')('this process is told from others', () => {
  expect(nodeProcesses.identityOf(process.pid)).toMatch(/^[0-9a-f-]{36}\/\d+$/);
  expect(nodeProcesses.identityOf(1)).not.toBe(nodeProcesses.identityOf(process.pid));
  expect(nodeProcesses.identityOf(2 ** 30)).toBeUndefined();
});
