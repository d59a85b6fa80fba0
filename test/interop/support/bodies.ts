import { createHash } from 'node:crypto';

export type BodySpec = string | { readonly size: number; readonly seed: number; readonly alphabet?: number };

/** The same bytes in every driver: xorshift32, the top byte of each step. */
export function seeded(size: number, seed: number, alphabet = 256): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let x = seed | 1;
  for (let i = 0; i < size; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    const r = x >>> 24;
    bytes[i] = alphabet === 256 ? r : 97 + (r % alphabet);
  }
  return bytes;
}

export function body(spec: BodySpec): Buffer {
  return typeof spec === 'string' ? Buffer.from(spec) : seeded(spec.size, spec.seed, spec.alphabet);
}

/** Body of message n of a flow: `prefix-n:` and filler that follows from n. */
export function flowText(prefix: string, n: number, sizeBytes: number): string {
  const head = `${prefix}-${n}:`;
  return sizeBytes <= head.length ? head : head + seeded(sizeBytes - head.length, n, 26).toString('latin1');
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
