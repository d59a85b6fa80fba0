import { parseDuration } from '@cometmq/common/config/units';

/**
 * A point in time as milliseconds: `now`, `-2h`, `+5m`, an ISO date (local time without a zone), epoch milliseconds, or
 * mqadmin's `2026-09-25#10:00:00:000`. Undefined when the text is none of these.
 */
export function parseTime(text: string, nowMs: number): number | undefined {
  if (text === 'now') return nowMs;
  const relative = /^([+-])(.+)$/.exec(text);
  if (relative !== null) {
    const ms = parseDuration(relative[2] ?? '');
    return ms === undefined ? undefined : nowMs + (relative[1] === '-' ? -ms : ms);
  }
  if (/^\d{10,16}$/.test(text)) return Number(text);
  const legacy = /^(\d{4}-\d\d-\d\d)#(\d\d:\d\d:\d\d):(\d{3})$/.exec(text);
  const iso = legacy === null ? text : `${legacy[1] ?? ''}T${legacy[2] ?? ''}.${legacy[3] ?? ''}`;
  if (!/^\d{4}-\d\d-\d\d/.test(iso)) return undefined;
  // A date alone would be midnight in UTC.
  const ms = Date.parse(/^\d{4}-\d\d-\d\d$/.test(iso) ? `${iso}T00:00` : iso.replace(' ', 'T'));
  return Number.isNaN(ms) ? undefined : ms;
}

export type TimeStyle = 'local' | 'utc' | 'epoch' | 'rel';

/** Prints a time in ms; 0 and negative values mean "never". */
export function formatTime(ms: number, style: TimeStyle, nowMs: number): string {
  if (ms <= 0) return '-';
  if (style === 'epoch') return String(ms);
  if (style === 'utc') return new Date(ms).toISOString();
  if (style === 'rel') return formatAge(nowMs - ms);
  const date = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, '0')}`;
}

/** Such as `3 m ago` or `in 2 h`. */
function formatAge(ms: number): string {
  const amount = Math.abs(ms);
  const units: readonly (readonly [string, number])[] = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ];
  const [unit, size] = units.find(([, unitMs]) => amount >= unitMs) ?? ['ms', 1];
  const text = `${Math.floor(amount / size)} ${unit}`;
  return ms >= 0 ? `${text} ago` : `in ${text}`;
}
