/** A Java long: a number where that is exact, else a bigint. */
export type Long = number | bigint;

const LONG_MIN = -(2n ** 63n);
const LONG_MAX = 2n ** 63n - 1n;
/** Any number with so many digits is exact. */
const EXACT_DIGITS = 15;
const LONG_DIGITS = 19;

const INTEGER = /^[+-]?0*(\d+)$/;
const DECIMAL = /^[+-]?(?:NaN|Infinity|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?)$/;

/** Long.valueOf; undefined for what it refuses. */
export function parseLong(text: string): Long | undefined {
  const digits = INTEGER.exec(text)?.[1]?.length;
  if (digits === undefined || digits > LONG_DIGITS) return undefined;
  if (digits <= EXACT_DIGITS) return Number(text);
  const value = text.startsWith('+') ? BigInt(text.slice(1)) : BigInt(text);
  return value < LONG_MIN || value > LONG_MAX ? undefined : value;
}

/** Double.valueOf without hexadecimal numbers; undefined for what it refuses. */
export function parseDouble(text: string): number | undefined {
  const trimmed = text.trim();
  if (!DECIMAL.test(trimmed)) return undefined;
  const last = trimmed.at(-1) ?? '';
  return Number('dDfF'.includes(last) ? trimmed.slice(0, -1) : trimmed);
}

export function compareLong(left: Long, right: Long): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Double.compareTo: NaN is equal to itself and greater than all others. */
export function compareDouble(left: number, right: number): number {
  if (left < right) return -1;
  if (left > right) return 1;
  if (left === right) return left !== 0 ? 0 : Number(Object.is(right, -0)) - Number(Object.is(left, -0));
  return Number(Number.isNaN(left)) - Number(Number.isNaN(right));
}
