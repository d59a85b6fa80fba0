import { MqError } from '@cometmq/common/error/mq-error';
import type { StoreFinding } from '@cometmq/broker/store/tools/store-files';
import { verifyStore } from '@cometmq/broker/store/tools/verify-store';
import { expect } from 'vitest';
import type { Damage } from './damage-cases.ts';
import type { DamageImage, StoredRecord } from './damage-image.ts';
import { DAMAGE_OPTIONS, LOG_DIRECTORY, derivedFiles, readAll } from './damage-image.ts';
import { RecordingLogger } from './recording-logger.ts';
import type { SimulatedDisk } from './simulated-disk.ts';
import { STORE_DIRECTORY, StoreWorld } from './store-world.ts';

/**
 * What damage came to. `harmless`: all is there. `reported`: messages in the damaged place are gone, and log, counters
 * and `verifyStore` say so. `torn`: after a crash the newest frame can't be told from one that was never finished, and
 * is cut. `refused`: the broker does not start, says why, and touched nothing.
 */
export type Outcome = 'harmless' | 'reported' | 'torn' | 'refused';

/** Judges each damage; a case that COMET_TEST_CASE does not name is left out when one is named. */
export async function judgeAll(
  image: DamageImage,
  damages: Iterable<Damage>,
  allowed: readonly Outcome[],
): Promise<void> {
  const counts = { harmless: 0, reported: 0, torn: 0, refused: 0 };
  const faults: string[] = [];
  const wanted = process.env['COMET_TEST_CASE'];
  for (const damage of damages) {
    const name = `${image.stop}: ${damage.name}`;
    if (damage.start >= damage.end || (wanted !== undefined && wanted !== name)) continue;
    try {
      const outcome = await judge(image, damage);
      counts[outcome]++;
      if (!allowed.includes(outcome)) faults.push(`COMET_TEST_CASE='${name}': ${outcome}`);
    } catch (error) {
      faults.push(`COMET_TEST_CASE='${name}': ${String(error)}`);
    }
  }
  if (process.env['COMET_TEST_COUNTS'] !== undefined) console.log(image.stop, counts);
  expect(faults.slice(0, 20), `${faults.length} faults; the name of each runs it alone`).toEqual([]);
}

async function judge(image: DamageImage, damage: Damage): Promise<Outcome> {
  const disk = image.disk.clone();
  damage.apply(disk);
  const damaged = disk.files();
  const findings: StoreFinding[] = [];
  for await (const finding of verifyStore(disk, STORE_DIRECTORY)) findings.push(finding);
  const isReported = findings.some((finding) => isAt(finding, damage));
  if (mustBeFound(image, damage) && !isReported) throw new Error('verifyStore does not find it');
  const log = new RecordingLogger();
  const world = new StoreWorld({ ...DAMAGE_OPTIONS, log }, disk);
  try {
    await world.open();
  } catch (error) {
    if (!(error instanceof MqError) || error.kind !== 'DATA_DAMAGED' || error.hint === undefined) throw error;
    if (!isReported) throw new Error('refused, and verifyStore does not say why', { cause: error });
    expectKept(damaged, disk, () => Infinity);
    return 'refused';
  }
  const { stored } = await readAll(world, image.files);
  const missing = compare(image, stored, damage);
  // Keys of records that are what they were are found as they were; only damage to the index can change that.
  if (!damage.file.startsWith(LOG_DIRECTORY) || damage.start % 16 === 0)
    await compareKeys(image, world, missing);
  const cutFrom = tornFrom(image, missing);
  const isTorn = missing.size > 0 && !isReported && cutFrom !== undefined;
  expectKept(damaged, disk, (path) => (isTorn && path === cutFrom.file ? cutFrom.start : Infinity));
  await compareOffsets(image, world, isTorn || !isSmall(damage));
  if (missing.size === 0) {
    await compareDerived(image, world);
    return 'harmless';
  }
  if (isTorn) return 'torn';
  if (!isReported) throw new Error(`${missing.size} messages are lost and verifyStore does not say so`);
  if (!log.complaints.some(({ text }) => text.startsWith('a part of the log is damaged')))
    throw new Error('messages are lost and the log does not say so');
  const { ranges, bytes, messages } = world.store.damage;
  if (ranges === 0 || bytes < damage.end - damage.start - DAMAGE_OPTIONS.segmentSizeBytes || messages === 0)
    throw new Error(`counted ${JSON.stringify(world.store.damage)}`);
  return 'reported';
}

/** Whether `verifyStore` must name the damage although nothing was lost by it. */
function mustBeFound({ stop, files, logEnd }: DamageImage, { file, start }: Damage): boolean {
  // After a crash what lies behind the checkpoint is what the next start makes of it.
  if (stop === 'crash' || /\/(spare|lock)/.test(file)) return false;
  if (!file.startsWith(LOG_DIRECTORY)) return files.get(file) !== undefined;
  return Number(file.slice(LOG_DIRECTORY.length)) + start < logEnd && isInFrame(files, file, start);
}

