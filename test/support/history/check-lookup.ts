import type { HistoryEvent } from './history-event.ts';
import { queueOf } from './history-event.ts';
import type { Checker, HistoryView } from './history-view.ts';

/**
 * C12: a lookup disagrees with the log. By key: exactly the messages of that key that were acknowledged before it began,
 * and perhaps ones that were under way. By place: that message. By time: the first message of the queue stored at or
 * after it (store times never go back within a queue).
 */
export const checkLookup: Checker = (history) => {
  const violations = [];
  const byKey = sendsByKey(history);
  const byQueue = deliveriesByQueue(history);
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
          ? byTimeProblem(event, invoke, byQueue, history)
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
    const send = {
      id,
      topic: invoke.topic,
      ackedAt: outcome === 'ok' && invoke.unsynced !== true ? end?.t : undefined,
    };
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

function deliveriesByQueue({ drained }: HistoryView): ReadonlyMap<string, readonly HistoryEvent[]> {
  const table = new Map<string, HistoryEvent[]>();
  const [first = []] = drained.values();
  for (const event of first) {
    const queue = queueOf(event);
    const list = table.get(queue);
    if (list === undefined) table.set(queue, [event]);
    else list.push(event);
  }
  for (const list of table.values()) list.sort((a, b) => (a.qoff ?? 0) - (b.qoff ?? 0));
  return table;
}

function byTimeProblem(
  event: HistoryEvent,
  invoke: HistoryEvent,
  byQueue: ReadonlyMap<string, readonly HistoryEvent[]>,
  { sends }: HistoryView,
): string | undefined {
  const queue = queueOf(event);
  const { stored: time = 0, qoff: found = -1 } = event;
  const own = byQueue.get(queue) ?? [];
  const at = own.findIndex(({ qoff = -1 }) => qoff >= found);
  const [before, there] = at < 0 ? [own.at(-1)] : [own[at - 1], own[at]];
  // The end of the queue is an answer, too: what is there later may be older, because it was on its way.
  const sent = sends.get(there?.id ?? '');
  const isKnown = sent?.invoke.unsynced !== true && (sent?.end?.t ?? Infinity) < invoke.t;
  const isEarlier = before !== undefined && (before.stored ?? 0) >= time;
  const isTooOld = there?.qoff === found && (there.stored ?? 0) < time && isKnown;
  const wrong = isEarlier ? before : isTooOld ? there : undefined;
  if (wrong === undefined) return undefined;
  return `time ${time} finds ${found} in ${queue}, but ${wrong.qoff ?? -1} was stored at ${wrong.stored ?? 0}`;
}
