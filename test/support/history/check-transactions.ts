import type { HistoryEvent } from './history-event.ts';
import { queueOf } from './history-event.ts';
import type { Checker } from './history-view.ts';

/**
 * C7: a half message was seen before its commit was asked for, after a rollback, or at two places, or the decision of an
 * acknowledged one was refused. That a committed one
 * is seen at all is C1.
 */
export const checkTransactions: Checker = (history) => {
  const violations = [];
  for (const event of history.events) {
    if (event.op === 'end' && event.phase === 'fail') {
      const text = `the ${event.tx ?? ''} of ${event.id ?? ''} was refused: ${event.note ?? ''}`;
      violations.push({ checker: 'C7', text });
    }
    if (event.op !== 'deliver' || history.sends.get(event.id ?? '')?.invoke.tx !== 'half') continue;
    const { id = '', proc } = event;
    const decisions = history.decisions.get(id);
    if (decisions?.rolledBack === true) {
      violations.push({ checker: 'C7', text: `${proc} saw ${id}, which was rolled back` });
    } else if (decisions?.commitInvoked === undefined) {
      violations.push({ checker: 'C7', text: `${proc} saw ${id}, which nobody committed` });
    } else if (event.t < decisions.commitInvoked) {
      violations.push({ checker: 'C7', text: `${proc} saw ${id} before its commit` });
    }
  }
  for (const [drain, deliveries] of history.drained) {
    const places = new Map<string, HistoryEvent>();
    for (const event of deliveries) {
      const { id = '' } = event;
      if (history.sends.get(id)?.invoke.tx !== 'half') continue;
      const other = places.get(id);
      if (other !== undefined && (other.qoff !== event.qoff || queueOf(other) !== queueOf(event))) {
        const text = `${drain} saw ${id} at ${other.qoff ?? -1} and ${event.qoff ?? -1} of ${queueOf(event)}`;
        violations.push({ checker: 'C7', text });
      }
      places.set(id, event);
    }
  }
  return violations;
};
