import { placeOf } from './history-event.ts';
import type { HistoryEvent } from './history-event.ts';
import type { Checker } from './history-view.ts';

/** C5: two who looked at one place of a queue, or an answer and one who looked, do not agree on what is there. */
export const checkAgreement: Checker = ({ events, sends }) => {
  const violations = [];
  const table = new Map<
    string,
    { readonly id: string; readonly phys: number | undefined; readonly proc: string }
  >();
  for (const event of events) {
    if (!tellsPlace(event)) continue;
    const { id = '', phys, proc } = event;
    const invoke = sends.get(id)?.invoke;
    // The answers to delayed and half messages name a place in an internal queue.
    if (event.op === 'send' && (invoke?.due !== undefined || invoke?.tx !== undefined)) continue;
    const place = placeOf(event.op === 'send' ? { ...event, topic: invoke?.topic ?? '' } : event);
    const known = table.get(place);
    if (known === undefined) table.set(place, { id, phys, proc });
    else if (known.id !== id)
      violations.push({
        checker: 'C5',
        text: `${place} is ${known.id} for ${known.proc}, ${id} for ${proc}`,
      });
    else if (phys !== undefined && known.phys !== undefined && phys !== known.phys)
      violations.push({
        checker: 'C5',
        text: `${place} lies at ${known.phys} for ${known.proc}, at ${phys} for ${proc}`,
      });
  }
  return violations;
};

function tellsPlace({ op, phase, qoff }: HistoryEvent): boolean {
  return phase === 'ok' && qoff !== undefined && (op === 'deliver' || op === 'send');
}
