import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { RocksDbStore } from '@cometmq/broker/store/kv/rocksdb-store';
import { SealedStore } from '@cometmq/broker/store/kv/sealed-store';
import { NodeDisk } from '@cometmq/common/disk/node-disk';
import { MqError } from '@cometmq/common/error/mq-error';
import { silentLogger } from '@cometmq/common/logging/logger';
import { ManualClock } from '../support/manual-clock.ts';
import { SeededRandom } from '../support/seeded-random.ts';

// Damages the settings folder of a real RocksDB in one place and opens it: everything that was durable is there, or the
// broker refuses to start and nothing in the folder was touched. Never is a key absent because it can't be read.
// One case alone: COMET_TEST_CASE='crash 000010.log bit 77' npm test -- --project conformance settings-damage

type Stop = 'clean' | 'crash';
type Outcome = 'whole' | 'refused';

interface Damage {
  readonly name: string;
  readonly apply: (path: string) => void;
}

const CASES_PER_KIND = 50;
const ROOT = mkdtempSync(join(tmpdir(), 'comet-settings-'));
const disk = new NodeDisk();

afterAll(() => {
  rmSync(ROOT, { recursive: true, force: true });
});

function settings(directory: string, clock = new ManualClock()): SealedStore {
  const makeStore = (isReadOnly: boolean) => new RocksDbStore(directory, isReadOnly);
  return new SealedStore({ disk, clock, log: silentLogger, directory, makeStore });
}

const written = new Map<string, string>();

/** A folder with tables and with changes in the write-ahead log, as a broker leaves it. */
async function build(stop: Stop): Promise<string> {
  const directory = join(ROOT, stop);
  for (let session = 0; session < 3; session++) {
    const clock = new ManualClock();
    const store = settings(directory, clock);
    await store.open();
    for (let index = 0; index < 60; index++) {
      const [key, value] = [`topic/T${session}-${index}`, JSON.stringify({ queues: index, perm: 6 })];
      written.set(key, value);
      await store.write([{ key, value }], true);
    }
    // The seal follows within a second.
    await clock.advance(1_000);
    while (!readFileSync(join(directory, 'seal.json'), 'utf8').includes(`"sequence":${written.size}`))
      await disk.space(directory);
    if (session === 2 && stop === 'crash') {
      cpSync(directory, `${directory}.killed`, { recursive: true });
      await store.close();
      return `${directory}.killed`;
    }
    await store.close();
  }
  return directory;
}

function* damages(path: string, random: SeededRandom): Generator<Damage> {
  const { length } = readFileSync(path);
  yield { name: 'lost', apply: rmSync };
  yield { name: 'emptied', apply: (file) => truncateSync(file, 0) };
  for (let n = 0; n < 12; n++) {
    const size = random.below(length);
    yield { name: `cut to ${size}`, apply: (file) => truncateSync(file, size) };
  }
  for (const size of [512, 4096]) {
    for (let n = 0; n < 6; n++) {
      const at = Math.floor(random.below(length) / size) * size;
      yield {
        name: `${size} bytes zeroed at ${at}`,
        apply: (file) => overwrite(file, at, (bytes) => bytes.fill(0, 0, Math.min(size, bytes.length))),
      };
      const from = random.below(length);
      const apply = (file: string): void =>
        overwrite(file, at, (bytes, whole) =>
          bytes.set(whole.subarray(from, from + Math.min(size, bytes.length))),
        );
      yield { name: `${size} bytes from ${from} at ${at}`, apply };
    }
  }
  for (let n = 0; n < CASES_PER_KIND - 38; n++) {
    const bit = random.below(length * 8);
    const flip = (bytes: Buffer): void => {
      bytes[0] = (bytes[0] ?? 0) ^ (1 << (bit % 8));
    };
    yield { name: `bit ${bit}`, apply: (file) => overwrite(file, Math.floor(bit / 8), flip) };
  }
}

function overwrite(path: string, at: number, change: (bytes: Buffer, whole: Buffer) => void): void {
  const whole = readFileSync(path);
  change(whole.subarray(at), Buffer.from(whole));
  writeFileSync(path, whole);
}

async function judge(image: string, file: string, damage: Damage): Promise<Outcome> {
  const directory = join(ROOT, 'case');
  rmSync(directory, { recursive: true, force: true });
  cpSync(image, directory, { recursive: true });
  damage.apply(join(directory, file));
  const before = contents(directory);
  const store = settings(directory);
  try {
    await store.open();
    const found = new Map(await store.entries('topic/'));
    for (const [key, value] of written)
      if (found.get(key) !== value) throw new Error(`${key} is ${String(found.get(key))}`);
    if (found.size !== written.size) throw new Error(`${found.size} keys`);
    await store.close();
    return 'whole';
  } catch (error) {
    if (!(error instanceof MqError) || error.kind !== 'DATA_DAMAGED') throw error;
    if (!error.message.includes(directory) || error.hint === undefined) throw error;
    for (const [name, bytes] of before)
      if (contents(directory).get(name)?.equals(bytes) !== true)
        throw new Error(`${name} was touched`, { cause: error });
    return 'refused';
  }
}

function contents(directory: string): Map<string, Buffer> {
  const names = readdirSync(directory).filter((name) => /^(CURRENT|MANIFEST|\d|seal)/.test(name));
  return new Map(names.map((name) => [name, readFileSync(join(directory, name))]));
}

const KINDS: readonly [name: string, pattern: RegExp][] = [
  ['tables', /\.sst$/],
  ['write-ahead log', /^\d+\.log$/],
  ['MANIFEST', /^MANIFEST/],
  ['CURRENT', /^CURRENT$/],
  ['seal', /^seal\.json$/],
];

describe.each<[Stop]>([['clean'], ['crash']])('settings after a %s stop', (stop) => {
  test('damage in any kind of file is noticed, or does not matter', { timeout: 120_000 }, async () => {
    written.clear();
    const image = await build(stop);
    const faults: string[] = [];
    const counts: Record<string, number> = {};
    for (const [kind, pattern] of KINDS) {
      const files = readdirSync(image).filter((name) => pattern.test(name));
      expect(files.length, kind).toBeGreaterThan(0);
      for (const file of files) {
        for (const damage of damages(join(image, file), new SeededRandom(file.length))) {
          const name = `${stop} ${file} ${damage.name}`;
          if (process.env['COMET_TEST_CASE'] !== undefined && process.env['COMET_TEST_CASE'] !== name)
            continue;
          try {
            const outcome = await judge(image, file, damage);
            counts[`${kind} ${outcome}`] = (counts[`${kind} ${outcome}`] ?? 0) + 1;
          } catch (error) {
            faults.push(`${name}: ${String(error)}`);
          }
        }
      }
    }
    if (process.env['COMET_TEST_COUNTS'] !== undefined) console.log(stop, counts);
    expect(faults.slice(0, 20), `${faults.length} faults`).toEqual([]);
  });
});
