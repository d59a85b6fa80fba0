import { beforeEach, expect, test } from 'vitest';
import type { KeyValueChange } from '@cometmq/broker/store/kv/key-value-store';
import { MemoryKeyValueStore } from '@cometmq/broker/store/kv/memory-store';
import { ReopeningStore } from '@cometmq/broker/store/kv/reopening-store';
import type { TableStore } from '@cometmq/broker/store/kv/sealed-store';
import { silentLogger } from '@cometmq/common/logging/logger';
import { ManualClock } from '../../../../support/manual-clock.ts';

/** Files that several stores open one after the other, as RocksDB would: what follows a torn record is lost. */
class Files {
  isFull = false;
  isUnreadable = false;
  isTorn = false;
  readonly batches: (readonly KeyValueChange[])[] = [];
  readonly opened: string[] = [];
  openNow = 0;
}

class FakeStore extends MemoryKeyValueStore implements TableStore {
  readonly #files: Files;
  readonly #isReadOnly: boolean;
  #isOpen = false;

  constructor(files: Files, isReadOnly: boolean) {
    super();
    this.#files = files;
    this.#isReadOnly = isReadOnly;
  }

  override async open(): Promise<void> {
    await Promise.resolve();
    if (this.#files.openNow > 0) throw new Error('opened twice');
    this.#files.opened.push(this.#isReadOnly ? 'reading' : 'writing');
    if (this.#files.isUnreadable || (this.#files.isFull && !this.#isReadOnly))
      throw new Error('No space left');
    if (!this.#isReadOnly) this.#files.isTorn = false;
    for (const changes of this.#files.batches) await super.write(changes);
    this.#files.openNow++;
    this.#isOpen = true;
  }

  override async write(changes: readonly KeyValueChange[]): Promise<void> {
    this.#check();
    if (this.#isReadOnly) throw new Error('Not supported operation in read only mode');
    if (this.#files.isFull) {
      this.#files.isTorn = true;
      throw new Error('No space left');
    }
    await super.write(changes);
    if (!this.#files.isTorn) this.#files.batches.push(changes);
  }

  override async get(key: string): Promise<string | undefined> {
    this.#check();
    await Promise.resolve();
    this.#check();
    return super.get(key);
  }

  tables(): string[] {
    this.#check();
    return [];
  }

  override close(): Promise<void> {
    this.#check();
    this.#isOpen = false;
    this.#files.openNow--;
    return Promise.resolve();
  }

  #check(): void {
    if (!this.#isOpen) throw new Error('used while closed');
  }
}

let files: Files;
let clock: ManualClock;
let store: ReopeningStore;

function open(): ReopeningStore {
  return new ReopeningStore({
    clock,
    log: silentLogger,
    makeStore: (isReadOnly) => new FakeStore(files, isReadOnly),
  });
}

const put = (key: string, into = store): Promise<void> => into.write([{ key, value: key }], true);

beforeEach(async () => {
  files = new Files();
  clock = new ManualClock();
  store = open();
  await store.open();
  await put('a');
});

test('nothing is written behind a failed write before the files were opened anew', async () => {
  files.isFull = true;
  await expect(put('b')).rejects.toMatchObject({ kind: 'SERVICE_NOT_AVAILABLE', retryable: true });
  files.isFull = false;
  await put('c');
  expect(files.opened).toEqual(['writing', 'writing']);
  await store.close();
  const after = open();
  await after.open();
  expect([await after.get('a'), await after.get('b'), await after.get('c')]).toEqual(['a', undefined, 'c']);
});

test('reads go on while the disk is full, and attempts are a second apart', async () => {
  files.isFull = true;
  for (let index = 0; index < 100; index++) await expect(put('b')).rejects.toThrow('No space left');
  expect(files.opened).toEqual(['writing', 'writing', 'reading']);
  expect(await store.get('a')).toBe('a');
  expect(store.tables()).toEqual([]);
  await clock.advance(1_000);
  await expect(put('b')).rejects.toThrow('No space left');
  expect(files.opened).toHaveLength(5);
  files.isFull = false;
  await clock.advance(1_000);
  await put('b');
  expect(await store.get('b')).toBe('b');
  await store.close();
  expect(files.openNow).toBe(0);
});

test('reads and an exchange of the files wait for each other', async () => {
  files.isFull = true;
  await expect(put('b')).rejects.toThrow();
  files.isFull = false;
  const read = store.get('a');
  const write = put('b');
  expect(() => store.tables()).toThrow(expect.objectContaining({ kind: 'SYSTEM_BUSY' }));
  const later = store.get('b');
  expect(await read).toBe('a');
  await write;
  expect(['b', undefined]).toContain(await later);
  expect(store.tables()).toEqual([]);
});

test('files that can not even be read refuse with the reason, and come back', async () => {
  files.isFull = true;
  await expect(put('b')).rejects.toThrow();
  files.isUnreadable = true;
  await expect(put('b')).rejects.toThrow('No space left');
  await expect(store.get('a')).rejects.toMatchObject({ kind: 'SERVICE_NOT_AVAILABLE' });
  files.isUnreadable = files.isFull = false;
  await clock.advance(1_000);
  await put('b');
  expect(await store.get('a')).toBe('a');
});
