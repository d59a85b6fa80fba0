// A store of each released format is kept for ever: every version must open it and read what its writer read.
// COMET_WRITE_STORE_FIXTURE=1 writes the one of the present format anew; that is right only before a release, or in a new
// folder together with a new format version.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import { verifyStore } from '@cometmq/broker/store/tools/verify-store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FixtureBroker } from '../support/store-fixture/fixture-broker.ts';
import { unpackFolder } from '../support/store-fixture/fixture-files.ts';
import type { MessagePlace } from '../support/store-fixture/make-store-fixture.ts';
import {
  FIXTURE_GROUPS,
  FIXTURE_TOPICS,
  LATE_TOPIC,
  OPEN_HALF,
  endTransaction,
  makeStoreFixture,
} from '../support/store-fixture/make-store-fixture.ts';
import type { StoreContent } from '../support/store-fixture/read-store.ts';
import { readStore } from '../support/store-fixture/read-store.ts';

const FIXTURE = fileURLToPath(new URL('../fixtures/store-v1', import.meta.url));
/** Time to deliver a message that came due while nobody was there, ms. */
const LATE_LIMIT_MS = 10_000;
let folder: string;

beforeAll(async () => {
  if (process.env['COMET_WRITE_STORE_FIXTURE'] === '1') await makeStoreFixture(FIXTURE);
  folder = mkdtempSync(join(tmpdir(), 'comet-store-format-'));
}, 30_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function whatItHolds(): { readonly content: StoreContent; readonly open: MessagePlace } {
  return JSON.parse(readFileSync(join(FIXTURE, 'content.json'), 'utf8')) as ReturnType<typeof whatItHolds>;
}

function unpacked(state: string): string {
  const dataDir = mkdtempSync(join(folder, state));
  unpackFolder(join(FIXTURE, state), dataDir);
  return dataDir;
}

test.each(['killed', 'stopped'])('a store of format 1 whose broker was %s reads as it did', async (state) => {
  const { content: expected } = whatItHolds();
  const dataDir = unpacked(state);
  // Twice: what the first start wrote must be as good.
  for (const round of ['first', 'second']) {
    const broker = await FixtureBroker.start(dataDir);
    try {
      expect(await readStore(broker.caller, FIXTURE_TOPICS, FIXTURE_GROUPS), round).toEqual(expected);
    } finally {
      await broker.stop();
    }
  }
});

test.each(['killed', 'stopped'])(
  'a transaction that was open when the broker was %s can be committed, once',
  async (state) => {
    const broker = await FixtureBroker.start(unpacked(state));
    try {
      const { content, open } = whatItHolds();
      for (let time = 0; time < 2; time++) await endTransaction(broker.caller, open, 'commit');
      const now = await readStore(broker.caller, FIXTURE_TOPICS, FIXTURE_GROUPS);
      const [before, after] = [content, now].map(({ queues }) => queues['orders/1']?.messages ?? []);
      expect(after).toHaveLength((before?.length ?? 0) + 1);
      expect(after?.at(-1)).toMatchObject({ body: Buffer.from(OPEN_HALF).toString('base64') });
    } finally {
      await broker.stop();
    }
  },
);

test('a message that was delayed when the broker stopped is delivered', async () => {
  const broker = await FixtureBroker.start(unpacked('stopped'));
  try {
    const late = async (): Promise<StoreContent> => readStore(broker.caller, { [LATE_TOPIC]: 1 }, []);
    const deadline = performance.now() + LATE_LIMIT_MS;
    let content = await late();
    while (content.queues[`${LATE_TOPIC}/0`]?.max === 0 && performance.now() < deadline) {
      await sleep(50);
      content = await late();
    }
    expect(content.queues[`${LATE_TOPIC}/0`]).toMatchObject({
      max: 1,
      messages: [{ body: Buffer.from('two hours later').toString('base64'), properties: { KEYS: 'late' } }],
    });
  } finally {
    await broker.stop();
  }
});

test.each(['killed', 'stopped'])('nothing in the %s store is damaged', async (state) => {
  const dataDir = unpacked(state);
  const findings: unknown[] = [];
  for await (const finding of verifyStore(new NodeDisk(), join(dataDir, 'store'))) findings.push(finding);
  expect(findings).toEqual([]);
});
