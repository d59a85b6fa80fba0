import type { HistoryEvent } from './history-event.ts';
import { queueOf } from './history-event.ts';
import type { Checker, HistoryView } from './history-view.ts';

/**
 * C12: a lookup disagrees with the log. By key: exactly the messages of that key that were acknowledged before it began,
 * and perhaps ones that were under way. By place: that message. By time: the first message of the queue stored at or
 * after it.
 */
export const checkLookup: Checker = (history) => {
  const violations = [];
  const byKey = sendsByKey(history);
  const invokes = new Map<string, HistoryEvent>();
  for (const event of history.events) {
    if (event.op !== 'lookup') continue;
    if (event.phase === 'invoke') invokes.set(event.proc, event);
    const invoke = invokes.get(event.proc);
    if (event.phase !== 'ok' || invoke === undefined) continue;
    const wrong =
      event.key !== undefined
        ? byKeyProblem(event, invoke, byKey)
        : event.stored !== undefined
          ? byTimeProblem(event, history)
          : byPlaceProblem(event);
    if (wrong !== undefined) violations.push({ checker: 'C12', text: `${event.proc}: ${wrong}` });
  }
  return violations;
};

interface KeySend {
  readonly id: string;
  readonly topic: string | undefined;
  readonly ackedAt: number | undefined;
}

function sendsByKey({ sends }: HistoryView): ReadonlyMap<string, readonly KeySend[]> {
  const table = new Map<string, KeySend[]>();
  for (const { id, invoke, end, outcome } of sends.values()) {
    if (invoke.key === undefined || invoke.tx !== undefined || invoke.due !== undefined) continue;
    const send = { id, topic: invoke.topic, ackedAt: outcome === 'ok' ? end?.t : undefined };
    table.set(invoke.key, [...(table.get(invoke.key) ?? []), send]);
  }
  return table;
}

function byKeyProblem(
  { key = '', ids = [], topic }: HistoryEvent,
  invoke: HistoryEvent,
  byKey: ReadonlyMap<string, readonly KeySend[]>,
): string | undefined {
  const possible = (byKey.get(key) ?? []).filter((send) => send.topic === topic);
  const missing = possible.find(
    ({ id, ackedAt }) => ackedAt !== undefined && ackedAt < invoke.t && !ids.includes(id),
  );
  if (missing !== undefined) return `key ${key} does not find ${missing.id}`;
  const extra = ids.find((id) => !possible.some((send) => send.id === id));
  if (extra !== undefined) return `key ${key} finds ${extra}`;
  return new Set(ids).size === ids.length ? undefined : `key ${key} finds a message twice: ${ids.join(', ')}`;
}

function byPlaceProblem({ id = '', ids = [] }: HistoryEvent): string | undefined {
  return ids.length === 1 && ids[0] === id
    ? undefined
    : `the place of ${id} holds ${ids.join(', ') || 'nothing'}`;
}

function byTimeProblem(event: HistoryEvent, { drained }: HistoryView): string | undefined {
  const queue = queueOf(event);
  const { stored: time = 0, qoff: found = -1 } = event;
  for (const deliveries of drained.values()) {
    const own = deliveries.filter((delivery) => queueOf(delivery) === queue);
    const before = own.find(({ qoff = -1, stored = 0 }) => qoff < found && stored >= time);
    const after = own.find(({ qoff = -1, stored = 0 }) => qoff === found && stored < time);
    const wrong = before ?? after;
    if (wrong !== undefined)
      return `time ${time} finds ${found} in ${queue}, but ${wrong.qoff ?? -1} was stored at ${wrong.stored ?? 0}`;
  }
  return undefined;
}
