import type { WaitingTimer } from './near-timers.ts';

/** Keys of the tables of schedules. Numbers are in base 36 and padded, so that the order of keys is theirs. */
const DUE = 'timer/d/';
const MOVED = 'timer/m/';
const BODY = 'timer/b/';
const KEY = 'timer/x/';
const HOUR = 'timer/h/';
const NUMBER_DIGITS = 9;
const NUMBER_MAX = 36 ** NUMBER_DIGITS - 1;
const KEY_END = '\u0001';

export const HOUR_MS = 3_600_000;
export const STATE_KEY = 'timer/state';
export const HOUR_PREFIX = HOUR;
export const MOVED_PREFIX = MOVED;

function digits(value: number): string {
  return Math.min(Math.max(value, 0), NUMBER_MAX).toString(36).padStart(NUMBER_DIGITS, '0');
}

/** The row of a waiting message, in the order of due time and then of id. */
export function dueKey(dueAt: number, id: number): string {
  return DUE + digits(dueAt) + digits(id);
}

export function isDueKey(key: string): boolean {
  return key.startsWith(DUE);
}

export function dueValue(physicalOffset: number, size: number): string {
  return `${physicalOffset.toString(36)}.${size.toString(36)}`;
}

export function readDueRow(key: string, value: string): WaitingTimer {
  const at = DUE.length;
  const dot = value.indexOf('.');
  return {
    dueAt: parseInt(key.slice(at, at + NUMBER_DIGITS), 36),
    id: parseInt(key.slice(at + NUMBER_DIGITS), 36),
    physicalOffset: parseInt(value.slice(0, dot), 36),
    size: parseInt(value.slice(dot + 1), 36),
  };
}

/** The new due time of a message that was rescheduled. */
export function movedKey(id: number): string {
  return MOVED + digits(id);
}

export function readMovedId(key: string): number {
  return parseInt(key.slice(MOVED.length), 36);
}

/** The record of a message that waits longer than the log keeps it, base64. */
export function bodyKey(id: number): string {
  return BODY + digits(id);
}

/** Finds such a message by unique key or key. */
export function wordKey(word: string, id: number): string {
  return KEY + word + KEY_END + digits(id);
}

export function wordRange(word: string): readonly [from: string, to: string] {
  return [KEY + word + KEY_END, KEY + word + String.fromCharCode(KEY_END.charCodeAt(0) + 1)];
}

export function readWordId(key: string): number {
  return parseInt(key.slice(-NUMBER_DIGITS), 36);
}

export function hourOf(dueAt: number): number {
  return Math.floor(dueAt / HOUR_MS);
}

export function hourKey(hour: number): string {
  return HOUR + digits(hour);
}

export function readHour(key: string): number {
  return parseInt(key.slice(HOUR.length), 36);
}
