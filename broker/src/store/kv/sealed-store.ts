import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Clock, Timer } from '@cometmq/common/clock/clock';
import type { Disk } from '@cometmq/common/disk/disk';
import { MqError, errorText } from '@cometmq/common/error/mq-error';
import type { Logger } from '@cometmq/common/logging/logger';
import type { FolderSeal } from './folder-seal.ts';
import { databaseFiles, isTable, readSeal, sealFolder, verifySeal } from './folder-seal.ts';
import type { KeyValueChange, KeyValuePair, KeyValueStore } from './key-value-store.ts';
import { WriteQueue } from './write-queue.ts';

/** A store over files that are written once. */
export interface TableStore extends KeyValueStore {
  /** Names of the files that it needs now, all of them whole. */
  tables(): string[];
}

export interface SealedStoreOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Logger;
  readonly directory: string;
  /** Makes the store over the folder; a read-only one must not change any file. */
  readonly makeStore: (isReadOnly: boolean) => TableStore;
}

/** Counts the batches; before all other keys. */
const SEQUENCE_KEY = '\u0000sequence';
const CHECK_SIZE = 8;
/** Damaged places that an error names. */
const PLACES_MAX = 3;
/** How far the seal may be behind what is durable. */
const SEAL_PERIOD_MS = 1_000;

/**
 * Notices damage that the store beneath would take for absence. RocksDB's Node binding reads without checksums, takes a
 * write-ahead log to end where it can't be read, and does not miss tables until they are asked for. So each value has a
 * checksum, each batch a number, and a seal beside the files says what they were and which batch was durable. A folder
 * that does not fit its seal is refused before anything in it is touched.
 */
export class SealedStore implements KeyValueStore {
  readonly #options: SealedStoreOptions;
  readonly #store: TableStore;
  readonly #writes = new WriteQueue((changes, sync) => this.#writeBatch(changes, sync));
  #sequence = 0;
  #durable = 0;
  #seal: FolderSeal | undefined;
  #timer: Timer | undefined;
  #sealing: Promise<void> = Promise.resolve();

  constructor(options: SealedStoreOptions) {
    this.#options = options;
    this.#store = options.makeStore(false);
  }

