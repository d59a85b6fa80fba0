import { randomBytes } from 'node:crypto';
import type { RandomSource } from './random.ts';

/** The process's real randomness. */
export class SystemRandom implements RandomSource {
  below(bound: number): number {
    return Math.floor(Math.random() * bound);
  }

  bytes(length: number): Buffer {
    return randomBytes(length);
  }
}
