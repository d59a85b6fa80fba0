import { describe, expect, test } from 'vitest';
import { verifyStore } from '@cometmq/broker/store/tools/verify-store';
import type { Damage } from '../support/damage-cases.ts';
import { replaced } from '../support/damage-cases.ts';
import type { DamageImage, Stop } from '../support/damage-image.ts';
import { LOG_DIRECTORY, damageImage, frameOf } from '../support/damage-image.ts';
import { judgeAll } from '../support/damage-judge.ts';
import { STORE_DIRECTORY } from '../support/store-world.ts';

// A frame of another history with its frames at the same places: whole in itself, and of the right size and position.
// Only its links give it away.

const OTHER_SEED = 8;

interface Splice {
  readonly damage: Damage;
  readonly count: number;
}

/** Each run of up to three frames of `image`, but for the first of all, replaced by the same ones of `other`. */
function splices(image: DamageImage, other: DamageImage): Splice[] {
  const frames = new Map<string, { file: string; start: number; end: number }>();
  for (const { file, start, end } of image.stored.values())
    frames.set(`${file}:${start}`, { file, start, end });
  const found: Splice[] = [];
  for (const { file, start } of frames.values()) {
    const content = image.files.get(file) ?? Buffer.alloc(0);
    const foreign = other.files.get(file) ?? Buffer.alloc(0);
    let end = start;
    for (let count = 1; count <= 3 && frames.has(`${file}:${end}`); count++) {
      end = frames.get(`${file}:${end}`)?.end ?? end;
      const bytes = Buffer.from(foreign.subarray(start, end));
      const name = `${count} frames spliced at ${start}`;
      if (start > 0) found.push({ count, damage: replaced(content, file, start, bytes, name) });
    }
  }
  return found;
}

describe.each<[Stop]>([['clean'], ['crash']])('frames of another log after a %s stop', (stop) => {
  test('the images differ in bodies only', async () => {
    const [image, other] = [await damageImage(stop), await damageImage(stop, OTHER_SEED)];
    const [position] = [
      Number([...image.files.keys()].find((path) => path.startsWith(LOG_DIRECTORY))?.slice(-20)),
    ];
    expect(frameOf(other.files, position)).toEqual(frameOf(image.files, position));
    expect(other.logEnd).toBe(image.logEnd);
    expect([...other.stored.keys()]).toEqual([...image.stored.keys()]);
    expect([...other.stored.values()].map(({ record }) => record)).not.toEqual(
      [...image.stored.values()].map(({ record }) => record),
    );
  });

  test('one of them is not taken for ours', { timeout: 60_000 }, async () => {
    const [image, other] = [await damageImage(stop), await damageImage(stop, OTHER_SEED)];
    const damages = splices(image, other).filter(({ count }) => count === 1);
    expect(damages.length).toBeGreaterThan(5);
    await judgeAll(
      image,
      damages.map(({ damage }) => damage),
      stop === 'clean' ? ['reported'] : ['reported', 'torn'],
    );
  });

  test('verifyStore finds any number of them', async () => {
    const [image, other] = [await damageImage('clean'), await damageImage('clean', OTHER_SEED)];
    for (const { damage } of splices(image, other)) {
      const disk = image.disk.clone();
      damage.apply(disk);
      const found: string[] = [];
      for await (const { file, offset } of verifyStore(disk, STORE_DIRECTORY)) {
        if (offset < damage.end && file === damage.file) found.push(file);
      }
      expect(found, damage.name).not.toEqual([]);
    }
  });
});
