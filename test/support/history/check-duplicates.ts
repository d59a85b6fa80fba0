import { queueOf } from './history-event.ts';
import type { Checker } from './history-view.ts';

/**
 * C3a: one send lies at two places of its topic. Our clients send each message once, so there is no excuse; copies of
 * delayed messages are judged by C8, committed ones by C7, and topics of retries and dead letters hold copies on purpose.
 */
export const checkDuplicateAppend: Checker = ({ drained, sends }) => {
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
};

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
