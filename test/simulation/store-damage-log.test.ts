import { describe, expect, test } from 'vitest';
import { blocks, cuts, flips } from '../support/damage-cases.ts';
import type { Damage } from '../support/damage-cases.ts';
import type { Stop } from '../support/damage-image.ts';
import { damageImage } from '../support/damage-image.ts';
import type { Outcome } from '../support/damage-judge.ts';
import { judgeAll } from '../support/damage-judge.ts';

// Damages the log of a small store that nobody uses in one place, opens it, and compares all that can be read with what
// was stored: it is equal, or it lacks only what was in the damaged frame and everybody is told.

const SEGMENT = /commitlog\/\d{20}$/;
const TIMEOUT_MS = process.env['COMET_TEST_EXHAUSTIVE'] === undefined ? 120_000 : 1_800_000;

describe.each<[Stop, readonly Outcome[]]>([
  ['clean', ['harmless', 'reported']],
  ['crash', ['harmless', 'reported', 'torn']],
])('log after a %s stop', (stop, outcomes) => {
  test('a flipped bit in any byte', { timeout: TIMEOUT_MS }, async () => {
    const image = await damageImage(stop);
    const files = [...image.files.keys()].filter((path) => SEGMENT.test(path));
    expect(files).toHaveLength(3);
    await judgeAll(
      image,
      files.flatMap((file) => [...flips(image, file)]),
      outcomes,
    );
  });

  test('any sector or page zeroed, overwritten or swapped', { timeout: TIMEOUT_MS }, async () => {
    const image = await damageImage(stop);
    const files = [...image.files.keys()].filter((path) => SEGMENT.test(path));
    await judgeAll(
      image,
      files.flatMap((file) => [...blocks(image, file)]),
      outcomes,
    );
  });

  test('a segment cut anywhere or lost is refused', { timeout: TIMEOUT_MS }, async () => {
    const image = await damageImage(stop);
    const files = [...image.files.keys()].filter((path) => SEGMENT.test(path));
    // The loss of the oldest one looks like the end of its retention.
    const isSilent = ({ name }: Damage): boolean => name.endsWith('00000000 lost');
    const damages = files.flatMap((file): Damage[] => [...cuts(image, file, 64)]);
    // After a crash the newest one may never have had a durable name.
    const outcomes: Outcome[] = stop === 'clean' ? ['refused'] : ['refused', 'torn'];
    await judgeAll(
      image,
      damages.filter((damage) => !isSilent(damage)),
      outcomes,
    );
  });

  test('the spare segment may hold anything', { timeout: TIMEOUT_MS }, async () => {
    const image = await damageImage(stop);
    const spare = [...image.files.keys()].filter((path) => path.endsWith('/spare'));
    expect(spare).toHaveLength(1);
    const damages = spare.flatMap((file) => [...blocks(image, file), ...cuts(image, file, 512)]);
    await judgeAll(image, damages, ['harmless']);
  });
});
