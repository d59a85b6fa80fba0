import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { checkHistory } from '../history/check-history.ts';
import type { HistoryEvent, HistoryPhase } from '../history/history-event.ts';
import type { CrashRun } from './crash-run.ts';

/** Kills in a run; more when a person asks for them. */
export const CRASH_CYCLES = Number(process.env['COMET_CRASH_CYCLES'] ?? 30);
export const CRASH_SEED = Number(process.env['COMET_CRASH_SEED'] ?? 20_261_121);
/** The usual start may not take longer, ms; single ones do on a busy machine. */
const START_MAX_MS = 5_000;

export function tell(line: string): void {
  console.info(line);
}

/** Says what happened in a run, and fails when a promise was broken. */
export function judgeRun(name: string, { history, rules, startsMs, verified }: CrashRun): void {
  const { events } = history;
  const violations = checkHistory(events, rules);
  tell(`${name}: ${summary(events)}`);
  const sorted = [...startsMs].sort((a, b) => a - b);
  const at = (share: number): number => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? 0);
  tell(`${name}: process start to service: median ${at(0.5)} ms, p90 ${at(0.9)} ms, longest ${at(1)} ms`);
  if (violations.length > 0) {
    const file = join(tmpdir(), `comet-crash-${name}-${process.pid}.jsonl`);
    writeFileSync(file, history.toJsonLines());
    tell(`${name}: ${violations.length} violations; what clients saw is in ${file}`);
  }
  expect(violations.slice(0, 20)).toEqual([]);
  expect(verified, verified.text).toMatchObject({ isWhole: true });
  // A load that acknowledged nothing proves nothing.
  for (const op of ['send', 'end', 'deliver', 'commit', 'back', 'lookup', 'create'] as const)
    expect(count(events, op, 'ok'), op).toBeGreaterThan(startsMs.length / 2);
  expect(at(0.5)).toBeLessThan(START_MAX_MS);
}

function count(events: readonly HistoryEvent[], op: HistoryEvent['op'], phase: HistoryPhase): number {
  return events.filter((event) => event.op === op && event.phase === phase).length;
}

function summary(events: readonly HistoryEvent[]): string {
  const of = (op: HistoryEvent['op'], phase: HistoryPhase = 'ok'): number => count(events, op, phase);
  return [
    `${of('kill')} kills`,
    `${of('send')} messages acknowledged, ${of('send', 'info')} indeterminate, ${of('send', 'fail')} refused`,
    `${of('end')} transactions decided`,
    `${of('back')} messages returned`,
    `${of('lookup')} lookups`,
    `${of('commit')} offset commits`,
    `${of('create')} topics`,
  ].join(', ');
}
