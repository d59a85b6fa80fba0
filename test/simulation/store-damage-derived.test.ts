import { describe, expect, test } from 'vitest';
import { blocks, cuts, flips } from '../support/damage-cases.ts';
import type { Stop } from '../support/damage-image.ts';
import { damageImage } from '../support/damage-image.ts';
import type { Outcome } from '../support/damage-judge.ts';
import { judgeAll } from '../support/damage-judge.ts';

// Damages what is derived from the log, and the small files beside it, in one place. Queues, index and checkpoint are
// rebuilt to the same content; a file that nothing else tells is refused.

const TIMEOUT_MS = process.env['COMET_TEST_EXHAUSTIVE'] === undefined ? 120_000 : 1_800_000;

interface Kind {
  readonly name: string;
  readonly pattern: RegExp;
  readonly files: number;
  readonly outcome: Outcome;
  /** Cuts at every so many bytes. */
  readonly cutStep: number;
}

const KINDS: readonly Kind[] = [
  { name: 'queue files', pattern: /consumequeue\//, files: 4, outcome: 'harmless', cutStep: 3 },
  { name: 'entries of the index', pattern: /\.entries$/, files: 2, outcome: 'harmless', cutStep: 5 },
  { name: 'slots of the index', pattern: /\.slots$/, files: 1, outcome: 'harmless', cutStep: 3 },
  { name: 'checkpoint', pattern: /checkpoint$/, files: 1, outcome: 'harmless', cutStep: 3 },
  { name: 'dropped topics', pattern: /dropped-topics\.json$/, files: 1, outcome: 'refused', cutStep: 1 },
];

describe.each<[Stop]>([['clean'], ['crash']])('after a %s stop', (stop) => {
  describe.each(KINDS)('$name', ({ pattern, files: count, outcome, cutStep }) => {
    test('a flipped bit in any byte', { timeout: TIMEOUT_MS }, async () => {
      const image = await damageImage(stop);
      const files = [...image.files.keys()].filter((path) => pattern.test(path));
      expect(files.length).toBeGreaterThanOrEqual(count);
      await judgeAll(
        image,
        files.flatMap((file) => [...flips(image, file)]),
        [outcome],
      );
    });

    test('any part zeroed, overwritten, swapped or cut; any file lost', { timeout: TIMEOUT_MS }, async () => {
      const image = await damageImage(stop);
      const files = [...image.files.keys()].filter((path) => pattern.test(path));
      const damages = files.flatMap((file) => [...blocks(image, file), ...cuts(image, file, cutStep)]);
      // Without dropped topics there are none: that somebody removed the file is seen by nobody.
      const isSilent = ({ name }: { name: string }): boolean => name === 'dropped-topics.json lost';
      await judgeAll(
        image,
        damages.filter((damage) => !isSilent(damage)),
        [outcome],
      );
    });
  });
});
