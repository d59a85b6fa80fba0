import { queueOf } from './history-event.ts';
import type { Checker } from './history-view.ts';

/**
 * C4: a group's reader went back in a queue although the broker was not started anew in between; or messages that one
 * producer sent in order lie in different queues or in another order.
 */
export const checkOrder: Checker = (history) => {
  const violations = [];
  let reached = new Map<string, number>();
  for (const event of history.events) {
    if (event.op === 'start') reached = new Map();
    if (event.op !== 'deliver' || event.group === undefined) continue;
    const reader = `${event.proc} of ${event.group} in ${queueOf(event)}`;
    const { qoff = -1 } = event;
    const last = reached.get(reader) ?? -1;
    if (qoff < last) violations.push({ checker: 'C4', text: `${reader} went from ${last} back to ${qoff}` });
    reached.set(reader, qoff);
  }
  for (const [drain, deliveries] of history.drained) {
    const newest = new Map<string, { readonly queue: string; readonly seq: number; readonly qoff: number }>();
    for (const event of deliveries) {
      const invoke = history.sends.get(event.id ?? '')?.invoke;
      if (invoke?.order === undefined || invoke.topic !== event.topic) continue;
      const { order, seq = -1 } = invoke;
      const { qoff = -1 } = event;
      const queue = queueOf(event);
      const last = newest.get(order);
      if (last !== undefined && last.queue !== queue) {
        violations.push({ checker: 'C4', text: `${drain} saw ${order} in ${last.queue} and in ${queue}` });
      } else if (last !== undefined && qoff > last.qoff !== seq > last.seq && seq !== last.seq) {
        const text = `${drain} saw ${order}: ${last.seq} at ${last.qoff}, ${seq} at ${qoff}`;
        violations.push({ checker: 'C4', text });
      }
      newest.set(order, { queue, seq, qoff });
    }
  }
  return violations;
};
