import type { HistoryEvent } from './history-event.ts';

/** A message's send: what was asked and how it ended; one without an end was cut off. */
export interface SentMessage {
  readonly id: string;
  readonly invoke: HistoryEvent;
  readonly end: HistoryEvent | undefined;
  readonly outcome: 'ok' | 'fail' | 'info';
}

/** What was decided about a half message. */
export interface Decisions {
  /** When a commit was first asked for, ms; undefined: never. */
  commitInvoked: number | undefined;
  committed: boolean;
  rolledBack: boolean;
}

/** A history with the tables that several checkers need. */
export interface HistoryView {
  readonly events: readonly HistoryEvent[];
  readonly sends: ReadonlyMap<string, SentMessage>;
  readonly decisions: ReadonlyMap<string, Decisions>;
  /** Observers that read everything from first to last after the faults were over. */
  readonly drains: readonly string[];
  /** What each of them saw, in its order. */
  readonly drained: ReadonlyMap<string, readonly HistoryEvent[]>;
  /** Times of kills, ms, rising. */
  readonly kills: readonly number[];
  /** When the broker did not serve, ms; it may have been killed again before it did. */
  readonly downtimes: readonly { readonly from: number; readonly to: number }[];
}

export interface Violation {
  /** C1 to C12. */
  readonly checker: string;
  readonly text: string;
}

/** Looks for one kind of violation; pure. */
export type Checker = (history: HistoryView) => Violation[];

export function viewHistory(events: readonly HistoryEvent[], drains: readonly string[]): HistoryView {
  const sends = new Map<string, SentMessage>();
  const decisions = new Map<string, Decisions>();
  const drained = new Map<string, HistoryEvent[]>(drains.map((drain) => [drain, []]));
  const kills: number[] = [];
  for (const event of events) {
    if (event.op === 'send') noteSend(sends, event);
    else if (event.op === 'end') noteDecision(decisions, event);
    else if (event.op === 'deliver') drained.get(event.proc)?.push(event);
    else if (event.op === 'kill') kills.push(event.t);
  }
  return { events, sends, decisions, drains, drained, kills, downtimes: downtimesOf(events) };
}

function downtimesOf(events: readonly HistoryEvent[]): { readonly from: number; readonly to: number }[] {
  const downtimes: { readonly from: number; readonly to: number }[] = [];
  let from: number | undefined;
  for (const { op, t } of events) {
    if (op === 'kill') from ??= t;
    if (op !== 'start' || from === undefined) continue;
    downtimes.push({ from, to: t });
    from = undefined;
  }
  return downtimes;
}

function noteSend(sends: Map<string, SentMessage>, event: HistoryEvent): void {
  const { id = '', phase } = event;
  const known = sends.get(id);
  if (phase === 'invoke') {
    if (known !== undefined)
      throw new Error(`message ${id} was sent twice: names of messages must be different`);
    sends.set(id, { id, invoke: event, end: undefined, outcome: 'info' });
  } else {
    if (known === undefined) throw new Error(`the send of ${id} ends without having begun`);
    sends.set(id, { ...known, end: event, outcome: phase });
  }
}

function noteDecision(decisions: Map<string, Decisions>, { id = '', tx, phase, t }: HistoryEvent): void {
  const known = decisions.get(id) ?? { commitInvoked: undefined, committed: false, rolledBack: false };
  if (tx === 'commit') {
    if (phase === 'invoke') known.commitInvoked ??= t;
    if (phase === 'ok') known.committed = true;
  } else if (phase === 'ok') {
    known.rolledBack = true;
  }
  decisions.set(id, known);
}

/** True when a half message must be visible, an ordinary one when it was acknowledged. */
export function mustBeVisible(history: HistoryView, { id, invoke, outcome }: SentMessage): boolean {
  if (invoke.tx !== 'half') return outcome === 'ok';
  return history.decisions.get(id)?.committed === true;
}
