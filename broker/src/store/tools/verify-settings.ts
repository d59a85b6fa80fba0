import { join } from 'node:path';
import type { Disk } from '@cometmq/common/disk/disk';
import { readFileSync } from '@cometmq/common/disk/atomic-file';
import { errorText } from '@cometmq/common/error/mq-error';
import type { FolderSeal } from '../kv/folder-seal.ts';
import { SEAL_NAME, readSeal, verifySeal } from '../kv/folder-seal.ts';
import type { StoreFinding } from './store-files.ts';

/**
 * Compares the settings folder of a stopped broker with its seal. After a crash only its tables can be compared; the
 * start checks the rest.
 */
export async function* verifySettings(disk: Disk, directory: string): AsyncGenerator<StoreFinding> {
  let seal: FolderSeal | undefined;
  try {
    seal = readSeal(disk, directory);
  } catch (error) {
    const file = join(directory, SEAL_NAME);
    const length = readFileSync(disk, file)?.length ?? 0;
    yield { file, offset: 0, length, problem: `${errorText(error)}; the next start makes it anew` };
  }
  if (seal !== undefined) yield* verifySeal(disk, directory, seal);
}
