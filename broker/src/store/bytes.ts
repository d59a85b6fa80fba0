/**
 * Big-endian integers in plain byte stores: twice as fast as Buffer's checked methods, which matters for the twenty
 * integers of a record. Callers have made sure that the bytes exist.
 */
export function putInt32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

/** A signed integer up to 2^53 as 64 bits. Two 32-bit halves, because BigInt costs a microsecond. */
export function putInt64(bytes: Uint8Array, at: number, value: number): void {
  putInt32(bytes, at, Math.floor(value / 2 ** 32));
  putInt32(bytes, at + 4, value >>> 0);
}

export function getInt32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)
  );
}

export function getUint32(bytes: Uint8Array, at: number): number {
  return getInt32(bytes, at) >>> 0;
}

/** A signed 64-bit integer; exact when it is within 2^53. */
export function getInt64(bytes: Uint8Array, at: number): number {
  return getInt32(bytes, at) * 2 ** 32 + getUint32(bytes, at + 4);
}

/**
 * One step of the check word of small fixed-size entries. Each step is a bijection of the word for a given state, so
 * that a change of any single word, and with it any single bit, always changes the result.
 */
export function mixWord(state: number, word: number): number {
  const mixed = Math.imul(state ^ word, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
