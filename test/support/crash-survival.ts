import { SeededRandom } from './seeded-random.ts';

/** Decides what of the unsynced data survives a power cut; asked for each piece, always in the same order. */
export interface Survival {
  survives(): boolean;
  /** The sector that was being written holds anything. */
  isTorn(): boolean;
  below(bound: number): number;
  garbage(size: number): Buffer;
}

/** Subsets are numbers: bit for bit what survives. */
const SUBSET_PIECES_MAX = 30;

/** A share of the pieces survives at random: none, all, a half or any share, by the seed unless `keep` names it. */
export function randomSurvival(seed: number, keep?: number): Survival {
  const random = new SeededRandom(seed * 7919 + 17);
  const share = keep ?? [0, 1, 0.5, random.below(100) / 100][seed % 4] ?? 0.5;
  return {
    survives: () => share >= 1 || (share > 0 && random.below(1000) < share * 1000),
    isTorn: () => share > 0 && share < 1 && random.below(2) > 0,
    below: (bound) => random.below(bound),
    garbage: (size) => random.bytes(size),
  };
}

/** Exactly the pieces survive whose bits are set; with the bit behind the last piece, a sector is torn as well. */
export function subsetSurvival(subset: number, pieces: number): Survival {
  if (pieces >= SUBSET_PIECES_MAX) throw new Error(`${pieces} pieces are too many for a subset`);
  const random = new SeededRandom(subset);
  let piece = 0;
  return {
    survives: () => ((subset >>> piece++) & 1) === 1,
    isTorn: () => ((subset >>> pieces) & 1) === 1,
    below: (bound) => random.below(bound),
    garbage: (size) => random.bytes(size),
  };
}