  /** @throws MqError `DATA_DAMAGED` when something that was written is not there or is something else. */
  async open(): Promise<void> {
    const { disk, directory } = this.#options;
    const tables = await this.#check();
    disk.makeDirectorySync(directory);
    // Opening changes files: a seal of all of them would be wrong from here on.
    await this.#sealTables(tables);
    await this.#store.open();
    try {
      const sequence = await this.#store.get(SEQUENCE_KEY);
      if (sequence === undefined) await this.#adopt();
      else this.#sequence = Number(this.#opened(SEQUENCE_KEY, sequence));
      if (this.#sequence < this.#durable) throw this.#lost(this.#sequence);
      await this.#sealTables(this.#store.tables());
    } catch (error) {
      await this.#store.close();
      throw error;
    }
  }

  write(changes: readonly KeyValueChange[], sync: boolean): Promise<void> {
    return changes.length === 0 ? Promise.resolve() : this.#writes.write(changes, sync);
  }

  async entries(prefix: string): Promise<KeyValuePair[]> {
    return this.#openedAll(await this.#store.entries(prefix));
  }

  async get(key: string): Promise<string | undefined> {
    const value = await this.#store.get(key);
    return value === undefined ? undefined : this.#opened(key, value);
  }

  async range(from: string, to: string, limit: number): Promise<KeyValuePair[]> {
    return this.#openedAll(await this.#store.range(from, to, limit));
  }

  async close(): Promise<void> {
    const { disk, directory } = this.#options;
    await this.#writes.idle();
    try {
      // The seal is durable and says what the files hold: a power cut soon after must not take what was not synced.
      if (this.#sequence > this.#durable) await this.#writeBatch([], true);
    } finally {
      this.#timer?.cancel();
      await this.#sealing;
      await this.#store.close();
    }
    const state = { isClean: true, sequence: this.#sequence };
    await sealFolder(disk, directory, databaseFiles(disk, directory), state, this.#seal);
  }

  /** Compares the folder with its seal and returns the tables that it needs. Changes nothing. */
  async #check(): Promise<string[]> {
    const { disk, directory } = this.#options;
    const seal = this.#readSeal();
    if (seal !== undefined) {
      const places: string[] = [];
      for await (const { file, offset, problem } of verifySeal(disk, directory, seal))
        if (places.length < PLACES_MAX) places.push(`${file}, byte ${offset}: ${problem}`);
      if (places.length > 0) throw this.#damaged(places.join('; '));
      this.#durable = seal.sequence;
      this.#seal = seal;
    }
    const files = databaseFiles(disk, directory);
    if (seal?.isClean === true) return files.filter(isTable);
    return files.length === 0 ? [] : this.#try();
  }

  /** Opening for writing would clear away what can't be read, so it is tried without. */
  async #try(): Promise<string[]> {
    const { disk, directory, makeStore } = this.#options;
    const trial = makeStore(true);
    await trial.open();
    try {
      const tables = trial.tables();
      for (const name of tables)
        if (!disk.existsSync(join(directory, name))) throw this.#damaged(`${name} is missing`);
      const value = await trial.get(SEQUENCE_KEY);
      const sequence = value === undefined ? 0 : Number(this.#opened(SEQUENCE_KEY, value));
      if (sequence < this.#durable) throw this.#lost(sequence);
      return tables;
    } finally {
      await trial.close();
    }
  }

  /** A damaged seal is no reason to refuse a folder that can be read. */
  #readSeal(): FolderSeal | undefined {
    const { disk, directory, log } = this.#options;
    try {
      return readSeal(disk, directory);
    } catch (error) {
      log.warn({ reason: errorText(error) }, 'the seal of the settings is damaged; it is made anew');
      return undefined;
    }
  }

  /** Takes over a folder from before there were checksums. */
  async #adopt(): Promise<void> {
    const pairs = await this.#store.range('', '\uffff', Infinity);
    if (pairs.some(([key, value]) => checked(key, value.slice(CHECK_SIZE)) === value))
      throw this.#damaged('the number of the newest batch is missing');
    await this.write(
      pairs.map(([key, value]) => ({ key, value })),
      true,
    );
  }

  async #writeBatch(changes: readonly KeyValueChange[], sync: boolean): Promise<void> {
    const sequence = ++this.#sequence;
    const sealed = changes.map(({ key, value }) => ({
      key,
      value: value === undefined ? undefined : checked(key, value),
    }));
    const number = { key: SEQUENCE_KEY, value: checked(SEQUENCE_KEY, String(sequence)) };
    await this.#store.write([...sealed, number], sync);
    if (!sync) return;
    this.#durable = sequence;
    this.#timer ??= this.#options.clock.setTimer(SEAL_PERIOD_MS, () => {
      this.#sealing = this.#reseal();
    });
  }

  async #reseal(): Promise<void> {
    try {
      await this.#sealTables(this.#store.tables());
    } catch (error) {
      this.#options.log.warn({ reason: errorText(error) }, 'the settings could not be sealed; tried again');
    }
    this.#timer = undefined;
  }

  async #sealTables(tables: readonly string[]): Promise<void> {
    const { disk, directory } = this.#options;
    const state = { isClean: false, sequence: this.#durable };
    this.#seal = await sealFolder(disk, directory, tables, state, this.#seal);
  }

  #openedAll(pairs: readonly KeyValuePair[]): KeyValuePair[] {
    return pairs
      .filter(([key]) => key !== SEQUENCE_KEY)
      .map(([key, value]) => [key, this.#opened(key, value)] as const);
  }

  #opened(key: string, value: string): string {
    const content = value.slice(CHECK_SIZE);
    if (checked(key, content) !== value)
      throw this.#damaged(`the value of ${JSON.stringify(key)} was changed`);
    return content;
  }

  #lost(sequence: number): MqError {
    return this.#damaged(`batches ${sequence + 1} to ${this.#durable} were durable and are missing`);
  }

  #damaged(what: string): MqError {
    return damagedSettings(this.#options.directory, what);
  }
}

/** What can't be read must not be taken for something that is not there. */
export function damagedSettings(directory: string, what: string, cause?: unknown): MqError {
  return new MqError('DATA_DAMAGED', `the settings in ${directory} are damaged: ${what}`, {
    cause,
    hint: 'restore the folder from a backup; or move it away: messages stay, topics, groups and offsets must be made again',
  });
}

function checked(key: string, value: string): string {
  return crc32(`${key}\u0000${value}`).toString(16).padStart(CHECK_SIZE, '0') + value;
}
