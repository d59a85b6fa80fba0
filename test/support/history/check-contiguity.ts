import { queueOf } from './history-event.ts';
import type { HistoryEvent } from './history-event.ts';
import type { Checker, HistoryView, Violation } from './history-view.ts';

/**
 * C6: a queue has a hole or a repeat, its range is impossible or goes back, an acknowledged offset lies beyond its end,
 * or a batch is there in part or torn apart.
 */
export const checkContiguity: Checker = (history) => [
  ...checkRanges(history.events),
  ...[...history.drained].flatMap(([drain, deliveries]) => checkDrain(drain, deliveries, history)),
];

function checkRanges(events: readonly HistoryEvent[]): Violation[] {
  const violations: Violation[] = [];
  const ends = new Map<string, { min: number; max: number }>();
  for (const event of events) {
    if (event.op !== 'range' || event.phase !== 'ok') continue;
    const { min = 0, max = 0 } = event;
    const queue = queueOf(event);
    if (min > max) violations.push({ checker: 'C6', text: `${queue} goes from ${min} to ${max}` });
    const known = ends.get(queue) ?? { min: 0, max: 0 };
    if (max < known.max)
      violations.push({ checker: 'C6', text: `the end of ${queue} went from ${known.max} back to ${max}` });
    if (min < known.min)
      violations.push({ checker: 'C6', text: `the begin of ${queue} went from ${known.min} back to ${min}` });
    ends.set(queue, { min: Math.max(min, known.min), max: Math.max(max, known.max) });
  }
  return violations;
}

function push<T>(table: Map<string, T[]>, key: string, value: T): void {
  const list = table.get(key);
  if (list === undefined) table.set(key, [value]);
  else list.push(value);
}

function checkDrain(
  drain: string,
  deliveries: readonly HistoryEvent[],
  { events, sends }: HistoryView,
): Violation[] {
  const violations: Violation[] = [];
  const queues = new Map<string, number[]>();
  const batches = new Map<string, HistoryEvent[]>();
  for (const event of deliveries) {
    const queue = queueOf(event);
    push(queues, queue, event.qoff ?? -1);
    const batch = sends.get(event.id ?? '')?.invoke.batch;
    if (batch !== undefined) push(batches, batch, event);
  }
  for (const event of events) {
    if (event.op !== 'range' || event.proc !== drain) continue;
    const { min = 0, max = 0 } = event;
    const offsets = (queues.get(queueOf(event)) ?? []).sort((a, b) => a - b);
    const wrong = offsets.findIndex((offset, index) => offset !== min + index);
    if (wrong >= 0)
      violations.push({
        checker: 'C6',
        text: `${drain} saw ${offsets[wrong] ?? -1} where ${min + wrong} of ${queueOf(event)} should be`,
      });
    else if (offsets.length !== max - min)
      violations.push({
        checker: 'C6',
        text: `${drain} saw ${offsets.length} of ${max - min} messages of ${queueOf(event)}`,
      });
  }
  const sizes = new Map<string, number>();
  for (const { invoke } of sends.values())
    if (invoke.batch !== undefined) sizes.set(invoke.batch, (sizes.get(invoke.batch) ?? 0) + 1);
  for (const [batch, members] of batches) {
    const offsets = members.map(({ qoff = -1 }) => qoff);
    const spread = Math.max(...offsets) - Math.min(...offsets) + 1;
    const size = sizes.get(batch) ?? 0;
    if (members.length !== size || spread !== size || new Set(members.map(queueOf)).size > 1)
      violations.push({
        checker: 'C6',
        text: `${drain} saw ${members.length} of the ${size} messages of batch ${batch}, over ${spread} places`,
      });
  }
  return violations;
}
