import { IllegalStateError } from '../error/client-error.ts';

type Unit = 'ms' | 's' | 'm' | 'h' | 'd';

/** Milliseconds, or a number with its unit: `'250ms'`, `'3s'`, `'15m'`, `'2h'`, `'7d'`. */
export type Duration = number | `${number}${Unit}`;

const UNIT_MS: Readonly<Record<Unit, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const PATTERN = /^(-?\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** @throws IllegalStateError when the text is no duration or the value is negative. */
export function durationMs(value: Duration, name: string): number {
  const ms = signedMs(value);
  if (ms === undefined || ms < 0) {
    throw new IllegalStateError(
      `${name}: ${value} is not a duration`,
      "give milliseconds or text such as '15m'",
    );
  }
  return ms;
}

function signedMs(value: Duration): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  const match = PATTERN.exec(value);
  return match === null ? undefined : Number(match[1]) * UNIT_MS[match[2] as Unit];
}

/** A moment: a date, ISO text, ms since the epoch, or relative to now (`'-2h'`). */
export type Moment = Date | number | string;

/** @throws IllegalStateError when it is none of these. */
export function momentMs(value: Moment, nowMs: number, name: string): number {
  const relative = typeof value === 'string' && PATTERN.test(value) ? signedMs(value as Duration) : undefined;
  if (relative !== undefined) return nowMs + relative;
  const ms = value instanceof Date ? value.getTime() : typeof value === 'number' ? value : Date.parse(value);
  if (!Number.isFinite(ms)) {
    throw new IllegalStateError(`${name}: ${String(value)} is not a time`, "give a Date, ISO text or '-2h'");
  }
  return ms;
}
