/** Where randomness comes from; a seeded twin makes a test run repeatable. */
export interface RandomSource {
  /** A whole number in [0, bound). */
  below(bound: number): number;
  /** `length` random bytes, good enough for identifiers (not promised to be fit for keys). */
  bytes(length: number): Buffer;
}
