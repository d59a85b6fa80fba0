import { queueOf } from './history-event.ts';
import type { Checker, HistoryView, Violation } from './history-view.ts';
import { mustBeVisible } from './history-view.ts';

/** C1: an acknowledged message that an observer who read everything did not see, or not where the answer said. */
export const checkLost: Checker = (history) => [...checkSent(history), ...checkReturned(history)];

function checkSent(history: HistoryView): Violation[] {
  const violations = [];
  for (const [drain, deliveries] of history.drained) {
    const places = new Map<string, string>();
    const seen = new Set<string>();
    for (const event of deliveries) {
      places.set(`${queueOf(event)}@${event.qoff ?? -1}`, event.id ?? '');
      seen.add(event.id ?? '');
    }
    for (const sent of history.sends.values()) {
      if (!mustBeVisible(history, sent)) continue;
      const { id, invoke, end } = sent;
      if (!seen.has(id))
        violations.push({ checker: 'C1', text: `${drain} never saw ${id}, which was acknowledged` });
      // The answers to delayed and half messages name a place in an internal queue.
      if (invoke.due !== undefined || invoke.tx !== undefined || end?.qoff === undefined) continue;
      const place = `${invoke.topic ?? ''}/${end.queue ?? -1}@${end.qoff}`;
      if (places.get(place) !== id) {
        const other = places.get(place) ?? 'nothing';
        violations.push({ checker: 'C1', text: `${drain} saw ${other} at ${place}, acknowledged for ${id}` });
      }
    }
  }
  return violations;
}

function checkReturned({ events, drained }: HistoryView): Violation[] {
  const violations = [];
  for (const [drain, deliveries] of drained) {
    const seen = new Set(deliveries.map(({ topic = '', id = '' }) => `${topic} ${id}`));
    for (const { op, phase, topic = '', id = '' } of events) {
      if (op !== 'back' || phase !== 'ok' || seen.has(`${topic} ${id}`)) continue;
      violations.push({
        checker: 'C1',
        text: `${drain} does not find ${id} in ${topic}, where it was returned to`,
      });
    }
  }
  return violations;
}

/** C2: something was delivered that nobody sent, whose send was refused, or that is not what was sent. */
export const checkPhantom: Checker = ({ events, sends }) => {
  const violations = [];
  const returned = new Set<string>();
  for (const event of events) {
    const { id = '', body, proc, op, topic = '' } = event;
    if (op === 'back') returned.add(`${topic} ${id}`);
    if (op !== 'deliver') continue;
    const sent = sends.get(id);
    const where = `${proc} saw ${id} in ${queueOf(event)}`;
    if (sent === undefined) violations.push({ checker: 'C2', text: `${where}, which nobody sent` });
    else if (sent.outcome === 'fail')
      violations.push({ checker: 'C2', text: `${where}, whose send was refused` });
    else if (sent.invoke.body !== body)
      violations.push({ checker: 'C2', text: `${where} with another body than was sent` });
    else if (topic !== sent.invoke.topic && !returned.has(`${topic} ${id}`))
      violations.push({ checker: 'C2', text: `${where}, sent to ${sent.invoke.topic ?? ''}` });
  }
  return violations;
};
