import type { HistoryEvent } from './history-event.ts';
import { queueOf } from './history-event.ts';
import type { Checker, HistoryView } from './history-view.ts';

export interface TimingBounds {
  /** Delivery this much before the due time is on time: clocks tick, ms. */
  readonly earlyMs: number;
  /** Delivery this much after the due time is on time, not counting times when the broker was down. */
  readonly lateMs: number;
}

/** C8: a delayed message was delivered early, late, or twice. */
export function checkTiming(bounds: TimingBounds): Checker {
  return (history) => {
    const violations = [];
    for (const [drain, deliveries] of history.drained) {
      const first = new Map<string, HistoryEvent>();
      for (const event of deliveries) {
        const { id = '', stored = 0 } = event;
        const sent = history.sends.get(id);
        if (sent?.invoke.due === undefined || sent.invoke.topic !== event.topic) continue;
        const lateBy = stored - sent.invoke.due;
        if (lateBy < -bounds.earlyMs)
          violations.push({ checker: 'C8', text: `${drain} saw ${id} ${-lateBy} ms before it was due` });
        const other = first.get(id);
        first.set(id, other ?? event);
        if (other === undefined) {
          const downMs = downBetween(history, sent.invoke.t, stored);
          if (lateBy > bounds.lateMs + downMs)
            violations.push({
              checker: 'C8',
              text: `${drain} saw ${id} ${lateBy} ms after it was due, ${downMs} ms down`,
            });
        } else {
          const text = `${drain} saw ${id} at ${other.qoff ?? -1} and ${event.qoff ?? -1} of ${queueOf(event)}`;
          violations.push({ checker: 'C8', text });
        }
      }
    }
    return violations;
  };
}

/** Time within a span during which the broker was down, ms. */
function downBetween({ downtimes }: HistoryView, from: number, to: number): number {
  const overlaps = downtimes.map((down) => Math.max(0, Math.min(down.to, to) - Math.max(down.from, from)));
  return overlaps.reduce((sum, ms) => sum + ms, 0);
}