/** Behind the end frame of a segment nothing is ever read. */
function isInFrame(files: ReadonlyMap<string, Buffer>, file: string, position: number): boolean {
  const content = files.get(file) ?? Buffer.alloc(0);
  let at = 0;
  while (at < content.length && content.toString('latin1', at, at + 4) === 'CMQ1') {
    at += Math.ceil((48 + content.readUInt32BE(at + 16)) / 512) * 512;
  }
  return position < at;
}

function isAt(finding: StoreFinding, damage: Damage): boolean {
  // Entries of a queue that lost its file are named by the queue's folder; a lost log by its own.
  const isSame = finding.file === damage.file || damage.file.startsWith(`${finding.file}/`);
  const isInside = finding.offset < damage.end && finding.offset + finding.length > damage.start;
  return isSame && (damage.isCut || isInside);
}

/** Names of the messages that can't be read. All others are as they were, and there is nothing else. */
function compare(image: DamageImage, found: ReadonlyMap<string, StoredRecord>, damage: Damage): Set<string> {
  const missing = new Set<string>();
  for (const [name, expected] of image.stored) {
    const record = found.get(name)?.record;
    if (record === expected.record) continue;
    if (record !== undefined && record !== '') throw new Error(`${name} is another message`);
    const isHit = expected.file === damage.file && damage.start < expected.end && damage.end > expected.start;
    if (!isHit) throw new Error(`${name} is lost, and was not in the damaged place`);
    missing.add(name);
  }
  for (const name of found.keys()) if (!image.stored.has(name)) throw new Error(`${name} was never stored`);
  return missing;
}

async function compareKeys(
  image: DamageImage,
  world: StoreWorld,
  missing: ReadonlySet<string>,
): Promise<void> {
  // A look makes damaged parts whole; then all are found.
  for (const { name, key } of image.stored.values())
    Array.from(world.store.index.find(topicOf(name), key, 0, Infinity));
  for (let turn = 0; turn < 20; turn++) await world.clock.settle();
  for (const { name, key, record } of image.stored.values()) {
    const records = new Set<string>();
    for (const { physicalOffset } of world.store.index.find(topicOf(name), key, 0, Infinity)) {
      const bytes = await world.store.readRecord(physicalOffset);
      if (bytes !== undefined) records.add(bytes.toString('latin1'));
    }
    const expected = missing.has(name) ? [] : [record];
    if ([...records].join() !== expected.join()) throw new Error(`key ${key} finds ${records.size} messages`);
  }
}

function topicOf(name: string): string {
  return name.split('/')[0] ?? '';
}

/** The first frame that is gone with all that follow it. */
function tornFrom(
  { stop, stored }: DamageImage,
  missing: ReadonlySet<string>,
): { file: string; start: number } | undefined {
  if (stop === 'clean') return undefined;
  const inOrder = [...stored.values()];
  inOrder.sort((a, b) => (a.file === b.file ? a.start - b.start : a.file < b.file ? -1 : 1));
  const first = inOrder.findIndex(({ name }) => missing.has(name));
  return first >= 0 && inOrder.slice(first).every(({ name }) => missing.has(name))
    ? inOrder[first]
    : undefined;
}

/** Nothing was deleted or overwritten on the strength of something unreadable. */
function expectKept(
  before: ReadonlyMap<string, Buffer>,
  disk: SimulatedDisk,
  changesFrom: (path: string) => number,
): void {
  const now = disk.files();
  for (const [path, bytes] of before) {
    if (!path.startsWith(LOG_DIRECTORY) || path.includes('spare')) continue;
    const upTo = Math.min(changesFrom(path), bytes.length);
    if (now.get(path)?.subarray(0, upTo).equals(bytes.subarray(0, upTo)) !== true)
      throw new Error(`${path} was changed`);
  }
}

/** Offsets are not given twice; of large damages nobody may be left who knows. */
async function compareOffsets(image: DamageImage, world: StoreWorld, mayFall: boolean): Promise<void> {
  for (const [name, end] of image.ends) {
    const [topic = '', queueId] = name.split('/');
    const { queueOffset } = await world.send({ topic, queueId: Number(queueId), body: 'next' });
    if (queueOffset < end && !mayFall) throw new Error(`offset ${queueOffset} of ${name} was given twice`);
    if (queueOffset > end + 8) throw new Error(`${name} went from ${end} to ${queueOffset}`);
  }
}

function isSmall({ start, end }: Damage): boolean {
  return end - start === 1;
}

/** What is derived from the log is what it was before the damage. */
async function compareDerived(image: DamageImage, world: StoreWorld): Promise<void> {
  await world.close();
  const now = derivedFiles(world.disk);
  for (const [path, bytes] of image.derived) {
    // New messages follow; entries are only appended, slots of full segments never change.
    if (now.get(path)?.subarray(0, bytes.length).equals(bytes) !== true)
      throw new Error(`${path} is not what it was`);
  }
}
