/** What stands for a value that nobody told us. */
export const UNKNOWN = '–';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** `1 234 567` with thin spaces; a dash for unknown. */
export function formatCount(value: number | undefined): string {
  if (value === undefined) return UNKNOWN;
  return Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, '\u2009');
}

/** Short form for tiles and axes: 950, 12.3k, 4.56M. */
export function formatShort(value: number | undefined): string {
  if (value === undefined) return UNKNOWN;
  const size = Math.abs(value);
  for (const [unit, factor] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (size >= factor * 0.9995) return `${trimmed(value / factor)}${unit}`;
  }
  return String(Math.round(value));
}

/** Per second: small rates keep a decimal, so that one message a minute is not "0". */
export function formatRate(value: number | undefined): string {
  if (value === undefined) return UNKNOWN;
  if (value === 0) return '0';
  if (Math.abs(value) < 0.1) return '<0.1';
  return Math.abs(value) < 10 ? value.toFixed(1) : formatShort(value);
}

export function formatBytes(value: number | undefined): string {
  if (value === undefined) return UNKNOWN;
  for (const [unit, factor] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (value >= factor) return `${trimmed(value / factor)} ${unit}`;
  }
  return `${value} B`;
}

export function formatPercent(ratio: number | undefined): string {
  return ratio === undefined ? UNKNOWN : `${Math.round(ratio * 100)} %`;
}

/** The two largest units: `3 d 4 h`, `2 min 5 s`, `1.4 s`, `120 ms`. */
export function formatDuration(ms: number | undefined): string {
  if (ms === undefined) return UNKNOWN;
  if (ms < SECOND_MS) return `${Math.round(ms)} ms`;
  if (ms < 10 * SECOND_MS) return `${Number((ms / SECOND_MS).toFixed(1))} s`;
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return twoUnits(ms, MINUTE_MS, 'min', SECOND_MS, 's');
  if (ms < DAY_MS) return twoUnits(ms, HOUR_MS, 'h', MINUTE_MS, 'min');
  return twoUnits(ms, DAY_MS, 'd', HOUR_MS, 'h');
}

/** The largest unit only, for relative times. */
export function formatAge(ms: number): string {
  if (ms < SECOND_MS) return 'now';
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  if (ms < 2 * DAY_MS) return `${Math.floor(ms / HOUR_MS)} h`;
  return `${Math.floor(ms / DAY_MS)} d`;
}

/** `14:03:22` today, `11-20 14:03:22` this year, else with the year; in the reader's zone. */
export function formatLocal(atMs: number, nowMs: number): string {
  const at = new Date(atMs);
  const now = new Date(nowMs);
  const clock = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  if (at.toDateString() === now.toDateString()) return clock;
  const day = `${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${clock}`;
  return at.getFullYear() === now.getFullYear() ? day : `${at.getFullYear()}-${day}`;
}

/** Full local time with milliseconds, and UTC: for titles and details. */
export function formatExact(atMs: number): string {
  const at = new Date(atMs);
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  const clock = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
  return `${day} ${clock}.${String(at.getMilliseconds()).padStart(3, '0')}  (${at.toISOString()})`;
}

/** Value of an `<input type="datetime-local">`. */
export function toInputTime(atMs: number): string {
  const at = new Date(atMs);
  const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
  return `${day}T${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
}

/** How long until a lag is gone; undefined when unknown, Infinity when it never will be at these rates. */
export function drainMs(
  lag: number | undefined,
  inPerSecond: number | undefined,
  outPerSecond: number | undefined,
): number | undefined {
  if (lag === 0) return 0;
  if (lag === undefined || outPerSecond === undefined || inPerSecond === undefined) return undefined;
  const gain = outPerSecond - inPerSecond;
  return gain <= 0 ? Infinity : (lag / gain) * SECOND_MS;
}

function twoUnits(ms: number, bigMs: number, big: string, smallMs: number, small: string): string {
  const rest = Math.floor((ms % bigMs) / smallMs);
  return rest === 0
    ? `${Math.floor(ms / bigMs)} ${big}`
    : `${Math.floor(ms / bigMs)} ${big} ${rest} ${small}`;
}

/** Three significant digits at most. */
function trimmed(value: number): string {
  const digits = Math.abs(value) >= 99.95 ? 0 : Math.abs(value) >= 9.995 ? 1 : 2;
  return String(Number(value.toFixed(digits)));
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
