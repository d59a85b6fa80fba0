import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Disk } from '@cometmq/common/disk/disk';
import { readCheckedJson, writeCheckedJson } from '../checked-json.ts';

/** Checksums of a file, one for each block. */
interface SealedFile {
  readonly size: number;
  readonly blocks: readonly number[];
}

/** What is known of a RocksDB folder from outside of it. */
export interface FolderSeal {
  /** The database was closed in order: every file is listed. Else only tables, which never change again. */
  readonly isClean: boolean;
  /** The newest batch that was durable when this was written. */
  readonly sequence: number;
  readonly files: Readonly<Record<string, SealedFile>>;
}

/** A file of the folder that is not what was sealed. */
export interface SealFinding {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  readonly problem: string;
}

export const SEAL_NAME = 'seal.json';
const BLOCK_SIZE = 64 * 1024;
/** What RocksDB reads when it opens; its LOG, LOCK, IDENTITY and OPTIONS files are not. */
const DATABASE_FILE = /^(?:CURRENT|MANIFEST-\d+|\d+\.(?:sst|log))$/;
/** A table is written once and never changed. */
const TABLE_FILE = /^\d+\.sst$/;

export function isTable(name: string): boolean {
  return TABLE_FILE.test(name);
}

export function databaseFiles(disk: Disk, directory: string): string[] {
  return disk.listSync(directory).filter((name) => DATABASE_FILE.test(name));
}

/** Seals files of a folder. Checksums of tables that `known` has are taken over. */
export async function sealFolder(
  disk: Disk,
  directory: string,
  names: readonly string[],
  state: Pick<FolderSeal, 'isClean' | 'sequence'>,
  known: FolderSeal | undefined,
): Promise<FolderSeal> {
  const files: Record<string, SealedFile> = {};
  for (const name of names) {
    const present = isTable(name) ? known?.files[name] : undefined;
    const sealed = present ?? (await sealFile(disk, join(directory, name)));
    if (sealed !== undefined) files[name] = sealed;
  }
  const seal = { ...state, files };
  await writeCheckedJson(disk, join(directory, SEAL_NAME), seal);
  return seal;
}

/**
 * The seal of a folder, or undefined when it has none.
 * @throws MqError `DATA_DAMAGED`.
 */
export function readSeal(disk: Disk, directory: string): FolderSeal | undefined {
  return readCheckedJson(disk, join(directory, SEAL_NAME)) as FolderSeal | undefined;
}

/** Everything in the folder that differs from its seal. Only reads. */
export async function* verifySeal(
  disk: Disk,
  directory: string,
  seal: FolderSeal,
): AsyncGenerator<SealFinding> {
  const present = databaseFiles(disk, directory);
  for (const [name, expected] of Object.entries(seal.files)) {
    const file = join(directory, name);
    const actual = present.includes(name) ? await sealFile(disk, file) : undefined;
    if (actual !== undefined) {
      yield* differences(file, expected, actual);
    } else if (seal.isClean) {
      yield { file, offset: 0, length: expected.size, problem: 'the file is missing' };
    }
  }
  if (!seal.isClean) return;
  for (const name of present)
    if (!(name in seal.files))
      yield { file: join(directory, name), offset: 0, length: 0, problem: 'the file does not belong here' };
}

function* differences(file: string, expected: SealedFile, actual: SealedFile): Generator<SealFinding> {
  const length = Math.max(expected.size, actual.size);
  for (let block = 0; block * BLOCK_SIZE < length; block++) {
    if (expected.blocks[block] === actual.blocks[block]) continue;
    const offset = block * BLOCK_SIZE;
    yield { file, offset, length: Math.min(BLOCK_SIZE, length - offset), problem: 'the bytes were changed' };
  }
}

/** Undefined for a table that was removed while it was read: merges take the place of others. */
async function sealFile(disk: Disk, path: string): Promise<SealedFile | undefined> {
  if (!disk.existsSync(path)) return undefined;
  const file = disk.openSync(path, 'read');
  try {
    const size = file.sizeSync();
    const blocks: number[] = [];
    const buffer = Buffer.alloc(Math.min(BLOCK_SIZE, size));
    for (let at = 0; at < size; at += BLOCK_SIZE) {
      const read = await file.read(buffer, 0, Math.min(BLOCK_SIZE, size - at), at);
      blocks.push(crc32(buffer.subarray(0, read)));
    }
    return { size, blocks };
  } finally {
    await file.close();
  }
}
