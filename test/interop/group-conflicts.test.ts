import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { repositoryFolder } from './support/paths.ts';
import { waitUntil } from './support/wait.ts';
import { theWorld, type World } from './support/world.ts';

let world: World;
beforeAll(async () => void (world = await theWorld()), 600_000);

/** What a user waits at most for an answer to "why is this message not consumed?". */
const NAMED_WITHIN_MS = 30_000;

interface Conflict {
  readonly kind: string;
  readonly subject: string;
  readonly sides: readonly { readonly text: string; readonly clientCount: number }[];
}

async function conflicts(group: string): Promise<Conflict[]> {
  const main = join(repositoryFolder, 'cli/dist/main.js');
  const command = [main, 'group', 'conflicts', group, '-n', world.namesrv, '-o', 'json'];
  const { stdout } = await promisify(execFile)(process.execPath, command);
  return (JSON.parse(stdout) as { conflicts: Conflict[] }).conflicts;
}

test(
  'Java and Go in one group with different tags are named by the command line',
  { timeout: 120_000 },
  async () => {
    const topic = await world.topic('conflict', 4);
    const group = world.name('GID_conflict');
    const members = [
      ['java-4.9.8', 'paid'],
      ['java-5.4.0', 'sent || paid'],
      ['go-2.1.2', 'paid'],
    ] as const;
    const started = members.map(([flavour]) => [world.driver(flavour), world.name('c-conflict')] as const);
    for (const [index, [, expression]] of members.entries()) {
      const [driver, consumer] = started[index] ?? [];
      await driver?.startConsumer(consumer ?? '', world.namesrv, { group, topic, expression });
    }
    const [conflict] = await waitUntil(
      () => 'the conflict is named',
      async () => {
        const found = await conflicts(group);
        return found[0]?.sides.reduce((sum, { clientCount }) => sum + clientCount, 0) === 3 && found;
      },
      NAMED_WITHIN_MS,
      500,
    );
    expect([conflict?.kind, conflict?.subject]).toEqual(['SUBSCRIPTIONS_DIFFER', topic]);
    expect(conflict?.sides.map(({ text, clientCount }) => `${clientCount} × ${text}`).sort()).toEqual([
      '1 × paid || sent',
      '2 × paid',
    ]);
    expect(await world.mqadmin('brokerStatus', '-c', 'DefaultCluster')).toMatch(/groupConflicts\s+: [1-9]/);
    const [, second] = started;
    await second?.[0].stopConsumer(second[1]);
    await waitUntil(
      () => 'the conflict is gone',
      async () => (await conflicts(group)).length === 0,
      NAMED_WITHIN_MS,
      500,
    );
    for (const [driver, consumer] of [started[0], started[2]].filter((member) => member !== undefined))
      await driver.stopConsumer(consumer);
  },
);
