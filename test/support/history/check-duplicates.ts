import { queueOf } from './history-event.ts';
import type { Checker, HistoryView, Violation } from './history-view.ts';

/**
 * C3a: one send lies at two places of its topic. Our clients send each message once, so there is no excuse; copies of
 * delayed messages are judged by C8, committed ones by C7. A returned message comes once for each time it was returned.
 */
export const checkDuplicateAppend: Checker = (history) => [...checkSent(history), ...checkReturned(history)];

function checkReturned({ events, drained }: HistoryView): Violation[] {
  const violations: Violation[] = [];
  const returned = new Map<string, number>();
  for (const { op, phase, topic = '', id = '' } of events) {
    if (op === 'back' && phase === 'invoke') count(returned, `${id} in ${topic}`);
  }
  for (const [drain, deliveries] of drained) {
    const copies = new Map<string, number>();
    for (const { topic = '', id = '' } of deliveries) {
      const name = `${id} in ${topic}`;
      const [seen, times] = [count(copies, name), returned.get(name)];
      if (times !== undefined && seen > times)
        violations.push({
          checker: 'C3a',
          text: `${drain} saw ${name} ${seen} times, returned ${times} times`,
        });
    }
  }
  return violations;
}

function count(table: Map<string, number>, key: string): number {
  const next = (table.get(key) ?? 0) + 1;
  table.set(key, next);
  return next;
}

function checkSent({ drained, sends }: HistoryView): Violation[] {
  const violations = [];
  for (const [drain, deliveries] of drained) {
    const places = new Map<string, string>();
    for (const event of deliveries) {
      const { id = '', topic = '' } = event;
      const invoke = sends.get(id)?.invoke;
      if (invoke?.due !== undefined || invoke?.tx !== undefined || topic !== invoke?.topic) continue;
      const place = `${queueOf(event)}@${event.qoff ?? -1}`;
      const other = places.get(id);
      if (other !== undefined && other !== place) {
        violations.push({ checker: 'C3a', text: `${drain} saw ${id} at ${other} and at ${place}` });
      }
      places.set(id, place);
    }
  }
  return violations;
}

/**
 * C3b: one place was delivered twice to a group although the broker was not started anew in between. (What the old process
 * sent may be read after its end, so the new one's start is the border.)
 */
export const checkDuplicateDelivery: Checker = ({ events }) => {
  const violations = [];
  let seen = new Set<string>();
  for (const event of events) {
    if (event.op === 'start') seen = new Set();
    if (event.op !== 'deliver' || event.group === undefined) continue;
    const place = `${event.group} ${queueOf(event)}@${event.qoff ?? -1}`;
    if (seen.has(place))
      violations.push({ checker: 'C3b', text: `${place} was delivered twice without a crash` });
    seen.add(place);
  }
  return violations;
};
